// A stock client that reconnects receives the missed events: each once, in order, and before all later events.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { sharedServer } from "../support/server.js";
import { connected, nextEvent, TRANSPORTS, waitForUpgrade } from "../support/socketio-clients.js";
import { API_KEY, user, waitForSocketCount } from "../support/users.js";
import { lastEvents } from "../support/wait-for.js";
import { waitUntil } from "../support/wait-until.js";
import { clientWithSameSession, connectRecordingClient, createConversation, DISCONNECTS, joinConversation, loseConnection, messageContents, nextConnect, preventReconnect, waitForMessage } from "./clients.js";

const server = sharedServer({ ROOMCAST_API_KEY: API_KEY });
const numbered = (from, to) => Array.from({ length: to - from }, (_, i) => `message ${from + i}`);

for (const [transport, transports] of Object.entries(TRANSPORTS)) {
  for (const namespace of ["", "/messenger"]) {
    for (const [how, cut] of Object.entries(DISCONNECTS)) {
      test(`a connection over ${transport} to ${namespace || "/"} that ${how} is recovered with all missed events`, async (t) => {
        const { id, send } = await createConversation(server, "ben");
        const ben = await connectRecordingClient(t, server, "ben", namespace, { transports });
        if (transport === "upgrade") await waitForUpgrade(ben);
        await joinConversation(ben, id);
        await send("message 0");
        await waitForMessage(ben, "message 0");
        const before = { id: ben.id, pid: ben._pid };
        const reconnect = preventReconnect(ben);
        await loseConnection(ben, cut);
        for (const content of numbered(1, 20)) await send(content);
        assert.equal(await reconnect(), true);
        assert.deepEqual({ id: ben.id, pid: ben._pid }, before);
        await send("message 20");
        await waitForMessage(ben, "message 20");
        assert.deepEqual(messageContents(ben), numbered(0, 21));
      });
    }
  }
}

test("a client that loses its connection 10 times in a busy room receives each message once and in order", async (t) => {
  const { id, send } = await createConversation(server, "ben");
  const ben = await connectRecordingClient(t, server, "ben");
  await joinConversation(ben, id);
  const all = numbered(0, 400);
  let sent = 0;
  const sending = (async () => {
    for (; sent < all.length; sent++) await send(all[sent]);
  })();
  for (let times = 0; times < 10; times++) {
    const connected = nextEvent(ben, "connect");
    await waitForMessage(ben, all[times * 30]);
    await loseConnection(ben);
    await connected;
    assert.equal(ben.recovered, true, `reconnect ${times + 1}`);
  }
  await sending;
  await waitForMessage(ben, all.at(-1));
  assert.deepEqual(messageContents(ben), all);
});

test("a client that has received no event yet is recovered", async (t) => {
  const { id, send } = await createConversation(server, "ben");
  const ben = await connectRecordingClient(t, server, "ben", "/messenger");
  await joinConversation(ben, id);
  assert.equal(ben._lastOffset, undefined);
  const reconnect = preventReconnect(ben);
  await loseConnection(ben);
  await send("the first");
  assert.equal(await reconnect(), true);
  await waitForMessage(ben, "the first");
  assert.deepEqual(messageContents(ben), ["the first"]);
});

test("a text as the last argument of an event is not mistaken for the position", async (t) => {
  const { id, send } = await createConversation(server, "ben");
  const ben = await connectRecordingClient(t, server, "ben");
  await joinConversation(ben, id);
  const emit = (event, data, volatile) => fetch(`${server.url}/api/v1/emit`, {
    method: "POST",
    headers: { authorization: `Bearer ${API_KEY}`, "content-type": "application/json" },
    body: JSON.stringify({ to: { users: ["ben"] }, event, data, volatile }),
  });
  // An error of the studio contract is a plain text. A back end may send a text as a persisted or volatile event, or an event without arguments.
  const error = nextEvent(ben, "error");
  ben.emit("message:send", { roomId: "nowhere", content: "x" });
  assert.equal(typeof (await error)[0], "string");
  for (const [event, data, volatile] of [["persisted", "a text", false], ["volatile", "a text", true], ["empty", undefined, true]]) {
    const arrived = nextEvent(ben, event);
    assert.equal((await emit(event, data, volatile)).status, 200);
    await arrived;
    assert.match(ben._lastOffset, /^[0-9a-f]+-\d+$/, event);
  }
  const reconnect = preventReconnect(ben);
  await loseConnection(ben);
  await send("missed");
  assert.equal(await reconnect(), true);
  await waitForMessage(ben, "missed");
});

test("both namespaces of one connection are recovered with their ids and messages", async (t) => {
  const { id, send } = await createConversation(server, "ben");
  const main = await connectRecordingClient(t, server, "ben");
  const own = main.io.socket("/messenger", { auth: main.auth });
  own.received = [];
  own.onAny((name, ...args) => own.received.push([name, ...args]));
  await connected(own);
  await joinConversation(main, id);
  await joinConversation(own, id);
  await send("received");
  await Promise.all([main, own].map((socket) => waitForMessage(socket, "received")));
  const ids = [main.id, own.id];
  const both = Promise.all([main, own].map((socket) => nextEvent(socket, "connect")));
  await loseConnection(main);
  await send("missed");
  await both;
  await Promise.all([main, own].map((socket) => waitForMessage(socket, "missed")));
  for (const socket of [main, own]) {
    assert.equal(socket.recovered, true);
    assert.deepEqual(messageContents(socket), ["received", "missed"]);
  }
  assert.deepEqual([main.id, own.id], ids);
  own.disconnect();
});

describe("recovery of a room", () => {
  test("a recovered client receives the events of the rooms that it had joined, and not of a room that it had left", async (t) => {
    const [left, joined] = [await createConversation(server, "ben"), await createConversation(server, "ben")];
    const ben = await connectRecordingClient(t, server, "ben");
    await joinConversation(ben, left.id);
    await left.send("before");
    await waitForMessage(ben, "before");
    await joined.send("not for this connection");
    await joinConversation(ben, joined.id);
    await ben.emitWithAck("leave:conversation", { conversationId: left.id });
    const reconnect = preventReconnect(ben);
    await loseConnection(ben);
    await left.send("after the leave");
    await joined.send("missed");
    assert.equal(await reconnect(), true);
    await waitForMessage(ben, "missed");
    assert.deepEqual(messageContents(ben), ["before", "missed"]);
  });

  test("a member who was removed while disconnected receives no events of the room, also after being added again", async (t) => {
    const { anna, id, send, path } = await createConversation(server, "ben");
    const ben = await connectRecordingClient(t, server, "ben");
    await joinConversation(ben, id);
    await send("received");
    await waitForMessage(ben, "received");
    const reconnect = preventReconnect(ben);
    await loseConnection(ben);
    await send("before the removal");
    await anna.request("DELETE", `${path}/participants/ben`);
    await send("after the removal");
    await anna.request("POST", `${path}/participants`, { userId: "ben" });
    await send("after ben was added again");
    assert.equal(await reconnect(), true);
    await joinConversation(ben, id);
    await send("joined again");
    await waitForMessage(ben, "joined again");
    assert.deepEqual(messageContents(ben), ["received", "joined again"]);
  });
});

describe("recovery of a household, which the server joins for each member", () => {
  test("a user who became a member while disconnected receives the events since then", async (t) => {
    const anna = user(server, "anna");
    const { id, inviteCode } = await anna.request("POST", "/households", { name: "Home" });
    const carl = await connectRecordingClient(t, server, "carl");
    const titles = () => carl.received.filter(([name]) => name === "task:created").map(([, data]) => (data.task ?? data).title);
    const task = (title) => anna.request("POST", `/households/${id}/tasks`, { title });
    const reconnect = preventReconnect(carl);
    await loseConnection(carl);
    await task("before");
    await user(server, "carl").request("POST", `/households/${id}/join`, { inviteCode });
    await task("after");
    assert.equal(await reconnect(), true);
    await task("live");
    await waitUntil(() => (titles().includes("live") ? null : `the task has not arrived; ${lastEvents(carl.received)}`));
    assert.deepEqual(titles(), ["after", "live"]);
  });
});

describe("a client that reconnects", () => {
  // Ben is disconnected while one message is sent.
  const missOneMessage = async (t) => {
    const { id, send } = await createConversation(server, "ben");
    const ben = await connectRecordingClient(t, server, "ben");
    await joinConversation(ben, id);
    const reconnect = preventReconnect(ben);
    await loseConnection(ben);
    await send("missed");
    return { ben, reconnect: reconnect };
  };

  for (const [how, change] of Object.entries({
    "with an unknown session secret": (socket) => (socket._pid = "AAAAAAAAAAAAAAAAAAAA"),
    "with a malformed session secret": (socket) => (socket._pid = "none"),
    "with the token of another user": (socket) => (socket.auth = { token: server.token({ sub: "mallory" }) }),
  })) {
    test(`${how} gets a new session, and receives no missed events`, async (t) => {
      const { ben, reconnect: reconnect } = await missOneMessage(t);
      change(ben);
      assert.equal(await reconnect(), false);
      assert.deepEqual(messageContents(ben), []);
    });
  }

  for (const offset of ["", "rubbish", "0000000000-3", "-1", "99999999999999999999-1"]) {
    test(`with the position ${JSON.stringify(offset)} receives the unacknowledged events`, async (t) => {
      const { ben, reconnect: reconnect } = await missOneMessage(t);
      ben._lastOffset = offset;
      assert.equal(await reconnect(), true);
      await waitForMessage(ben, "missed");
      assert.deepEqual(messageContents(ben), ["missed"]);
    });
  }

  test("while its old connection is still open takes over the session, every time", async (t) => {
    const { id, send } = await createConversation(server, "ben");
    let ben = await connectRecordingClient(t, server, "ben", "", { reconnection: false });
    await joinConversation(ben, id);
    const all = numbered(0, 5);
    for (const content of all) {
      await send(content);
      await waitForMessage(ben, content);
      const old = ben;
      const disconnected = nextEvent(old, "disconnect");
      // The same session on another connection, while the first connection is open and idle.
      ben = clientWithSameSession(t, old);
      await connected(ben.connect());
      assert.equal(ben.recovered, true);
      assert.equal((await disconnected)[0], "transport close");
    }
    assert.deepEqual(messageContents(ben), all);
    // The server may still be closing connections of earlier tests.
    await waitForSocketCount(server, "ben", 1);
  });

  test("after it has disconnected on purpose gets a new session", async (t) => {
    const ben = await connectRecordingClient(t, server, "ben");
    const { _pid: pid } = ben;
    ben.disconnect();
    const back = nextEvent(ben, "connect");
    ben._pid = pid;
    ben.connect();
    await back;
    assert.equal(ben.recovered, false);
    assert.notEqual(ben._pid, pid);
  });
});

describe("after the server was killed and restarted", () => {
  for (const [transport, transports] of Object.entries(TRANSPORTS)) {
    test(`a connection over ${transport} is recovered with all missed events`, async (t) => {
      const { id, send } = await createConversation(server, "ben", "carl");
      const [ben, carl] = await Promise.all(["ben", "carl"].map((sub) => connectRecordingClient(t, server, sub, "", { transports })));
      await joinConversation(ben, id);
      await send("received");
      await waitForMessage(ben, "received");
      await joinConversation(carl, id);
      const back = [ben, carl].map(nextConnect);
      const away = preventReconnect(carl);
      await loseConnection(carl);
      await send("before the kill");
      await waitForMessage(ben, "before the kill");
      await server.killAndRestart();
      await send("after the restart");
      assert.equal(await back[0], true);
      assert.equal(await away(), true);
      await Promise.all([ben, carl].map((socket) => waitForMessage(socket, "after the restart")));
      assert.deepEqual(messageContents(ben), ["received", "before the kill", "after the restart"]);
      assert.deepEqual(messageContents(carl), ["before the kill", "after the restart"]);
    });
  }
});
