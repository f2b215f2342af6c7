// The upgrade from long-polling to WebSocket. No packet is lost or reordered, and a session survives a failed upgrade.

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

async function upgradeSession() {
  const session = await PollingSession.open(server);
  const socket = await probe(session);
  socket.send("5");
  await assertEchoes(socket);
  return { session, socket };
}

async function assertEchoes(socket, text = "4echo") {
  socket.send(text);
  assert.equal(await socket.next(), text);
}

async function assertStillPolls(session) {
  assert.equal((await session.post("4alive")).text, "ok");
  assert.deepEqual(await session.receive(1), ["4alive"]);
}

describe("during an upgrade", () => {
  test("a waiting poll receives a noop after the probe", async () => {
    const session = await PollingSession.open(server);
    const polled = session.get();
    await waitForServer();
    const socket = await probe(session);
    assert.equal((await polled).text, "6");
    await socket.terminate();
  });

  test("every further poll receives a noop", async () => {
    const session = await PollingSession.open(server);
    const socket = await probe(session);
    for (let i = 0; i < 5; i++) assert.equal((await session.get()).text, "6");
    socket.send("5");
    await assertEchoes(socket);
    await socket.close();
  });

  test("messages are still sent and received over long-polling", async () => {
    const session = await PollingSession.open(server);
    const socket = await probe(session);
    assert.equal((await session.post("4hello")).text, "ok");
    assert.equal((await session.get()).text, "4hello");
    socket.send("5");
    await assertEchoes(socket);
    await socket.close();
  });

  test("messages of earlier POSTs are echoed on the WebSocket, in order and before later messages", async () => {
    const session = await PollingSession.open(server);
    const socket = await probe(session);
    const early = Array.from({ length: 500 }, (_, i) => (i % 3 ? `4early ${i}` : Buffer.from([i % 256])));
    const payload = early.map((message) => (typeof message === "string" ? message : `b${message.toString("base64")}`));
    assert.equal((await session.post(payload.join(SEPARATOR))).text, "ok");
    socket.send("5", "4late");
    for (const message of [...early, "4late"]) assert.deepEqual(await socket.next(), message);
    await socket.close();
  });

  test("a second WebSocket for the session is accepted and closed, and the first one continues", async () => {
    const session = await PollingSession.open(server);
    const first = await probe(session);
    const second = await openWebSocket(session.ws);
    assert.equal((await second.closed).code, 1005);
    assert.equal(second.error, undefined);
    first.send("5");
    await assertEchoes(first);
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
    await assertEchoes(socket);
    await socket.close();
  });

  test("accepts the probe, the upgrade packet, and a message at once", async () => {
    const session = await PollingSession.open(server);
    const socket = await openWebSocket(session.ws);
    socket.send("2probe", "5", "4hello");
    assert.equal(await socket.next(), "3probe");
    assert.equal(await socket.next(), "4hello");
    await socket.close();
  });

  test("answers a poll that is still waiting with a close packet", async () => {
    const session = await PollingSession.open(server);
    const polled = session.get();
    await waitForServer();
    const socket = await openWebSocket(session.ws);
    socket.send("5");
    assert.equal((await polled).text, "1");
    await assertEchoes(socket);
    await socket.close();
  });

  test("may be repeated after a failure", async () => {
    const session = await PollingSession.open(server);
    for (let i = 0; i < 3; i++) await (await probe(session)).terminate();
    await assertStillPolls(session);
    // Until the server has detected that the last WebSocket has closed, it accepts and closes further ones.
    const socket = await retry(1000, async () => {
      const next = await openWebSocket(session.ws);
      next.send("2probe");
      return (await next.next().catch(() => null)) === "3probe" ? next : null;
    });
    socket.send("5");
    await assertEchoes(socket);
    await socket.close();
  });
});

describe("a session continues after a WebSocket that", () => {
  for (const [name, fail] of [
    ["sends another packet than a probe", (socket) => socket.send("4not yet")],
    ["sends an invalid packet", (socket) => socket.send("abc")],
    ["sends a binary message", (socket) => socket.send(Buffer.from([1]))],
    ["sends a ping without the probe text", (socket) => socket.send("2")],
    ["closes", (socket) => socket.ws.close()],
    ["loses its connection", (socket) => socket.ws.terminate()],
    ["sends another packet after the probe", (socket) => socket.send("2probe", "4not yet")],
  ]) {
    test(name, async () => {
      const session = await PollingSession.open(server);
      const socket = await openWebSocket(session.ws);
      fail(socket);
      await socket.closed;
      await assertStillPolls(session);
    });
  }

  test("requests the transport polling", async () => {
    const session = await PollingSession.open(server);
    const socket = await openWebSocket(session.ws.replace("transport=websocket", "transport=polling"));
    await socket.closed;
    await assertStillPolls(session);
  });
});

describe("after the upgrade", () => {
  test("polling requests are rejected, and the session continues", async () => {
    const { session, socket } = await upgradeSession();
    for (const response of [await session.get(), await session.post("4x")]) {
      assert.deepEqual([response.status, response.text], [400, '{"code":3,"message":"Bad request"}']);
    }
    await assertEchoes(socket);
    await socket.close();
  });

  test("a poll immediately after the upgrade packet is rejected", async () => {
    for (let i = 0; i < 50; i++) {
      const session = await PollingSession.open(server);
      const socket = await openWebSocket(session.ws);
      socket.send("2probe", "5");
      assert.equal((await session.get()).status, 400);
      await socket.terminate();
    }
  });

  test("another WebSocket is accepted and closed, and the session continues", async () => {
    const { session, socket } = await upgradeSession();
    const second = await openWebSocket(session.ws);
    assert.equal((await second.closed).code, 1005);
    assert.equal(second.error, undefined, "the server sends no HTTP error, because some clients cannot handle one");
    await assertEchoes(socket);
    await socket.close();
  });

  test("the session id is unknown after its WebSocket has closed", async () => {
    const { session, socket } = await upgradeSession();
    await socket.close();
    assert.deepEqual(JSON.parse((await session.get()).text), { code: 1, message: "Session ID unknown" });
  });
});

test("a session that began over WebSocket closes further WebSockets", async () => {
  const socket = await openEngineSocket(server);
  const second = await openWebSocket(`${server.ws}/engine.io/?EIO=4&transport=websocket&sid=${socket.sid}`);
  await second.closed;
  await assertEchoes(socket);
  await socket.close();
});

test("a session that ends closes its probing WebSocket", async () => {
  const session = await PollingSession.open(server);
  const socket = await probe(session);
  await session.post("1");
  await socket.closed;
});

async function waitForServer() {
  const session = await PollingSession.open(server);
  await session.post("4barrier");
  await session.get();
}
