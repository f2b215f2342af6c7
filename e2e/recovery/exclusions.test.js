// Users who are excepted from an event are not sent it later either, over any of the ways to ask for missed events.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { rest } from "../support/http.js";
import { client, connected } from "../support/socketio-clients.js";
import { API_KEY, person } from "../support/users.js";
import { roomcast } from "../support/server.js";
import { conversation, hears, join, listener, lose, stayAway } from "./clients.js";

const server = roomcast({ ROOMCAST_API_KEY: API_KEY });

async function emit(to, data, except) {
  const answer = await rest("POST", `${server.url}/api/v1/emit`, { token: API_KEY, body: { to, event: "news", data, ...(except && { except }) } });
  assert.equal(answer.status, 200, answer.text);
  return answer.json.position;
}

const sync = (query) => person(server, "ben").ask("GET", `/api/v1/sync?${new URLSearchParams(query)}`);

// Two conversations of Ben's, in the first of which something is said that is not for everybody, while `away` runs.
async function said() {
  const [here, there] = [await conversation(server, "ben"), await conversation(server, "ben")];
  const [room, other] = [here, there].map(({ id }) => `conversation:${id}`);
  const since = await emit({ rooms: [room] }, "before");
  const say = async () => {
    await emit({ rooms: [room] }, "not for ben", { users: ["ben"] });
    await emit({ rooms: [room] }, "not for the others", { rooms: [other] });
    await emit({ everyone: true }, "for everybody but ben", { users: ["ben"] });
    await emit({ users: ["ben"] }, "not for the others, to him", { rooms: [other] });
    await emit({ rooms: [room] }, "for all", { users: ["anna"] });
  };
  return { here, there, room, since, say };
}

const news = (socket) => socket.heard.filter(([name]) => name === "news").map(([, data]) => data);

describe("what somebody is excepted from is not told", () => {
  test("to a connection that is recovered", async (t) => {
    const { here, there, say } = await said();
    const ben = await listener(t, server, "ben");
    for (const { id } of [here, there]) await join(ben, id);
    const comeBack = stayAway(ben);
    await lose(ben);
    await say();
    await here.say("the last");
    assert.equal(await comeBack(), true);
    await hears(ben, "the last");
    assert.deepEqual(news(ben), ["for all"]);
  });

  test("to a client that says since when it was here", async (t) => {
    const { here, since, say } = await said();
    await say();
    const ben = client(t, server.url, { auth: { token: server.token({ sub: "ben", name: "ben" }), since } });
    ben.heard = [];
    ben.onAny((name, ...args) => ben.heard.push([name, ...args]));
    await connected(ben);
    // In which rooms it was nobody knows: of the other one he is a member.
    await join(ben, here.id);
    await here.say("the last");
    await hears(ben, "the last");
    assert.deepEqual(news(ben), ["for all"]);
  });

  for (const asks of ["all rooms", "one room"]) {
    test(`by HTTP, where ${asks} are asked about`, async () => {
      const { room, since, say } = await said();
      await say();
      const { events } = await sync({ since, ...(asks === "one room" && { rooms: room }) });
      assert.deepEqual(events.filter(({ event }) => event === "news").map(({ args }) => args[0]), ["for all"]);
    });
  }
});

// A call in a room of dora, who has blocked its caller anna, and of finn, who has not. Both users join the room before they lose their connections.
async function blocked(t) {
  const [anna, dora] = ["anna", "dora"].map((sub) => person(server, sub));
  const { id: roomId } = await anna.ask("POST", "/shared/chat/rooms", { name: "Team", memberIds: ["dora", "finn"] });
  await dora.ask("PUT", "/api/v1/blocks/anna", undefined, 200);
  t.after(() => dora.ask("DELETE", "/api/v1/blocks/anna"));
  const { position: since } = await dora.ask("GET", "/api/v1/sync");
  const caller = await listener(t, server, "anna", "/chat");
  const say = (content) => anna.ask("POST", `/shared/chat/rooms/${roomId}/messages`, { content });
  const ring = async () => {
    const { ok, callId } = await caller.emitWithAck("call:initiated", { roomId, callType: "AUDIO" });
    assert.equal(ok, true);
    await say("the last");
    return callId;
  };
  return { roomId, since, ring, say };
}

const rings = (socket) => socket.heard.filter(([name]) => name === "call:initiated").map(([, { callId }]) => callId);
const enter = async (socket, roomId) => assert.equal((await socket.emitWithAck("join_room", { roomId })).ok, true);

// Where the server has the events that a client missed.
const PLACES = {
  "from memory": () => {},
  "from the database": () => server.killAndRestart(),
};

for (const [place, prepare] of Object.entries(PLACES)) {
  describe(`a ring is replayed ${place} to a user who has not blocked the caller, and not to a user who has`, () => {
    test("on a connection that is recovered", async (t) => {
      const { roomId, ring, say } = await blocked(t);
      const both = [await listener(t, server, "dora", "/chat"), await listener(t, server, "finn", "/chat")];
      for (const socket of both) await enter(socket, roomId);
      // A recovery needs the offset of an event.
      await say("the first");
      for (const socket of both) await hears(socket, "the first");
      const comeBack = both.map(stayAway);
      for (const socket of both) await lose(socket);
      const callId = await ring();
      await prepare();
      assert.deepEqual(await Promise.all(comeBack.map((back) => back())), [true, true]);
      for (const socket of both) await hears(socket, "the last");
      assert.deepEqual(both.map(rings), [[], [callId]]);
    });

    test("to a client that sends `since`", async (t) => {
      const { roomId, since, ring } = await blocked(t);
      const callId = await ring();
      await prepare();
      for (const [sub, expected] of [["dora", []], ["finn", [callId]]]) {
        const socket = await listener(t, server, sub, "/chat", { auth: { token: server.token({ sub, name: sub }), since } });
        await enter(socket, roomId);
        await hears(socket, "the last");
        assert.deepEqual(rings(socket), expected, sub);
      }
    });

    test("over HTTP", async (t) => {
      const { since, ring } = await blocked(t);
      const callId = await ring();
      await prepare();
      for (const [sub, expected] of [["dora", []], ["finn", [callId]]]) {
        const { events } = await person(server, sub).ask("GET", `/api/v1/sync?${new URLSearchParams({ since })}`);
        assert.ok(events.some(({ event }) => event === "message:new"), sub);
        assert.deepEqual(events.filter(({ event }) => event === "call:initiated").map(({ args }) => args[0].callId), expected, sub);
      }
    });
  });
}
