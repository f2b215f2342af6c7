// Edge cases of recovery: a reconnect during a shutdown or a replay, concurrent reconnects, and limits.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { sharedServer, startServer } from "../support/server.js";
import { connected, nextEvent } from "../support/socketio-clients.js";
import { user } from "../support/users.js";
import { lastEvents, waitFor } from "../support/wait-for.js";
import { waitUntil } from "../support/wait-until.js";
import { clientWithSameSession, connectRecordingClient, createConversation, joinConversation, loseConnection, messageContents, preventReconnect, waitForMessage } from "./clients.js";

const server = sharedServer();

const numbered = (from, to) => Array.from({ length: to - from }, (_, i) => `message ${from + i}`);

test("a client that a draining server disconnected receives all messages up to the shutdown after the restart", async (t) => {
  // The drain is long enough for the server to store the acknowledged offsets of the clients that are still connected.
  const server = await startServer({ DRAIN_SECONDS: "13s", PING_INTERVAL: "1s" });
  t.after(() => server.stop());
  const { id, send } = await createConversation(server, "ben");
  const bens = await Promise.all(Array.from({ length: 6 }, () => connectRecordingClient(t, server, "ben")));
  for (const ben of bens) {
    await joinConversation(ben, id);
    ben.io.reconnection(false);
  }
  const lost = bens.map((ben) => nextEvent(ben, "disconnect").then(() => ben));
  server.child.kill("SIGTERM");
  const first = await Promise.race(lost);
  const messages = numbered(0, 60);
  for (const content of messages) await send(content);
  await server.exited;
  await server.killAndRestart();
  await connected(first.connect());
  await send("after the restart");
  await waitForMessage(first, "after the restart");
  assert.equal(first.recovered, true);
  assert.deepEqual(messageContents(first), [...messages, "after the restart"]);
});

test("a client that sends `since` and is cut during the replay receives all missed messages after its reconnect", async (t) => {
  const { id, send } = await createConversation(server, "ben");
  const first = await connectRecordingClient(t, server, "ben");
  await joinConversation(first, id);
  await send("received");
  await waitForMessage(first, "received");
  const since = first._lastOffset;
  const missed = numbered(0, 20);
  for (const content of missed) await send(content);
  const ben = clientWithSameSession(t, first, { auth: { ...first.auth, since } });
  Object.assign(ben, { _pid: undefined, _lastOffset: undefined, received: [] });
  await connected(ben.connect());
  // The replay begins when the client joins the room. The connection is cut after the third message.
  ben.emit("join:conversation", { conversationId: id });
  const third = new Promise((resolve) => ben.onAny(() => messageContents(ben).length === 3 && resolve()));
  await waitFor(third, () => `the third message has not arrived; ${lastEvents(ben.received)}`);
  const pid = ben._pid;
  await loseConnection(ben);
  // Messages that arrived together with the third one count as not received.
  const received = messageContents(ben).slice(0, 3);
  const offset = ben.received.filter(([name]) => name === "message:new")[2].at(-1);
  const back = clientWithSameSession(t, first, { auth: { ...first.auth, since: offset } });
  Object.assign(back, { _pid: pid, _lastOffset: offset, received: [] });
  await connected(back.connect());
  if (!back.recovered) await joinConversation(back, id);
  await send("the last");
  await waitForMessage(back, "the last");
  assert.deepEqual([...received, ...messageContents(back)], [...missed, "the last"]);
});

describe("connections that resume one session at the same time", () => {
  for (const times of [2, 8]) {
    test(`with ${times} connections, one stays connected and receives each message once`, async (t) => {
      const { id, send } = await createConversation(server, "ben");
      const first = await connectRecordingClient(t, server, "ben", "", { reconnection: false });
      await joinConversation(first, id);
      await send("received");
      await waitForMessage(first, "received");
      await loseConnection(first);
      for (const content of numbered(0, 3)) await send(content);
      const all = Array.from({ length: times }, () => clientWithSameSession(t, first, { transports: ["websocket"] }));
      const ended = all.map((socket) => new Promise((resolve) => socket.io.once("close", () => resolve(socket))));
      // Another connection may take over the session before the client has received its CONNECT reply.
      await Promise.allSettled(all.map((socket) => connected(socket.connect())));
      // The server closes all but one, in any order.
      await waitFor(Promise.all(Array.from({ length: times - 1 }, (_, i) => nth(ended, i + 1))), () => `fewer than ${times - 1} of ${times} connections have ended`);
      const { data } = await user(server, "ben").request("GET", "/api/v1/socket/my-connections");
      assert.equal(data.count, 1);
      const [left] = all.filter((socket) => socket.connected);
      assert.equal(left.recovered, true);
      await send("the last");
      await waitForMessage(left, "the last");
      assert.deepEqual(messageContents(left), ["received", ...numbered(0, 3), "the last"]);
      // The session can be resumed once more.
      left.io.opts.reconnectionDelay = 20;
      const reconnect = preventReconnect(left);
      await loseConnection(left);
      await send("missed");
      assert.equal(await reconnect(), true);
      await waitForMessage(left, "missed");
      assert.deepEqual(messageContents(left).slice(-2), ["the last", "missed"]);
    });
  }
});

test("sessions that resume on one connection beyond its room limit are not recovered", async (t) => {
  const server = await startServer({ MAX_ROOMS_PER_CONNECTION: "2" });
  t.after(() => server.stop());
  const conversations = [await createConversation(server, "ben"), await createConversation(server, "ben"), await createConversation(server, "ben")];
  const joinAll = async (socket, ...wanted) => {
    for (const { id } of wanted) assert.equal((await joinConversation(socket, id)).ok, true);
  };
  const [main, messenger] = [await connectRecordingClient(t, server, "ben"), await connectRecordingClient(t, server, "ben", "/messenger")];
  await joinAll(main, conversations[0]);
  await joinAll(messenger, conversations[1], conversations[2]);
  for (const socket of [main, messenger]) {
    socket.io.reconnection(false);
    await loseConnection(socket);
  }
  const first = clientWithSameSession(t, main);
  const second = first.io.socket("/messenger", { auth: messenger.auth });
  t.after(() => second.disconnect());
  Object.assign(second, { _pid: messenger._pid, _lastOffset: messenger._lastOffset });
  await connected(first.connect());
  assert.equal(first.recovered, true);
  await connected(second.connect());
  assert.equal(second.recovered, false, "the client has to join its rooms again, and so learns which one exceeds the limit");
  await joinAll(second, conversations[1]);
  assert.equal((await joinConversation(second, conversations[2].id)).ok, false);
});

test("a recovered connection receives no events of a household that it has left, until it joins again", async (t) => {
  const anna = user(server, "anna");
  const { id } = await anna.request("POST", "/households", { name: "Home" });
  const task = (title) => anna.request("POST", `/households/${id}/tasks`, { title });
  const socket = await connectRecordingClient(t, server, "anna", "/household");
  const titles = () => socket.received.filter(([name]) => name === "task:created").map(([, { task }]) => task.title);
  const request = async (event) => assert.equal((await socket.emitWithAck(event, { householdId: id })).ok, true, event);
  const createWhileDisconnected = async (title) => {
    const reconnect = preventReconnect(socket);
    await loseConnection(socket);
    await task(title);
    assert.equal(await reconnect(), true);
  };
  await createWhileDisconnected("missed");
  await request("leave:household");
  await createWhileDisconnected("not received");
  await task("not received either");
  await request("join:household");
  await createWhileDisconnected("missed again");
  await task("live");
  await waitUntil(() => (titles().at(-1) === "live" ? null : `the last task has not arrived; ${lastEvents(socket.received)}`));
  assert.deepEqual(titles(), ["missed", "missed again", "live"]);
});

// Resolves when `count` of the promises have resolved.
function nth(promises, count) {
  return new Promise((resolve) => {
    let done = 0;
    for (const promise of promises) promise.then(() => ++done === count && resolve());
  });
}
