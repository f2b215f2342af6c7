// From long-polling to WebSocket. No packet is lost or overtakes another, and a failed upgrade harms nobody.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { conformanceServer, LONG_HEARTBEATS } from "../support/conformance-server.js";
import { openEngineSocket, PollingSession, SEPARATOR } from "../support/engineio.js";
import { retry } from "../support/wait-until.js";
import { openWebSocket } from "../support/ws-queue.js";

const server = conformanceServer(LONG_HEARTBEATS);

async function probe(session) {
  const socket = await openWebSocket(session.ws);
  socket.send("2probe");
  assert.equal(await socket.next(), "3probe");
  return socket;
}

async function upgraded() {
  const session = await PollingSession.open(server);
  const socket = await probe(session);
  socket.send("5");
  await echoes(socket);
  return { session, socket };
}

async function echoes(socket, text = "4echo") {
  socket.send(text);
  assert.equal(await socket.next(), text);
}

async function stillPolls(session) {
  assert.equal((await session.post("4alive")).text, "ok");
  assert.deepEqual(await session.receive(1), ["4alive"]);
}

describe("while upgrading", () => {
  test("a waiting poll is ended by a noop when the probe comes", async () => {
    const session = await PollingSession.open(server);
    const polled = session.get();
    await fence();
    const socket = await probe(session);
    assert.equal((await polled).text, "6");
    await socket.terminate();
  });

  test("every further poll is ended by a noop, too", async () => {
    const session = await PollingSession.open(server);
    const socket = await probe(session);
    for (let i = 0; i < 5; i++) assert.equal((await session.get()).text, "6");
    socket.send("5");
    await echoes(socket);
    await socket.close();
  });

  test("messages still travel by long-polling, both ways", async () => {
    const session = await PollingSession.open(server);
    const socket = await probe(session);
    assert.equal((await session.post("4hello")).text, "ok");
    assert.equal((await session.get()).text, "4hello");
    socket.send("5");
    await echoes(socket);
    await socket.close();
  });

  test("what was said meanwhile leaves on the WebSocket, in order, before what is said later", async () => {
    const session = await PollingSession.open(server);
    const socket = await probe(session);
    const early = Array.from({ length: 500 }, (_, i) => (i % 3 ? `4early ${i}` : Buffer.from([i % 256])));
    const payload = early.map((message) => (typeof message === "string" ? message : `b${message.toString("base64")}`));
    assert.equal((await session.post(payload.join(SEPARATOR))).text, "ok");
    socket.send("5", "4late");
    for (const message of [...early, "4late"]) assert.deepEqual(await socket.next(), message);
    await socket.close();
  });

  test("a second WebSocket for the session is let in and closed, and the first goes on", async () => {
    const session = await PollingSession.open(server);
    const first = await probe(session);
    const second = await openWebSocket(session.ws);
    assert.equal((await second.closed).code, 1005);
    assert.equal(second.error, undefined);
    first.send("5");
    await echoes(first);
    await first.close();
  });
});

describe("the upgrade", () => {
  test("needs no probe", async () => {
    const session = await PollingSession.open(server);
    await session.post("4before");
    const socket = await openWebSocket(session.ws);
    socket.send("5");
    assert.equal(await socket.next(), "4before");
    await echoes(socket);
    await socket.close();
  });

  test("takes everything in one go: the probe, its end and a message behind it", async () => {
    const session = await PollingSession.open(server);
    const socket = await openWebSocket(session.ws);
    socket.send("2probe", "5", "4hello");
    assert.equal(await socket.next(), "3probe");
    assert.equal(await socket.next(), "4hello");
    await socket.close();
  });

  test("answers a poll that waits all the same with a close packet", async () => {
    const session = await PollingSession.open(server);
    const polled = session.get();
    await fence();
    const socket = await openWebSocket(session.ws);
    socket.send("5");
    assert.equal((await polled).text, "1");
    await echoes(socket);
    await socket.close();
  });

  test("may be tried again after a failure", async () => {
    const session = await PollingSession.open(server);
    for (let i = 0; i < 3; i++) await (await probe(session)).cut();
    await stillPolls(session);
    // Until the server has seen the last one go, another is let in and closed.
    const socket = await retry(1000, async () => {
      const next = await openWebSocket(session.ws);
      next.send("2probe");
      return (await next.next().catch(() => null)) === "3probe" ? next : null;
    });
    socket.send("5");
    await echoes(socket);
    await socket.close();
  });
});

describe("a failed upgrade leaves the session alive", () => {
  for (const [what, fail] of [
    ["when the probing WebSocket says something else", (socket) => socket.send("4not yet")],
    ["when it says something that is no packet", (socket) => socket.send("abc")],
    ["when it sends a binary", (socket) => socket.send(Buffer.from([1]))],
    ["when it asks with a plain ping", (socket) => socket.send("2")],
    ["when it closes", (socket) => socket.ws.close()],
    ["when it is cut", (socket) => socket.ws.terminate()],
    ["when it says something else after its probe", (socket) => socket.send("2probe", "4not yet")],
  ]) {
    test(what, async () => {
      const session = await PollingSession.open(server);
      const socket = await openWebSocket(session.ws);
      fail(socket);
      await socket.closed;
      await stillPolls(session);
    });
  }

  test("when it claims to be long-polling: it is let in and closed", async () => {
    const session = await PollingSession.open(server);
    const socket = await openWebSocket(session.ws.replace("transport=websocket", "transport=polling"));
    await socket.closed;
    await stillPolls(session);
  });
});

describe("after the upgrade", () => {
  test("requests with the session's id are bad requests, and the session goes on", async () => {
    const { session, socket } = await upgraded();
    for (const answer of [await session.get(), await session.post("4x")]) {
      assert.deepEqual([answer.status, answer.text], [400, '{"code":3,"message":"Bad request"}']);
    }
    await echoes(socket);
    await socket.close();
  });

  test("a poll right behind the end of the upgrade is refused as well", async () => {
    for (let i = 0; i < 50; i++) {
      const session = await PollingSession.open(server);
      const socket = await openWebSocket(session.ws);
      socket.send("2probe", "5");
      assert.equal((await session.get()).status, 400);
      await socket.terminate();
    }
  });

  test("another WebSocket is let in and closed, and the session goes on", async () => {
    const { session, socket } = await upgraded();
    const second = await openWebSocket(session.ws);
    assert.equal((await second.closed).code, 1005);
    assert.equal(second.error, undefined, "no HTTP error: some clients cannot take one");
    await echoes(socket);
    await socket.close();
  });

  test("the session's id is unknown once its WebSocket is closed", async () => {
    const { session, socket } = await upgraded();
    await socket.close();
    assert.deepEqual(JSON.parse((await session.get()).text), { code: 1, message: "Session ID unknown" });
  });
});

test("a session that began on WebSocket lets no other in", async () => {
  const socket = await openEngineSocket(server);
  const second = await openWebSocket(`${server.ws}/engine.io/?EIO=4&transport=websocket&sid=${socket.sid}`);
  await second.closed;
  await echoes(socket);
  await socket.close();
});

test("a session that ends takes its probing WebSocket with it", async () => {
  const session = await PollingSession.open(server);
  const socket = await probe(session);
  await session.post("1");
  await socket.closed;
});

async function fence() {
  const session = await PollingSession.open(server);
  await session.post("4fence");
  await session.get();
}
