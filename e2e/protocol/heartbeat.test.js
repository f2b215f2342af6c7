// The example server pings every 300 ms and waits 200 ms for the pong.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { conformanceServer } from "../support/conformance-server.js";
import { openEngineSocket, PollingSession } from "../support/engineio.js";
import { waitFor } from "../support/wait-for.js";
import { openWebSocket } from "../support/ws-queue.js";

const server = conformanceServer();

// Resolves when the server has closed a session that begins now and sends nothing, and one more ping interval has passed.
async function waitForHeartbeatTimeout() {
  const silent = await openEngineSocket(server, { pong: false });
  await silent.closed;
  const next = await openEngineSocket(server, { pong: false });
  assert.equal(await next.next(), "2");
  await next.terminate();
}

const assertSessionUnknown = async (session) => assert.deepEqual(JSON.parse((await session.get()).text), { code: 1, message: "Session ID unknown" });

describe("over long-polling", () => {
  test("the server sends a ping after each pong", async () => {
    const session = await PollingSession.open(server);
    for (let round = 0; round < 4; round++) {
      assert.equal((await session.get()).text, "2");
      assert.equal((await session.post("3")).text, "ok");
    }
  });

  test("a session that never polls is closed", async () => {
    const session = await PollingSession.open(server);
    await waitForHeartbeatTimeout();
    await assertSessionUnknown(session);
  });

  test("a session that polls and sends no pong is closed, and its poll receives a close packet", async () => {
    const session = await PollingSession.open(server);
    assert.deepEqual(await session.packets(), ["2"]);
    assert.deepEqual(await session.packets(), ["1"]);
    await assertSessionUnknown(session);
  });

  test("a message does not replace a pong", async () => {
    const session = await PollingSession.open(server);
    const received = [];
    for (let response = await session.get(); response.status === 200 && response.text !== "1"; response = await session.get()) {
      received.push(response.text);
      if ((await session.post("4talk")).status !== 200) break;
    }
    assert.equal(received.filter((packet) => packet.split("\x1e").includes("2")).length, 1, "there is one ping and no second one");
  });
});

describe("over WebSocket", () => {
  test("the server sends a ping after each pong", async () => {
    const socket = await openEngineSocket(server, { pong: false });
    for (let round = 0; round < 4; round++) {
      assert.equal(await socket.next(), "2");
      socket.send("3");
    }
    await socket.close();
  });

  test("a session that sends no pong is closed", async () => {
    const socket = await openEngineSocket(server, { pong: false });
    await socket.closed;
    assert.deepEqual(socket.unread, ["2"]);
  });

  test("a message does not replace a pong", async () => {
    const socket = await openEngineSocket(server, { pong: false });
    socket.send("4again");
    let pings = 0;
    socket.autoReply((message) => (message === "2" ? (pings++, null) : message));
    await socket.closed;
    assert.equal(pings, 1);
  });

  test("an unsolicited pong has no effect", async () => {
    const socket = await openEngineSocket(server, { pong: false });
    socket.send("3", "3");
    assert.equal(await socket.next(), "2");
    socket.send("3");
    assert.equal(await socket.next(), "2");
    await socket.close();
  });
});

test("heartbeats continue after an upgrade", async () => {
  const session = await PollingSession.open(server);
  const socket = await openWebSocket(session.ws);
  socket.send("2probe");
  assert.equal(await socket.next(), "3probe");
  socket.send("5");
  for (let round = 0; round < 3; round++) {
    assert.equal(await socket.next(), "2");
    socket.send("3");
  }
  assert.equal(await socket.next(), "2");
  await socket.closed;
});

test("a raw WebSocket receives WebSocket pings, and is closed without a pong", async () => {
  const responsive = await openWebSocket(`${server.ws}/raw`);
  const silent = await openWebSocket(`${server.ws}/raw`, { autoPong: false });
  let pings = 0;
  const third = new Promise((resolve) => responsive.ws.on("ping", () => ++pings === 3 && resolve()));
  await Promise.all([silent.closed, waitFor(third, () => `${pings} of 3 pings have arrived`)]);
  responsive.send("still here");
  assert.equal(await responsive.next(), "still here");
  await responsive.close();
});
