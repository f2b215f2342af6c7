// WebSocket frames that break RFC 6455: each ends its connection with the right code, and nobody else's.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { assertMemoryStable, assertServesNewClients } from "../support/assert-healthy.js";
import { conformanceServer, LONG_HEARTBEATS } from "../support/conformance-server.js";
import { BINARY, CLOSE, closeFrame, CONTINUATION, frame, openTcpWebSocket, PING, PONG, TcpConnection, TEXT } from "../support/websocket-frames.js";

const server = conformanceServer(LONG_HEARTBEATS);

const PROTOCOL_ERROR = 1002;
const BAD_UTF8 = 1007;
const TOO_BIG = 1009;

async function endsWith(code, ...frames) {
  const wire = await openTcpWebSocket(server);
  await wire.write(Buffer.concat(frames));
  assert.equal(await wire.end(), code);
}

async function echoes(wire, text) {
  const back = await wire.frame();
  assert.deepEqual([back?.opcode, back?.payload.toString()], [TEXT, text]);
}

describe("a protocol error is", () => {
  const errors = {
    "a frame without a mask": [frame(TEXT, "hello", { masked: false })],
    "an unmasked control frame": [frame(PING, "", { masked: false })],
    "the first reserved bit, without an extension that gives it a meaning": [frame(TEXT, "hello", { rsv: 4 })],
    "the second reserved bit": [frame(TEXT, "hello", { rsv: 2 })],
    "the third reserved bit": [frame(TEXT, "hello", { rsv: 1 })],
    "a ping in two fragments": [frame(PING, "a", { fin: false })],
    "a ping of more than 125 bytes": [frame(PING, Buffer.alloc(126))],
    "a close frame of more than 125 bytes": [frame(CLOSE, Buffer.concat([Buffer.from([3, 232]), Buffer.alloc(124, 65)]))],
    "a continuation of nothing": [frame(CONTINUATION, "hello")],
    "a new message inside another": [frame(TEXT, "a", { fin: false }), frame(TEXT, "b")],
    "a close frame with half a code": [frame(CLOSE, Buffer.from([3]))],
    "a length beyond 63 bits": [frame(BINARY, "", { length: 1n << 63n })],
  };
  for (const [what, frames] of Object.entries(errors)) test(what, () => endsWith(PROTOCOL_ERROR, ...frames));

  for (const opcode of [3, 4, 5, 6, 7, 11, 12, 13, 14, 15]) {
    test(`the opcode ${opcode}, which is reserved`, () => endsWith(PROTOCOL_ERROR, frame(opcode, "hello")));
  }

  for (const code of [0, 999, 1004, 1005, 1006, 1015, 1016, 2999, 5000, 65_535]) {
    test(`the close code ${code}, which nobody may send`, () => endsWith(PROTOCOL_ERROR, closeFrame(code)));
  }
});

describe("a message is not text", () => {
  const texts = {
    "with a byte that UTF-8 does not have": [0x68, 0xff],
    "with a continuation byte of nothing": [0x80],
    "when it ends inside a character": [0xe2, 0x82],
    "with a character written too long": [0xc0, 0x80],
    "with half a surrogate pair": [0xed, 0xa0, 0x80],
    "with a character beyond Unicode": [0xf4, 0x90, 0x80, 0x80],
  };
  for (const [what, bytes] of Object.entries(texts)) {
    test(what, () => endsWith(BAD_UTF8, frame(TEXT, Buffer.from(bytes))));
    test(`${what}, in fragments of one byte`, () => {
      const frames = bytes.map((byte, i) => frame(i ? CONTINUATION : TEXT, Buffer.from([byte]), { fin: i === bytes.length - 1 }));
      return endsWith(BAD_UTF8, ...frames);
    });
  }

  test("behind a long part that is text", () => endsWith(BAD_UTF8, frame(TEXT, Buffer.concat([Buffer.alloc(50_000, 0x61), Buffer.from([0xff])]))));

  test("when it is the reason of a close frame", () => endsWith(BAD_UTF8, frame(CLOSE, Buffer.from([3, 232, 0xff]))));
});

describe("a message is too big", () => {
  test("when it says so, before a byte of it has come", async () => {
    for (const length of [1_000_001, 2 ** 32, 2 ** 52]) await endsWith(TOO_BIG, frame(BINARY, "", { length }));
  });

  test("when its fragments add up to too much", async () => {
    const wire = await openTcpWebSocket(server);
    await wire.write(frame(BINARY, Buffer.alloc(600_000), { fin: false }));
    await wire.write(frame(CONTINUATION, Buffer.alloc(600_000)));
    assert.equal(await wire.end(), TOO_BIG);
  });

  test("and takes no memory for what it only announces", async () => {
    await assertServesNewClients(server);
    const before = server.running.memory();
    const wires = await Promise.all(Array.from({ length: 100 }, () => openTcpWebSocket(server)));
    await Promise.all(wires.map((wire) => wire.write(frame(BINARY, "begins", { length: 1_000_000 }))));
    await assertServesNewClients(server);
    assertMemoryStable(server, before, 20, "100 connections that announced a megabyte each:");
    wires.forEach((wire) => wire.destroy());
  });
});

describe("what is odd and allowed is served", () => {
  test("a message that comes byte by byte", async () => {
    const wire = await openTcpWebSocket(server);
    for (const byte of frame(TEXT, "slowly €")) await wire.write(Buffer.from([byte]));
    await echoes(wire, "slowly €");
    wire.destroy();
  });

  test("a character split over fragments, with a ping between them", async () => {
    const wire = await openTcpWebSocket(server);
    const bytes = Buffer.from("€😀");
    await wire.write(Buffer.concat([...bytes].flatMap((byte, i) => [frame(i ? CONTINUATION : TEXT, Buffer.from([byte]), { fin: i === bytes.length - 1 }), ...(i === 3 ? [frame(PING, "now")] : [])])));
    const pong = await wire.frame();
    assert.deepEqual([pong.opcode, pong.payload.toString()], [PONG, "now"]);
    await echoes(wire, "€😀");
    wire.destroy();
  });

  test("a message that comes right behind the handshake, in one piece with it", async () => {
    const wire = await openTcpWebSocket(server);
    await wire.write(Buffer.concat([frame(TEXT, "one"), frame(TEXT, ""), frame(PONG, "unasked"), frame(TEXT, "two")]));
    for (const text of ["one", "", "two"]) await echoes(wire, text);
    wire.destroy();
  });

  test("empty fragments by the thousand, which take no memory", async () => {
    const wire = await openTcpWebSocket(server);
    const before = server.running.memory();
    await wire.write(frame(TEXT, "a", { fin: false }));
    const many = Buffer.concat(Array.from({ length: 5000 }, () => frame(CONTINUATION, "", { fin: false })));
    for (let i = 0; i < 20; i++) await wire.write(many);
    await wire.write(frame(CONTINUATION, "b"));
    // A limit on their number is a fair answer, too.
    const back = await wire.frame();
    assert.ok(back?.opcode === CLOSE || back?.payload.toString() === "ab");
    assertMemoryStable(server, before, 10);
    wire.destroy();
  });

  for (const code of [1000, 1001, 1011, 3000, 4999]) {
    test(`a close with ${code}, which is answered in kind`, () => endsWith(code, closeFrame(code, "bye €")));
  }

  test("a close without a code", () => endsWith(1005, frame(CLOSE)));

  test("nothing at all behind a close", async () => {
    const wire = await openTcpWebSocket(server);
    await wire.write(Buffer.concat([closeFrame(1000), frame(TEXT, "too late"), frame(7, "and wrong")]));
    const next = await wire.frame();
    assert.equal(next.opcode, CLOSE);
    await wire.ended;
  });
});

test("a client that leaves in the middle of a frame leaves nothing behind", async () => {
  const whole = frame(TEXT, Buffer.alloc(70_000, 65));
  for (const cut of [1, 2, 5, 12, 100, 69_999]) {
    const wire = await openTcpWebSocket(server);
    await wire.write(whole.subarray(0, cut));
    wire.socket.end();
    await wire.ended;
  }
});

test("a client that leaves in the middle of its handshake leaves nothing behind", async () => {
  const wires = [];
  for (const cut of ["G", "GET /raw HTTP/1.1\r\n", "GET /raw HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\n"]) {
    const wire = new TcpConnection(server.port);
    await wire.write(cut);
    wire.socket.end();
    wires.push(wire.ended);
  }
  await Promise.all(wires);
});

test("after all that, others are served", () => assertServesNewClients(server));
