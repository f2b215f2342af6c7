// How a session ends in good order.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { conformanceServer, LONG_HEARTBEATS } from "../support/conformance-server.js";
import { openSocketIo, PollingSession } from "../support/engineio.js";

const server = conformanceServer(LONG_HEARTBEATS);

const isGone = async (session) => assert.deepEqual(JSON.parse((await session.get()).text), { code: 1, message: "Session ID unknown" });

describe("a client on long-polling that closes", () => {
  test("has its waiting poll answered with a noop and its POST with `ok`", async () => {
    const session = await PollingSession.open(server);
    const polled = session.get();
    await fence();
    const posted = await session.post("1");
    assert.deepEqual([posted.status, posted.text], [200, "ok"]);
    assert.equal((await polled).text, "6");
    await isGone(session);
  });

  test("need not be polling", async () => {
    const session = await PollingSession.open(server);
    assert.equal((await session.post("1")).text, "ok");
    await isGone(session);
  });

  test("is not heard any more behind its close packet", async () => {
    const session = await PollingSession.open(server);
    await session.post("1\x1e4late").catch(() => {});
    await isGone(session);
  });
});

describe("a server that closes a session on long-polling", () => {
  test("answers the next poll with a noop and a close packet", async () => {
    const session = await PollingSession.open(server, { path: "/socket.io/" });
    assert.equal((await session.post("4abc")).text, "ok", "no CONNECT packet");
    assert.equal((await session.get()).text, "6\x1e1");
    await isGone(session);
  });

  test("answers a waiting poll with a close packet", async () => {
    const session = await PollingSession.open(server, { path: "/socket.io/" });
    const polled = session.get();
    await fence();
    await session.post("4abc");
    assert.equal((await polled).text, "1");
    await isGone(session);
  });

  test("answers a waiting poll with what it had still to say, and the next with a close packet", async () => {
    const session = await PollingSession.open(server, { path: "/socket.io/" });
    const polled = session.get();
    await fence();
    await session.post("40\x1e4abc");
    const packets = (await polled).text.split("\x1e");
    assert.match(packets[0], /^40\{"sid":/);
    assert.deepEqual(packets.slice(1), ['42["auth",{}]']);
    assert.equal((await session.get()).text, "6\x1e1");
    await isGone(session);
  });

  test("takes what the client posts before it has read that, and does not do it", async () => {
    for (const waits of [true, false]) {
      const session = await PollingSession.open(server, { path: "/socket.io/" });
      const polled = waits && session.get();
      await fence();
      await session.post("4abc");
      assert.equal((await (polled || session.get())).text, waits ? "1" : "6\x1e1");
      for (const late of ['42["message","late"]', '42["message","later"]']) {
        const posted = await session.post(late);
        assert.deepEqual([posted.status, posted.text], [200, "ok"], "a refusal might be read before the close");
      }
      await isGone(session);
    }
  });

  test("says first what it had still to say", async () => {
    const session = await PollingSession.open(server, { path: "/socket.io/" });
    await session.post('40\x1e42["message","last words"]\x1e4abc');
    const packets = await session.packets();
    assert.match(packets[0], /^40\{"sid":/);
    assert.deepEqual(packets.slice(1), ['42["auth",{}]', '42["message-back","last words"]']);
    assert.equal((await session.get()).text, "6\x1e1", "a stock client hears nothing more of a payload that has a close");
    await isGone(session);
  });
});

test("a server that closes a WebSocket says first what it had still to say", async () => {
  const socket = await openSocketIo(server);
  socket.send('42["message","last words"]', "4abc");
  assert.equal(await socket.next(), '42["message-back","last words"]');
  assert.equal((await socket.closed).code, 1005, "a close frame without a status");
});

// By the time another session has had its echo, the server has read what was sent before.
async function fence() {
  const session = await PollingSession.open(server);
  await session.post("4fence");
  await session.get();
}
