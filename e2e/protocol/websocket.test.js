// Messages of an Engine.IO session over WebSocket, and the errors that end it.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { conformanceServer, LONG_HEARTBEATS } from "../support/conformance-server.js";
import { openEngineSocket } from "../support/engineio.js";
import { waitForEvent } from "../support/wait-for.js";

const server = conformanceServer(LONG_HEARTBEATS);

test("texts and binaries are echoed unchanged and in order", async () => {
  const socket = await openEngineSocket(server);
  const sent = [];
  for (let i = 0; i < 300; i++) {
    const text = `4${"€😀".repeat(i % 7)}${i}`;
    const bytes = Buffer.alloc(i * 100, i);
    socket.send(text, bytes);
    sent.push(text, bytes);
  }
  for (const message of sent) assert.deepEqual(await socket.next(), message);
  await socket.close();
});

test("an empty binary and an empty text are messages", async () => {
  const socket = await openEngineSocket(server);
  socket.send(Buffer.alloc(0), "4");
  assert.deepEqual(await socket.next(), Buffer.alloc(0));
  assert.equal(await socket.next(), "4");
  await socket.close();
});

test("a base64 packet is accepted, and its echo is binary", async () => {
  const socket = await openEngineSocket(server);
  socket.send("bAQIDBA==");
  assert.deepEqual(await socket.next(), Buffer.from([1, 2, 3, 4]));
  await socket.close();
});

test("a message of the maximum size is accepted, with and without fragments", async () => {
  const socket = await openEngineSocket(server);
  const large = "4".padEnd(1_000_000, "x");
  socket.send(large);
  assert.equal(await socket.next(), large);
  for (let at = 0; at < large.length; at += 1000) socket.ws.send(large.slice(at, at + 1000), { fin: at + 1000 >= large.length });
  assert.equal(await socket.next(), large);
  await socket.close();
});

describe("the server ends the session after", () => {
  for (const [name, message, code] of [
    ["an invalid packet", "abc", null],
    ["an unknown type", "9", null],
    ["an empty text", "", null],
    ["a ping, which only the server may send", "2", null],
    ["a probe without an upgrade", "2probe", null],
    ["a text beyond the maximum size", "4".padEnd(1_000_001, "x"), 1009],
    ["a binary beyond the maximum size", Buffer.alloc(1_000_001), 1009],
  ]) {
    test(name, async () => {
      const socket = await openEngineSocket(server);
      socket.send(message);
      const closed = await socket.closed;
      if (code) assert.equal(closed.code, code);
    });
  }

  test("a close packet", async () => {
    const socket = await openEngineSocket(server);
    socket.send("1");
    assert.equal((await socket.closed).code, 1005, "the close frame has no status");
  });

  test("a close frame of the client, and replies with its code", async () => {
    const socket = await openEngineSocket(server);
    assert.equal((await socket.close(1000)).code, 1000);
  });
});

test("pong and noop packets are ignored", async () => {
  const socket = await openEngineSocket(server);
  socket.send("3", "6", "4alive");
  assert.equal(await socket.next(), "4alive");
  await socket.close();
});

test("a WebSocket ping is answered with its payload", async () => {
  const socket = await openEngineSocket(server);
  const pong = waitForEvent(socket.ws, "pong");
  socket.ws.ping("are you there");
  assert.equal((await pong)[0].toString(), "are you there");
  await socket.close();
});
