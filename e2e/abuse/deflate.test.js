// Deflated messages that are not what they say to be.

import assert from "node:assert/strict";
import { test } from "node:test";
import { constants, deflateRawSync } from "node:zlib";
import { assertMemoryStable, assertServesNewClients, MEGABYTE } from "../support/assert-healthy.js";
import { conformanceServer, LONG_HEARTBEATS } from "../support/conformance-server.js";
import { CONTINUATION, frame, openTcpWebSocket, PING, TEXT } from "../support/websocket-frames.js";

const server = conformanceServer({ ...LONG_HEARTBEATS, DEFLATE: "true" });

const RSV1 = 4;
const open = () => openTcpWebSocket(server, "/raw", ["Sec-WebSocket-Extensions: permessage-deflate; client_no_context_takeover"]);

// A message's bytes as RFC 7692 wants them: a flushed block without its last four bytes.
const deflated = (data) => deflateRawSync(data, { finishFlush: constants.Z_SYNC_FLUSH }).subarray(0, -4);

test("a small message that inflates to a gigabyte is too big, and its memory is never taken", async () => {
  const bomb = deflated(Buffer.alloc(1 << 30));
  assert.ok(bomb.length > 1_000_000, "the whole of it is too big even so; its first megabyte is not");
  const before = server.running.memory();
  for (let i = 0; i < 10; i++) {
    const wire = await open();
    await wire.write(frame(TEXT, bomb.subarray(0, 900_000), { rsv: RSV1 }));
    assert.equal(await wire.end(), 1009);
    assertMemoryStable(server, before, 20);
  }
});

test("a message that inflates to one byte too many is too big", async () => {
  const wire = await open();
  await wire.write(frame(TEXT, deflated(Buffer.alloc(1_000_000, 65)), { rsv: RSV1 }));
  assert.equal((await wire.frame()).opcode, TEXT);
  await wire.write(frame(TEXT, deflated(Buffer.alloc(1_000_001, 65)), { rsv: RSV1 }));
  assert.equal(await wire.end(), 1009);
});

test("a bomb in fragments is one, too", async () => {
  const bomb = deflated(Buffer.alloc(64 * MEGABYTE));
  const before = server.running.memory();
  const wire = await open();
  for (let at = 0; at < bomb.length; at += 1000) {
    const fin = at + 1000 >= bomb.length;
    await wire.write(frame(at ? CONTINUATION : TEXT, bomb.subarray(at, at + 1000), { rsv: at ? 0 : RSV1, fin }));
  }
  assert.equal(await wire.end(), 1009);
  assertMemoryStable(server, before, 20);
});

test("what cannot be inflated ends the connection", async () => {
  for (const garbage of [Buffer.alloc(100, 0xff), Buffer.from([0x06]), Buffer.from("not deflated at all")]) {
    const wire = await open();
    await wire.write(frame(TEXT, garbage, { rsv: RSV1 }));
    assert.ok([1002, 1007].includes(await wire.end()), garbage.toString("hex"));
  }
});

test("text that is none is found after inflating", async () => {
  const wire = await open();
  await wire.write(frame(TEXT, deflated(Buffer.from([0x61, 0xff])), { rsv: RSV1 }));
  assert.equal(await wire.end(), 1007);
});

test("the mark of a deflated message belongs to its first fragment, and to no control frame", async () => {
  for (const frames of [[frame(PING, "", { rsv: RSV1 })], [frame(TEXT, "", { fin: false }), frame(CONTINUATION, "x", { rsv: RSV1 })]]) {
    const wire = await open();
    await wire.write(Buffer.concat(frames));
    assert.equal(await wire.end(), 1002);
  }
});

test("no message can refer to the one before it", async () => {
  const wire = await open();
  const { rest } = withContext("a secret that comes first", "a secret that comes first");
  await wire.write(frame(TEXT, deflated(Buffer.from("a secret that comes first")), { rsv: RSV1 }));
  assert.equal((await wire.frame()).opcode, TEXT);
  await wire.write(frame(TEXT, rest, { rsv: RSV1 }));
  assert.ok([1002, 1007].includes(await wire.end()), "a distance that reaches back beyond the message");
});

// The second text deflated with the first in the window.
function withContext(first, second) {
  return { rest: deflateRawSync(second, { finishFlush: constants.Z_SYNC_FLUSH, dictionary: Buffer.from(first) }).subarray(0, -4) };
}

test("after all that, others are served", () => assertServesNewClients(server));
