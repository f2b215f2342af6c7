// The regular end of a session, by the client and by the server.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { conformanceServer, LONG_HEARTBEATS } from "../support/conformance-server.js";
import { openSocketIo, PollingSession } from "../support/engineio.js";

const server = conformanceServer(LONG_HEARTBEATS);

const assertSessionUnknown = async (session) => assert.deepEqual(JSON.parse((await session.get()).text), { code: 1, message: "Session ID unknown" });

describe("a long-polling client that closes its session", () => {
  test("receives a noop for its waiting poll, and `ok` for its POST", async () => {
    const session = await PollingSession.open(server);
    const polled = session.get();
    await waitForServer();
    const posted = await session.post("1");
    assert.deepEqual([posted.status, posted.text], [200, "ok"]);
    assert.equal((await polled).text, "6");
    await assertSessionUnknown(session);
  });

  test("does not need a waiting poll", async () => {
    const session = await PollingSession.open(server);
    assert.equal((await session.post("1")).text, "ok");
    await assertSessionUnknown(session);
  });

  test("cannot send packets after its close packet", async () => {
    const session = await PollingSession.open(server);
    await session.post("1\x1e4late").catch(() => {});
    await assertSessionUnknown(session);
  });
});

describe("a server that closes a long-polling session", () => {
  test("answers the next poll with a noop and a close packet", async () => {
    const session = await PollingSession.open(server, { path: "/socket.io/" });
    assert.equal((await session.post("4abc")).text, "ok", "the message is not a CONNECT packet");
    assert.equal((await session.get()).text, "6\x1e1");
    await assertSessionUnknown(session);
  });

  test("answers a waiting poll with a close packet", async () => {
    const session = await PollingSession.open(server, { path: "/socket.io/" });
    const polled = session.get();
    await waitForServer();
    await session.post("4abc");
    assert.equal((await polled).text, "1");
    await assertSessionUnknown(session);
  });

  test("answers a waiting poll with the remaining packets, and the next one with a close packet", async () => {
    const session = await PollingSession.open(server, { path: "/socket.io/" });
    const polled = session.get();
    await waitForServer();
    await session.post("40\x1e4abc");
    const packets = (await polled).text.split("\x1e");
    assert.match(packets[0], /^40\{"sid":/);
    assert.deepEqual(packets.slice(1), ['42["auth",{}]']);
    assert.equal((await session.get()).text, "6\x1e1");
    await assertSessionUnknown(session);
  });

  test("accepts and ignores the POSTs that the client sends before it reads the close packet", async () => {
    for (const waits of [true, false]) {
      const session = await PollingSession.open(server, { path: "/socket.io/" });
      const polled = waits && session.get();
      await waitForServer();
      await session.post("4abc");
      assert.equal((await (polled || session.get())).text, waits ? "1" : "6\x1e1");
      for (const late of ['42["message","late"]', '42["message","later"]']) {
        const posted = await session.post(late);
        assert.deepEqual([posted.status, posted.text], [200, "ok"], "the client might read an error before the close packet");
      }
      await assertSessionUnknown(session);
    }
  });

  test("sends the remaining packets before the close packet", async () => {
    const session = await PollingSession.open(server, { path: "/socket.io/" });
    await session.post('40\x1e42["message","remaining"]\x1e4abc');
    const packets = await session.packets();
    assert.match(packets[0], /^40\{"sid":/);
    assert.deepEqual(packets.slice(1), ['42["auth",{}]', '42["message-back","remaining"]']);
    assert.equal((await session.get()).text, "6\x1e1", "a stock client ignores the packets of a payload with a close packet");
    await assertSessionUnknown(session);
  });
});

test("a server that closes a WebSocket sends the remaining packets first", async () => {
  const socket = await openSocketIo(server);
  socket.send('42["message","remaining"]', "4abc");
  assert.equal(await socket.next(), '42["message-back","remaining"]');
  assert.equal((await socket.closed).code, 1005, "the close frame has no status");
});

// Waits for the echo on another session. After it, the server has read everything that was sent before.
async function waitForServer() {
  const session = await PollingSession.open(server);
  await session.post("4barrier");
  await session.get();
}
