// Messages of an Engine.IO session on WebSocket, and what ends it.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { conformanceServer, LONG_HEARTBEATS } from "../support/conformance-server.js";
import { openEngineSocket } from "../support/engineio.js";
import { waitForEvent } from "../support/wait-for.js";

const server = conformanceServer(LONG_HEARTBEATS);

test("texts and binaries come back as they were, in order", async () => {
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

test("an empty binary is a message, and so is a text that is nothing but its type", async () => {
  const socket = await openEngineSocket(server);
  socket.send(Buffer.alloc(0), "4");
  assert.deepEqual(await socket.next(), Buffer.alloc(0));
  assert.equal(await socket.next(), "4");
  await socket.close();
});

test("base64 is accepted here as well, and is answered as binary", async () => {
  const socket = await openEngineSocket(server);
  socket.send("bAQIDBA==");
  assert.deepEqual(await socket.next(), Buffer.from([1, 2, 3, 4]));
  await socket.close();
});

test("a message as large as allowed is taken, whole or in fragments", async () => {
  const socket = await openEngineSocket(server);
  const large = "4".padEnd(1_000_000, "x");
  socket.send(large);
  assert.equal(await socket.next(), large);
  for (let at = 0; at < large.length; at += 1000) socket.ws.send(large.slice(at, at + 1000), { fin: at + 1000 >= large.length });
  assert.equal(await socket.next(), large);
  await socket.close();
});

describe("ends with the session", () => {
  for (const [what, message, code] of [
    ["a text that is no packet", "abc", null],
    ["an unknown type", "9", null],
    ["an empty text", "", null],
    ["a ping, which is the server's to send", "2", null],
    ["a late probe", "2probe", null],
    ["a message larger than allowed", "4".padEnd(1_000_001, "x"), 1009],
    ["a binary larger than allowed", Buffer.alloc(1_000_001), 1009],
  ]) {
    test(what, async () => {
      const socket = await openEngineSocket(server);
      socket.send(message);
      const closed = await socket.closed;
      if (code) assert.equal(closed.code, code);
    });
  }

  test("a close packet, at once", async () => {
    const socket = await openEngineSocket(server);
    socket.send("1");
    assert.equal((await socket.closed).code, 1005, "a close frame without a status");
  });

  test("the client's close frame, which is answered with its own code", async () => {
    const socket = await openEngineSocket(server);
    assert.equal((await socket.close(1000)).code, 1000);
  });
});

test("packets without a meaning here change nothing", async () => {
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
