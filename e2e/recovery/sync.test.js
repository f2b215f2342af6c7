// `GET /api/v1/sync` returns the missed events: the same that a socket receives when it reconnects.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { rest } from "../support/http.js";
import { POSITION } from "../support/positions.js";
import { sharedServer } from "../support/server.js";
import { API_KEY, user } from "../support/users.js";
import { connectRecordingClient, createConversation, joinConversation, messageContents, waitForMessage } from "./clients.js";

const server = sharedServer({ ROOMCAST_API_KEY: API_KEY, JOURNAL_KEEP: "50" });

const sync = (sub, query = {}, status = 200) => user(server, sub).request("GET", `/api/v1/sync?${new URLSearchParams(query)}`, undefined, status);

describe("GET /api/v1/sync", () => {
  test("returns the events that a socket received, with the same payloads and positions", async (t) => {
    const { id, send } = await createConversation(server, "ben");
    const { position, ...nothing } = await sync("ben");
    assert.deepEqual(nothing, { hasMore: false, resync: false, events: [] });
    assert.match(position, POSITION);
    const ben = await connectRecordingClient(t, server, "ben");
    await joinConversation(ben, id);
    for (const content of ["one", "two", "three"]) await send(content);
    await waitForMessage(ben, "three");
    const { events, resync, position: next } = await sync("ben", { since: position });
    assert.equal(resync, false);
    assert.deepEqual(events.map(({ id, event, args }) => [event, ...args, id]), ben.received.filter(([name]) => name !== "connected"));
    assert.equal(next, events.at(-1).id);
    assert.deepEqual((await sync("ben", { since: events[0].id })).events, events.slice(1));
    assert.deepEqual((await sync("ben", { since: next })).events, []);
    assert.deepEqual(messageContents(ben), ["one", "two", "three"]);
  });

  test("returns the events after the position that a back end's emit returned", async () => {
    const emit = async (data) => {
      const response = await rest("POST", `${server.url}/api/v1/emit`, { token: API_KEY, body: { to: { users: ["dora"] }, event: "order:update", data } });
      assert.equal(response.status, 200);
      return response.json.position;
    };
    const [first, second] = [await emit(1), await emit(2)];
    assert.match(first, POSITION);
    const { events } = await sync("dora", { since: first });
    assert.deepEqual(events, [{ id: second, event: "order:update", args: [2] }]);
  });

  test("returns the envelopes of the raw WebSocket for the namespace raw", async () => {
    const anna = user(server, "anna");
    const { id } = await anna.request("POST", "/api/v1/projects", { name: "Site" });
    const channel = await anna.request("POST", `/api/v1/projects/${id}/channels`, { name: "general" });
    const { position } = await sync("anna");
    await anna.request("POST", `/api/v1/channels/${channel.id}/messages`, { content: "hello" });
    const { events } = await sync("anna", { since: position, namespace: "raw" });
    assert.deepEqual(events.map(({ envelope }) => [envelope.type, envelope.data.content, envelope.id]), [["message", "hello", events[0].id]]);
  });

  test("returns the events since the user became a member", async () => {
    const { anna, send, path } = await createConversation(server);
    const { position } = await sync("carl");
    await send("before");
    await anna.request("POST", `${path}/participants`, { userId: "carl" });
    await send("after");
    const { events } = await sync("carl", { since: position });
    assert.deepEqual(events.filter(({ event }) => event === "message:new").map(({ args: [message] }) => message.content), ["after"]);
  });

  test("does not return the events of a room that the user may not access", async () => {
    const { id, send } = await createConversation(server, "ben");
    const { position: since } = await sync("mallory");
    await send("not for mallory");
    for (const room of [`conversation:${id}`, "conversation:1", "user:anna"]) {
      await sync("mallory", { since, rooms: room }, 404);
      // Without `since` the response has no events, so access is not checked.
      assert.deepEqual((await sync("mallory", { rooms: room })).events, []);
    }
    assert.equal((await sync("ben", { since, rooms: `conversation:${id}` })).events.length, 1);
    await sync("ben", { rooms: "nonsense" }, 400);
    await sync("ben", { namespace: "/nowhere" }, 400);
    assert.equal((await rest("GET", `${server.url}/api/v1/sync`)).status, 401);
  });

  test("returns each event once for a room that is named several times", async () => {
    const { id, send } = await createConversation(server, "ben");
    const { position: since } = await sync("ben");
    await send("hello");
    const { events } = await sync("ben", { since, rooms: Array(300).fill(`conversation:${id}`).join() });
    assert.equal(events.length, 1);
  });

  test("returns the events of all 202 channels of a project", async () => {
    const anna = user(server, "anna");
    const { id } = await anna.request("POST", "/api/v1/projects", { name: "Site" });
    const channel = (name) => anna.request("POST", `/api/v1/projects/${id}/channels`, { name });
    const general = await channel("general");
    for (let i = 0; i < 201; i++) await channel(`${i}`);
    const { position: since } = await sync("anna", { namespace: "raw" });
    await anna.request("POST", `/api/v1/channels/${general.id}/messages`, { content: "hello" });
    const { events } = await sync("anna", { since, namespace: "raw" });
    assert.deepEqual(events.map(({ envelope }) => envelope.data.content), ["hello"]);
  });

  test("returns a resync for a position that is too old or unknown", async () => {
    const { send } = await createConversation(server, "ben");
    const { position } = await sync("ben");
    for (let i = 0; i < 60; i++) await send(`${i}`);
    for (const since of [position, "rubbish", "0123456789-1"]) {
      const response = await sync("ben", { since });
      assert.deepEqual([response.resync, response.events], [true, []]);
      assert.equal((await sync("ben", { since: response.position })).resync, false);
    }
  });
});
