// Invalid and malicious permessage-deflate messages.

import assert from "node:assert/strict";
import { test } from "node:test";
import { constants, deflateRawSync } from "node:zlib";
import { assertMemoryStable, assertServesNewClients, MEGABYTE } from "../support/assert-healthy.js";
import { conformanceServer, LONG_HEARTBEATS } from "../support/conformance-server.js";
import { CONTINUATION, frame, openTcpWebSocket, PING, TEXT } from "../support/websocket-frames.js";

const server = conformanceServer({ ...LONG_HEARTBEATS, DEFLATE: "true" });

const RSV1 = 4;
const open = () => openTcpWebSocket(server, "/raw", ["Sec-WebSocket-Extensions: permessage-deflate; client_no_context_takeover"]);

// The bytes of a deflated message as in RFC 7692: a flushed block without its last four bytes.
const deflated = (data) => deflateRawSync(data, { finishFlush: constants.Z_SYNC_FLUSH }).subarray(0, -4);

test("a message that inflates to 1 GB is rejected as too big, and the server does not allocate the memory", async () => {
  const bomb = deflated(Buffer.alloc(1 << 30));
  assert.ok(bomb.length > 1_000_000, "the complete deflated message is too big, and its first megabyte is not");
  const before = server.running.memory();
  for (let i = 0; i < 10; i++) {
    const connection = await open();
    await connection.write(frame(TEXT, bomb.subarray(0, 900_000), { rsv: RSV1 }));
    assert.equal(await connection.end(), 1009);
    assertMemoryStable(server, before, 20);
  }
});

test("a message that inflates to one byte more than allowed is rejected as too big", async () => {
  const connection = await open();
  await connection.write(frame(TEXT, deflated(Buffer.alloc(1_000_000, 65)), { rsv: RSV1 }));
  assert.equal((await connection.frame()).opcode, TEXT);
  await connection.write(frame(TEXT, deflated(Buffer.alloc(1_000_001, 65)), { rsv: RSV1 }));
  assert.equal(await connection.end(), 1009);
});

test("a fragmented message that inflates to 64 MB is rejected as too big", async () => {
  const bomb = deflated(Buffer.alloc(64 * MEGABYTE));
  const before = server.running.memory();
  const connection = await open();
  for (let at = 0; at < bomb.length; at += 1000) {
    const fin = at + 1000 >= bomb.length;
    await connection.write(frame(at ? CONTINUATION : TEXT, bomb.subarray(at, at + 1000), { rsv: at ? 0 : RSV1, fin }));
  }
  assert.equal(await connection.end(), 1009);
  assertMemoryStable(server, before, 20);
});

test("a message that cannot be inflated closes the connection", async () => {
  for (const garbage of [Buffer.alloc(100, 0xff), Buffer.from([0x06]), Buffer.from("not deflated at all")]) {
    const connection = await open();
    await connection.write(frame(TEXT, garbage, { rsv: RSV1 }));
    assert.ok([1002, 1007].includes(await connection.end()), garbage.toString("hex"));
  }
});

test("invalid UTF-8 is detected after inflating", async () => {
  const connection = await open();
  await connection.write(frame(TEXT, deflated(Buffer.from([0x61, 0xff])), { rsv: RSV1 }));
  assert.equal(await connection.end(), 1007);
});

test("RSV1 on a control frame or on a later fragment is a protocol error", async () => {
  for (const frames of [[frame(PING, "", { rsv: RSV1 })], [frame(TEXT, "", { fin: false }), frame(CONTINUATION, "x", { rsv: RSV1 })]]) {
    const connection = await open();
    await connection.write(Buffer.concat(frames));
    assert.equal(await connection.end(), 1002);
  }
});

test("a message cannot refer to the data of an earlier message", async () => {
  const connection = await open();
  const { rest } = withContext("a secret that comes first", "a secret that comes first");
  await connection.write(frame(TEXT, deflated(Buffer.from("a secret that comes first")), { rsv: RSV1 }));
  assert.equal((await connection.frame()).opcode, TEXT);
  await connection.write(frame(TEXT, rest, { rsv: RSV1 }));
  assert.ok([1002, 1007].includes(await connection.end()), "the message contains a distance that reaches beyond its beginning");
});

// Deflates the second text with the first one in the window.
function withContext(first, second) {
  return { rest: deflateRawSync(second, { finishFlush: constants.Z_SYNC_FLUSH, dictionary: Buffer.from(first) }).subarray(0, -4) };
}

test("the server accepts new clients after all attacks", () => assertServesNewClients(server));
