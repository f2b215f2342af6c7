// Socket.IO packets as msgpack, without a client: one binary message for each packet, in the format of socket.io-msgpack-parser.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import parser from "socket.io-msgpack-parser";
import { conformanceServer, LONG_HEARTBEATS } from "../support/conformance-server.js";
import { openEngineSocket, PollingSession } from "../support/engineio.js";

const server = conformanceServer({ ...LONG_HEARTBEATS, PARSER: "msgpack" });

const encode = (packet) => new parser.Encoder().encode(packet)[0];

function decode(bytes) {
  let packet;
  const decoder = new parser.Decoder();
  decoder.on("decoded", (decoded) => (packet = decoded));
  decoder.add(bytes);
  return packet;
}

async function connected() {
  const socket = await openEngineSocket(server, { path: "/socket.io/" });
  socket.send(encode({ type: 0, nsp: "/" }));
  const connect = await socket.next();
  const auth = decode(await socket.next());
  return { socket, connect, auth };
}

test("the reply to CONNECT has exactly type, data, and namespace, in this order", async () => {
  const { socket, connect, auth } = await connected();
  const { sid } = decode(connect).data;
  assert.match(sid, /^[A-Za-z0-9_-]{20}$/);
  const expected = Buffer.concat([
    Buffer.from([0x83, 0xa4]), Buffer.from("type"), Buffer.from([0x00, 0xa4]), Buffer.from("data"),
    Buffer.from([0x81, 0xa3]), Buffer.from("sid"), Buffer.from([0xb4]), Buffer.from(sid),
    Buffer.from([0xa3]), Buffer.from("nsp"), Buffer.from([0xa1]), Buffer.from("/"),
  ]);
  assert.deepEqual(connect, expected);
  assert.deepEqual(auth, { type: 2, data: ["auth", {}], nsp: "/" });
  await socket.close();
});

test("CONNECT passes its payload to the server, and is rejected for an unknown namespace", async () => {
  const socket = await openEngineSocket(server, { path: "/socket.io/" });
  socket.send(encode({ type: 0, data: { token: "t" }, nsp: "/custom" }), encode({ type: 0, nsp: "/random" }));
  assert.equal(decode(await socket.next()).nsp, "/custom");
  assert.deepEqual(decode(await socket.next()), { type: 2, data: ["auth", { token: "t" }], nsp: "/custom" });
  assert.deepEqual(decode(await socket.next()), { type: 4, data: { message: "Invalid namespace" }, nsp: "/random" });
  await socket.close();
});

describe("an event", () => {
  test("is echoed with values of every kind, and additional keys of the client are ignored", async () => {
    const { socket } = await connected();
    const values = [null, true, -33, 127, 128, 65_536, 4_294_967_296, -9_007_199_254_740_991, 1.5, "", "é€😀".repeat(30), [1, [2]], { a: { b: [] } }];
    socket.send(encode({ type: 2, data: ["message", ...values], options: { compress: true }, nsp: "/" }));
    assert.deepEqual(decode(await socket.next()), { type: 2, data: ["message-back", ...values], nsp: "/" });
    await socket.close();
  });

  test("has binary values unchanged", async () => {
    const { socket } = await connected();
    const values = [Buffer.from([1, 2, 3]), { deep: [Buffer.alloc(70_000, 1)] }];
    socket.send(encode({ type: 2, data: ["message", ...values], nsp: "/" }));
    const back = decode(await socket.next());
    assert.equal(back.type, 2, "binary events have no separate type");
    assert.deepEqual(Buffer.from(back.data[1]), values[0]);
    assert.deepEqual(Buffer.from(back.data[2].deep[0]), values[1].deep[0]);
    await socket.close();
  });

  test("is acknowledged with its id", async () => {
    const { socket } = await connected();
    socket.send(encode({ type: 2, data: ["message-with-ack", 1, "2"], id: 456, nsp: "/" }));
    assert.deepEqual(decode(await socket.next()), { type: 3, data: [1, "2"], id: 456, nsp: "/" });
    await socket.close();
  });

  test("is encoded as base64 over long-polling", async () => {
    const session = await PollingSession.open(server, { path: "/socket.io/" });
    const packet = (value) => `b${encode(value).toString("base64")}`;
    const receive = async (count) => (await session.receive(count)).map((text) => decode(Buffer.from(text.slice(1), "base64")));
    await session.post(packet({ type: 0, nsp: "/" }));
    assert.deepEqual((await receive(2))[1], { type: 2, data: ["auth", {}], nsp: "/" });
    await session.post(packet({ type: 2, data: ["message", "x"], nsp: "/" }));
    assert.deepEqual((await receive(1))[0], { type: 2, data: ["message-back", "x"], nsp: "/" });
  });
});

test("keys may have any order, and nil counts as absent", async () => {
  const socket = await openEngineSocket(server, { path: "/socket.io/" });
  const fixed = (text) => Buffer.concat([Buffer.from([0xa0 | text.length]), Buffer.from(text)]);
  socket.send(Buffer.concat([Buffer.from([0x83]), fixed("nsp"), fixed("/"), fixed("data"), Buffer.from([0xc0]), fixed("type"), Buffer.from([0])]));
  assert.equal(decode(await socket.next()).type, 0);
  await socket.close();
});

test("DISCONNECT does not close the connection", async () => {
  const { socket } = await connected();
  socket.send(encode({ type: 1, nsp: "/" }), encode({ type: 0, nsp: "/" }));
  assert.equal(decode(await socket.next()).type, 0);
  await socket.close();
});

describe("the server closes the connection after", () => {
  const map = (value) => encode({ type: 2, data: ["message"], nsp: "/", ...value });
  for (const [name, message] of [
    ["a text message", "40"],
    ["an empty message", Buffer.alloc(0)],
    ["a value that is not a map", Buffer.from([0x93, 1, 2, 3])],
    ["an incomplete map", map({}).subarray(0, -1)],
    ["additional bytes after the map", Buffer.concat([map({}), Buffer.from([0])])],
    ["a byte that is invalid in msgpack", Buffer.from([0xc1])],
    ["an unknown type", map({ type: 9 })],
    ["the type of an event with attachments", map({ type: 5 })],
    ["an event whose data is not a list", map({ data: { a: 1 } })],
    ["an event without a namespace", encode({ type: 2, data: ["message"] })],
    ["an event of a namespace that was not joined", map({ nsp: "/custom" })],
    ["an id that is not a number", map({ id: "1" })],
    ["a list with a length of 4 billion", Buffer.concat([Buffer.from([0x81, 0xa4]), Buffer.from("data"), Buffer.from([0xdd, 0xff, 0xff, 0xff, 0xff])])],
  ]) {
    test(name, async () => {
      const { socket } = await connected();
      socket.send(message);
      await socket.closed;
      assert.deepEqual(socket.unread, []);
    });
  }
});
