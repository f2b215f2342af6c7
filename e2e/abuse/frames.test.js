// WebSocket frames that violate RFC 6455. Each closes its own connection with the right code.

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
  const connection = await openTcpWebSocket(server);
  await connection.write(Buffer.concat(frames));
  assert.equal(await connection.end(), code);
}

async function echoes(connection, text) {
  const reply = await connection.frame();
  assert.deepEqual([reply?.opcode, reply?.payload.toString()], [TEXT, text]);
}

describe("the connection is closed with 1002 for", () => {
  const errors = {
    "a frame without a mask": [frame(TEXT, "hello", { masked: false })],
    "an unmasked control frame": [frame(PING, "", { masked: false })],
    "RSV1 without an extension that defines it": [frame(TEXT, "hello", { rsv: 4 })],
    "RSV2": [frame(TEXT, "hello", { rsv: 2 })],
    "RSV3": [frame(TEXT, "hello", { rsv: 1 })],
    "a ping in two fragments": [frame(PING, "a", { fin: false })],
    "a ping of more than 125 bytes": [frame(PING, Buffer.alloc(126))],
    "a close frame of more than 125 bytes": [frame(CLOSE, Buffer.concat([Buffer.from([3, 232]), Buffer.alloc(124, 65)]))],
    "a continuation frame without a message": [frame(CONTINUATION, "hello")],
    "a new message before the last fragment of another one": [frame(TEXT, "a", { fin: false }), frame(TEXT, "b")],
    "a close frame with half a code": [frame(CLOSE, Buffer.from([3]))],
    "a length beyond 63 bits": [frame(BINARY, "", { length: 1n << 63n })],
  };
  for (const [error, frames] of Object.entries(errors)) test(error, () => endsWith(PROTOCOL_ERROR, ...frames));

  for (const opcode of [3, 4, 5, 6, 7, 11, 12, 13, 14, 15]) {
    test(`the reserved opcode ${opcode}`, () => endsWith(PROTOCOL_ERROR, frame(opcode, "hello")));
  }

  for (const code of [0, 999, 1004, 1005, 1006, 1015, 1016, 2999, 5000, 65_535]) {
    test(`the invalid close code ${code}`, () => endsWith(PROTOCOL_ERROR, closeFrame(code)));
  }
});

describe("the connection is closed with 1007 for a text message", () => {
  const texts = {
    "with a byte that is invalid in UTF-8": [0x68, 0xff],
    "with a continuation byte at the beginning": [0x80],
    "that ends inside a character": [0xe2, 0x82],
    "with an overlong encoding": [0xc0, 0x80],
    "with a surrogate": [0xed, 0xa0, 0x80],
    "with a character beyond Unicode": [0xf4, 0x90, 0x80, 0x80],
  };
  for (const [text, bytes] of Object.entries(texts)) {
    test(text, () => endsWith(BAD_UTF8, frame(TEXT, Buffer.from(bytes))));
    test(`${text}, in fragments of one byte`, () => {
      const frames = bytes.map((byte, i) => frame(i ? CONTINUATION : TEXT, Buffer.from([byte]), { fin: i === bytes.length - 1 }));
      return endsWith(BAD_UTF8, ...frames);
    });
  }

  test("with an invalid byte after 50,000 valid ones", () => endsWith(BAD_UTF8, frame(TEXT, Buffer.concat([Buffer.alloc(50_000, 0x61), Buffer.from([0xff])]))));

  test("in the reason of a close frame", () => endsWith(BAD_UTF8, frame(CLOSE, Buffer.from([3, 232, 0xff]))));
});

describe("the connection is closed with 1009", () => {
  test("for a frame whose declared length is too big, before its payload arrives", async () => {
    for (const length of [1_000_001, 2 ** 32, 2 ** 52]) await endsWith(TOO_BIG, frame(BINARY, "", { length }));
  });

  test("for fragments whose sum is too big", async () => {
    const connection = await openTcpWebSocket(server);
    await connection.write(frame(BINARY, Buffer.alloc(600_000), { fin: false }));
    await connection.write(frame(CONTINUATION, Buffer.alloc(600_000)));
    assert.equal(await connection.end(), TOO_BIG);
  });

  test("and the server allocates no memory for the declared length of a frame", async () => {
    await assertServesNewClients(server);
    const before = server.running.memory();
    const connections = await Promise.all(Array.from({ length: 100 }, () => openTcpWebSocket(server)));
    await Promise.all(connections.map((connection) => connection.write(frame(BINARY, "begins", { length: 1_000_000 }))));
    await assertServesNewClients(server);
    assertMemoryStable(server, before, 20, "with 100 connections that declared a megabyte each,");
    connections.forEach((connection) => connection.destroy());
  });
});

describe("the server accepts", () => {
  test("a message that arrives byte by byte", async () => {
    const connection = await openTcpWebSocket(server);
    for (const byte of frame(TEXT, "slowly €")) await connection.write(Buffer.from([byte]));
    await echoes(connection, "slowly €");
    connection.destroy();
  });

  test("a character split over fragments, with a ping between them", async () => {
    const connection = await openTcpWebSocket(server);
    const bytes = Buffer.from("€😀");
    await connection.write(Buffer.concat([...bytes].flatMap((byte, i) => [frame(i ? CONTINUATION : TEXT, Buffer.from([byte]), { fin: i === bytes.length - 1 }), ...(i === 3 ? [frame(PING, "now")] : [])])));
    const pong = await connection.frame();
    assert.deepEqual([pong.opcode, pong.payload.toString()], [PONG, "now"]);
    await echoes(connection, "€😀");
    connection.destroy();
  });

  test("messages right after the handshake, in one TCP segment", async () => {
    const connection = await openTcpWebSocket(server);
    await connection.write(Buffer.concat([frame(TEXT, "one"), frame(TEXT, ""), frame(PONG, "unsolicited"), frame(TEXT, "two")]));
    for (const text of ["one", "", "two"]) await echoes(connection, text);
    connection.destroy();
  });

  test("100,000 empty fragments, without allocating memory for them", async () => {
    const connection = await openTcpWebSocket(server);
    const before = server.running.memory();
    await connection.write(frame(TEXT, "a", { fin: false }));
    const many = Buffer.concat(Array.from({ length: 5000 }, () => frame(CONTINUATION, "", { fin: false })));
    for (let i = 0; i < 20; i++) await connection.write(many);
    await connection.write(frame(CONTINUATION, "b"));
    // A limit on the number of fragments would be allowed as well.
    const reply = await connection.frame();
    assert.ok(reply?.opcode === CLOSE || reply?.payload.toString() === "ab");
    assertMemoryStable(server, before, 10);
    connection.destroy();
  });

  for (const code of [1000, 1001, 1011, 3000, 4999]) {
    test(`the close code ${code}, and replies with it`, () => endsWith(code, closeFrame(code, "bye €")));
  }

  test("a close frame without a code, and replies without one", () => endsWith(1005, frame(CLOSE)));

  test("no frame after a close frame", async () => {
    const connection = await openTcpWebSocket(server);
    await connection.write(Buffer.concat([closeFrame(1000), frame(TEXT, "too late"), frame(7, "and wrong")]));
    const next = await connection.frame();
    assert.equal(next.opcode, CLOSE);
    await connection.ended;
  });
});

test("a connection that ends in the middle of a frame is closed", async () => {
  const whole = frame(TEXT, Buffer.alloc(70_000, 65));
  for (const cut of [1, 2, 5, 12, 100, 69_999]) {
    const connection = await openTcpWebSocket(server);
    await connection.write(whole.subarray(0, cut));
    connection.socket.end();
    await connection.ended;
  }
});

test("a connection that ends in the middle of its handshake is closed", async () => {
  const connections = [];
  for (const cut of ["G", "GET /raw HTTP/1.1\r\n", "GET /raw HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\n"]) {
    const connection = new TcpConnection(server.port);
    await connection.write(cut);
    connection.socket.end();
    connections.push(connection.ended);
  }
  await Promise.all(connections);
});

test("the server accepts new clients after all attacks", () => assertServesNewClients(server));
