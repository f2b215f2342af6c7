// A user who is excluded from an event with `except` does not receive it through replay or sync either.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { rest } from "../support/http.js";
import { sharedServer } from "../support/server.js";
import { client, connected } from "../support/socketio-clients.js";
import { API_KEY, user } from "../support/users.js";
import { connectRecordingClient, createConversation, joinConversation, loseConnection, preventReconnect, waitForMessage } from "./clients.js";

const server = sharedServer({ ROOMCAST_API_KEY: API_KEY });

async function emit(to, data, except) {
  const response = await rest("POST", `${server.url}/api/v1/emit`, { token: API_KEY, body: { to, event: "news", data, ...(except && { except }) } });
  assert.equal(response.status, 200, response.text);
  return response.json.position;
}

const sync = (query) => user(server, "ben").request("GET", `/api/v1/sync?${new URLSearchParams(query)}`);

// Two conversations of ben. `emitAll` emits five events, and one of them is for ben.
async function createExclusions() {
  const [first, second] = [await createConversation(server, "ben"), await createConversation(server, "ben")];
  const [room, otherRoom] = [first, second].map(({ id }) => `conversation:${id}`);
  const since = await emit({ rooms: [room] }, "before");
  const emitAll = async () => {
    await emit({ rooms: [room] }, "not for ben", { users: ["ben"] });
    await emit({ rooms: [room] }, "not for the other room", { rooms: [otherRoom] });
    await emit({ everyone: true }, "for all users except ben", { users: ["ben"] });
    await emit({ users: ["ben"] }, "to ben, but not to the other room", { rooms: [otherRoom] });
    await emit({ rooms: [room] }, "for all", { users: ["anna"] });
  };
  return { first, second, room, since, emitAll };
}

const news = (socket) => socket.received.filter(([name]) => name === "news").map(([, data]) => data);

describe("an event that excludes a user is not replayed to the user", () => {
  test("on a recovered connection", async (t) => {
    const { first, second, emitAll } = await createExclusions();
    const ben = await connectRecordingClient(t, server, "ben");
    for (const { id } of [first, second]) await joinConversation(ben, id);
    const reconnect = preventReconnect(ben);
    await loseConnection(ben);
    await emitAll();
    await first.send("the last");
    assert.equal(await reconnect(), true);
    await waitForMessage(ben, "the last");
    assert.deepEqual(news(ben), ["for all"]);
  });

  test("for a client that sends `since`", async (t) => {
    const { first, since, emitAll } = await createExclusions();
    await emitAll();
    const ben = client(t, server.url, { auth: { token: server.token({ sub: "ben", name: "ben" }), since } });
    ben.received = [];
    ben.onAny((name, ...args) => ben.received.push([name, ...args]));
    await connected(ben);
    // The server does not know which rooms the client had joined. Ben is a member of the other one as well.
    await joinConversation(ben, first.id);
    await first.send("the last");
    await waitForMessage(ben, "the last");
    assert.deepEqual(news(ben), ["for all"]);
  });

  for (const scope of ["all rooms", "one room"]) {
    test(`in the sync response for ${scope}`, async () => {
      const { room, since, emitAll } = await createExclusions();
      await emitAll();
      const { events } = await sync({ since, ...(scope === "one room" && { rooms: room }) });
      assert.deepEqual(events.filter(({ event }) => event === "news").map(({ args }) => args[0]), ["for all"]);
    });
  }
});

// A room with dora, who has blocked the caller anna, and with finn, who has not. `ring` starts a call.
async function createBlockedCaller(t) {
  const [anna, dora] = ["anna", "dora"].map((sub) => user(server, sub));
  const { id: roomId } = await anna.request("POST", "/shared/chat/rooms", { name: "Team", memberIds: ["dora", "finn"] });
  await dora.request("PUT", "/api/v1/blocks/anna", undefined, 200);
  t.after(() => dora.request("DELETE", "/api/v1/blocks/anna"));
  const { position: since } = await dora.request("GET", "/api/v1/sync");
  const caller = await connectRecordingClient(t, server, "anna", "/chat");
  const send = (content) => anna.request("POST", `/shared/chat/rooms/${roomId}/messages`, { content });
  const ring = async () => {
    const { ok, callId } = await caller.emitWithAck("call:initiated", { roomId, callType: "AUDIO" });
    assert.equal(ok, true);
    await send("the last");
    return callId;
  };
  return { roomId, since, ring, send };
}

const rings = (socket) => socket.received.filter(([name]) => name === "call:initiated").map(([, { callId }]) => callId);
const enter = async (socket, roomId) => assert.equal((await socket.emitWithAck("join_room", { roomId })).ok, true);

// Where the server reads the missed events.
const SOURCES = {
  "from memory": () => {},
  "from the database": () => server.killAndRestart(),
};

for (const [source, prepare] of Object.entries(SOURCES)) {
  describe(`a ring is replayed ${source} to a user who has not blocked the caller, and not to a user who has`, () => {
    test("on a recovered connection", async (t) => {
      const { roomId, ring, send } = await createBlockedCaller(t);
      const both = [await connectRecordingClient(t, server, "dora", "/chat"), await connectRecordingClient(t, server, "finn", "/chat")];
      for (const socket of both) await enter(socket, roomId);
      // Recovery needs the offset of a received event.
      await send("the first");
      for (const socket of both) await waitForMessage(socket, "the first");
      const reconnect = both.map(preventReconnect);
      for (const socket of both) await loseConnection(socket);
      const callId = await ring();
      await prepare();
      assert.deepEqual(await Promise.all(reconnect.map((back) => back())), [true, true]);
      for (const socket of both) await waitForMessage(socket, "the last");
      assert.deepEqual(both.map(rings), [[], [callId]]);
    });

    test("for a client that sends `since`", async (t) => {
      const { roomId, since, ring } = await createBlockedCaller(t);
      const callId = await ring();
      await prepare();
      for (const [sub, expected] of [["dora", []], ["finn", [callId]]]) {
        const socket = await connectRecordingClient(t, server, sub, "/chat", { auth: { token: server.token({ sub, name: sub }), since } });
        await enter(socket, roomId);
        await waitForMessage(socket, "the last");
        assert.deepEqual(rings(socket), expected, sub);
      }
    });

    test("in the sync response", async (t) => {
      const { since, ring } = await createBlockedCaller(t);
      const callId = await ring();
      await prepare();
      for (const [sub, expected] of [["dora", []], ["finn", [callId]]]) {
        const { events } = await user(server, sub).request("GET", `/api/v1/sync?${new URLSearchParams({ since })}`);
        assert.ok(events.some(({ event }) => event === "message:new"), sub);
        assert.deepEqual(events.filter(({ event }) => event === "call:initiated").map(({ args }) => args[0].callId), expected, sub);
      }
    });
  });
}
