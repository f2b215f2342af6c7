// The maximum numbers of connections and rooms, and the error beyond each of them.

import assert from "node:assert/strict";
import { test } from "node:test";
import { openEngineSocket } from "../support/engineio.js";
import { get, rest } from "../support/http.js";
import { openRawClient } from "../support/raw-client.js";
import { startServer } from "../support/server.js";
import { client, connected, nextEvent } from "../support/socketio-clients.js";
import { API_KEY, user } from "../support/users.js";
import { waitUntilByServerClock } from "../support/wait-until.js";
import { connectionOutcome } from "../support/ws-queue.js";

async function startTestServer(t, env) {
  const server = await startServer(env);
  t.after(() => server.stop());
  return server;
}

test("MAX_CONNECTIONS: a full server rejects connections with a retry time, and accepts one after another has closed", async (t) => {
  const server = await startTestServer(t, { MAX_CONNECTIONS: "2", ROOMCAST_API_KEY: API_KEY });
  const raw = (sub) => `${server.ws}/api/v1/ws/connect?token=${server.token({ sub })}`;
  const anna = await openRawClient(server, server.token({ sub: "anna" }));
  await openEngineSocket(server, { path: "/socket.io/" });

  const rejected = await connectionOutcome(raw("carl"));
  assert.deepEqual([rejected.opened, rejected.code, rejected.reason], [true, 4429, "The server is full, try again in 10 s"]);
  const polled = await get(`${server.url}/socket.io/?EIO=4&transport=polling`, { headers: { origin: "http://localhost:5173" } });
  assert.deepEqual([polled.status, polled.headers["retry-after"]], [503, "10"]);
  assert.deepEqual(JSON.parse(polled.text), { code: 4, message: "The server is full, try again in 10 s" });
  assert.equal(polled.headers["access-control-allow-origin"], "http://localhost:5173");
  const upgraded = await connectionOutcome(`${server.ws}/socket.io/?EIO=4&transport=websocket`);
  assert.deepEqual([upgraded.opened, upgraded.status], [false, 400]);
  assert.equal((await rest("GET", `${server.url}/households`, { token: server.token({ sub: "carl" }) })).status, 200, "a REST request needs no connection slot");
  assert.equal((await get(`${server.url}/health/ready`)).status, 200, "a full server is ready");

  await anna.close();
  await waitUntilByServerClock(server, 10, () => openRawClient(server, server.token({ sub: "carl" })).then(() => null, (error) => error.message));
});

test("MAX_CONNECTIONS_PER_USER: a user's connection beyond the maximum is rejected with a retry time", async (t) => {
  const server = await startTestServer(t, { SOCKETIO_MAX_CONNECTIONS_PER_USER: "1", MAX_CONNECTIONS_PER_USER: "1" });
  const token = server.token({ sub: "anna" });
  await connected(client(t, server.url, { auth: { token } }));
  const rejection = await connected(client(t, server.url, { auth: { token } })).catch((error) => error);
  assert.deepEqual(rejection.data, { code: "too_many_connections", retryAfter: 10 });
  await openRawClient(server, token);
  const { code, reason } = await connectionOutcome(`${server.ws}/api/v1/ws/connect?token=${token}`);
  assert.deepEqual([code, reason], [4429, "Too many connections, try again in 10 s"]);
});

test("MAX_ROOMS_PER_CONNECTION: a further room is rejected in all namespaces, until the connection leaves a room", async (t) => {
  const server = await startTestServer(t, { MAX_ROOMS_PER_CONNECTION: "3" });
  const anna = user(server, "anna");
  const trips = [];
  for (const name of ["Rome", "Oslo", "Bern"]) trips.push((await anna.request("POST", "/api/v1/trips", { name })).data.id);
  const { id: conversationId } = await anna.request("POST", "/api/conversations", { participantIds: ["ben"] });
  const rooms = [];
  for (const name of ["one", "two"]) rooms.push((await anna.request("POST", "/shared/chat/rooms", { name })).id);

  const socket = await connected(client(t, `${server.url}/trips`, { auth: { token: anna.token }, multiplex: true, forceNew: false }));
  const other = await connected(client(t, `${server.url}/messenger`, { auth: { token: anna.token }, forceNew: false }));
  const chat = await connected(client(t, `${server.url}/chat`, { auth: { token: anna.token }, forceNew: false }));
  assert.equal(socket.io, other.io, "one connection");
  assert.equal((await chat.emitWithAck("join_room", { roomId: rooms[0] })).ok, true);
  for (const tripId of trips.slice(0, 2)) assert.equal((await socket.emitWithAck("trip:join", { tripId })).ok, true);

  const full = "this connection is in 3 rooms, and may not be in more; leave one first";
  const rejection = (field) => ({ ok: false, error: `${field}: ${full}`, code: "invalid", field });
  assert.deepEqual(await socket.emitWithAck("trip:join", { tripId: trips[2] }), rejection("tripId"));
  assert.deepEqual(await other.emitWithAck("join:conversation", conversationId), rejection("conversationId"));
  assert.equal((await socket.emitWithAck("trip:join", { tripId: trips[0] })).ok, true, "the connection has already joined this room");
  assert.equal((await chat.emitWithAck("join_room", { roomId: rooms[1] })).ok, true, "the room replaces the other studio room");

  // The server joins a new household automatically, except on a connection that has reached its maximum.
  const household = await connected(client(t, `${server.url}/household`, { auth: { token: anna.token }, forceNew: false }));
  const received = [];
  household.onAny((name) => received.push(name));
  const { id: home } = await anna.request("POST", "/households", { name: "Home" });
  await anna.request("POST", `/households/${home}/tasks`, { title: "Not received" });
  assert.equal((await socket.emitWithAck("trip:leave", { tripId: trips[0] })).ok, true);
  assert.equal((await household.emitWithAck("join:household", { householdId: home })).ok, true);
  const created = nextEvent(household, "task:created");
  await anna.request("POST", `/households/${home}/tasks`, { title: "Received" });
  assert.equal((await created)[0].task.title, "Received");
  assert.deepEqual(received.filter((name) => name === "task:created"), ["task:created"]);
});

test("MAX_ROOMS_PER_CONNECTION on the raw WebSocket: a further room is rejected, and the connection stays open", async (t) => {
  const server = await startTestServer(t, { MAX_ROOMS_PER_CONNECTION: "1" });
  const anna = user(server, "anna");
  const projects = [];
  for (const name of ["one", "two"]) projects.push((await anna.request("POST", "/api/v1/projects", { name })).id);
  const socket = await openRawClient(server, anna.token);
  const request = async (type, id) => {
    socket.sendEnvelope({ type, room: `project:${id}` });
    return (await socket.readUntil((envelope) => !["user_joined", "user_left"].includes(envelope.type))).at(-1);
  };
  assert.equal((await request("join_room", projects[0])).type, "joined_room");
  const rejected = await request("join_room", projects[1]);
  assert.equal(rejected.type, "error");
  assert.match(JSON.stringify(rejected.data), /room: this connection is in 1 rooms, and may not be in more/);
  assert.equal((await request("leave_room", projects[0])).type, "left_room");
  assert.equal((await request("join_room", projects[1])).type, "joined_room");
});
