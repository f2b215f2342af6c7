// What was missed, by HTTP: the same that a socket is told when it comes back.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { rest } from "../support/http.js";
import { API_KEY, person } from "../support/users.js";
import { POSITION } from "../support/positions.js";
import { roomcast } from "../support/server.js";
import { contents, conversation, hears, join, listener } from "./clients.js";

const server = roomcast({ ROOMCAST_API_KEY: API_KEY, JOURNAL_KEEP: "50" });

const sync = (sub, query = {}, status = 200) => person(server, sub).ask("GET", `/api/v1/sync?${new URLSearchParams(query)}`, undefined, status);

describe("what was missed", () => {
  test("is what a socket heard, in the same words and with the same positions", async (t) => {
    const { id, say } = await conversation(server, "ben");
    const { position, ...nothing } = await sync("ben");
    assert.deepEqual(nothing, { hasMore: false, resync: false, events: [] });
    assert.match(position, POSITION);
    const ben = await listener(t, server, "ben");
    await join(ben, id);
    for (const content of ["one", "two", "three"]) await say(content);
    await hears(ben, "three");
    const { events, resync, position: next } = await sync("ben", { since: position });
    assert.equal(resync, false);
    assert.deepEqual(events.map(({ id, event, args }) => [event, ...args, id]), ben.heard.filter(([name]) => name !== "connected"));
    assert.equal(next, events.at(-1).id);
    assert.deepEqual((await sync("ben", { since: events[0].id })).events, events.slice(1));
    assert.deepEqual((await sync("ben", { since: next })).events, []);
    assert.deepEqual(contents(ben), ["one", "two", "three"]);
  });

  test("comes behind what a back end has said, by the position that it was told", async () => {
    const emit = async (data) => {
      const answer = await rest("POST", `${server.url}/api/v1/emit`, { token: API_KEY, body: { to: { users: ["dora"] }, event: "order:update", data } });
      assert.equal(answer.status, 200);
      return answer.json.position;
    };
    const [first, second] = [await emit(1), await emit(2)];
    assert.match(first, POSITION);
    const { events } = await sync("dora", { since: first });
    assert.deepEqual(events, [{ id: second, event: "order:update", args: [2] }]);
  });

  test("is told in the envelopes of the raw WebSocket, too", async () => {
    const anna = person(server, "anna");
    const { id } = await anna.ask("POST", "/api/v1/projects", { name: "Site" });
    const channel = await anna.ask("POST", `/api/v1/projects/${id}/channels`, { name: "general" });
    const { position } = await sync("anna");
    await anna.ask("POST", `/api/v1/channels/${channel.id}/messages`, { content: "hello" });
    const { events } = await sync("anna", { since: position, namespace: "raw" });
    assert.deepEqual(events.map(({ envelope }) => [envelope.type, envelope.data.content, envelope.id]), [["message", "hello", events[0].id]]);
  });

  test("comes from where one became a member on", async () => {
    const { anna, say, path } = await conversation(server);
    const { position } = await sync("carl");
    await say("before");
    await anna.ask("POST", `${path}/participants`, { userId: "carl" });
    await say("after");
    const { events } = await sync("carl", { since: position });
    assert.deepEqual(events.filter(({ event }) => event === "message:new").map(({ args: [message] }) => message.content), ["after"]);
  });

  test("of a room that one may not hear is not told", async () => {
    const { id, say } = await conversation(server, "ben");
    const { position: since } = await sync("mallory");
    await say("not for mallory");
    for (const room of [`conversation:${id}`, "conversation:1", "user:anna"]) {
      await sync("mallory", { since, rooms: room }, 404);
      // Who has missed nothing is asked nothing.
      assert.deepEqual((await sync("mallory", { rooms: room })).events, []);
    }
    assert.equal((await sync("ben", { since, rooms: `conversation:${id}` })).events.length, 1);
    await sync("ben", { rooms: "nonsense" }, 400);
    await sync("ben", { namespace: "/nowhere" }, 400);
    assert.equal((await rest("GET", `${server.url}/api/v1/sync`)).status, 401);
  });

  test("of a room that is named more than once is told once", async () => {
    const { id, say } = await conversation(server, "ben");
    const { position: since } = await sync("ben");
    await say("hello");
    const { events } = await sync("ben", { since, rooms: Array(300).fill(`conversation:${id}`).join() });
    assert.equal(events.length, 1);
  });

  test("in a project is told of all its channels, however many there are", async () => {
    const anna = person(server, "anna");
    const { id } = await anna.ask("POST", "/api/v1/projects", { name: "Site" });
    const channel = (name) => anna.ask("POST", `/api/v1/projects/${id}/channels`, { name });
    const general = await channel("general");
    for (let i = 0; i < 201; i++) await channel(`${i}`);
    const { position: since } = await sync("anna", { namespace: "raw" });
    await anna.ask("POST", `/api/v1/channels/${general.id}/messages`, { content: "hello" });
    const { events } = await sync("anna", { since, namespace: "raw" });
    assert.deepEqual(events.map(({ envelope }) => envelope.data.content), ["hello"]);
  });

  test("that is known no longer is to be asked for anew", async () => {
    const { say } = await conversation(server, "ben");
    const { position } = await sync("ben");
    for (let i = 0; i < 60; i++) await say(`${i}`);
    for (const since of [position, "rubbish", "0123456789-1"]) {
      const answer = await sync("ben", { since });
      assert.deepEqual([answer.resync, answer.events], [true, []]);
      assert.equal((await sync("ben", { since: answer.position })).resync, false);
    }
  });
});
