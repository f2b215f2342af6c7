// Clients that do not read. Only the newest of several ephemeral events waits in the outbox of a client, and a full outbox closes the connection. A server
// that is short of memory rejects new connections.

import assert from "node:assert/strict";
import { test } from "node:test";
import { get, rest } from "../support/http.js";
import { metrics } from "../support/metrics.js";
import { startServer } from "../support/server.js";
import { client, connected, nextEvent } from "../support/socketio-clients.js";
import { API_KEY, user } from "../support/users.js";
import { retry, waitUntilByServerClock } from "../support/wait-until.js";
import { connectionOutcome, openWebSocket } from "../support/ws-queue.js";

const RAW = "/api/v1/ws/connect";

// The maximum number of events for a client that does not read: hundreds of megabytes, more than the kernel buffers.
const MAX_EVENTS = 1000;

async function startTestServer(t, env) {
  const server = await startServer({ LOG_LEVEL: "off", ROOMCAST_API_KEY: API_KEY, SHARDS: "1", ...env });
  t.after(() => server.stop());
  return server;
}

const gauge = async (server, ...name) => (await metrics(server)).gauge(...name);
const counter = async (server, name) => (await metrics(server)).counter(name);

// Emits a large event to a user through the back-end API.
async function emitLarge(server, sub, number, bytes) {
  const body = { to: { users: [sub] }, event: "large", data: { number, filler: "x".repeat(bytes) } };
  assert.equal((await rest("POST", `${server.url}/api/v1/emit`, { token: API_KEY, body })).status, 200);
}

// Emits events to a user who does not read until `bytes` wait in the outbox. Resolves with the number of events.
async function fillOutbox(server, sub, bytes) {
  return retry(MAX_EVENTS, async (count) => {
    if ((await gauge(server, "outbox_bytes")) >= bytes) return count;
    await emitLarge(server, sub, count, bytes / 2);
    return null;
  });
}

test("only the newest typing event waits in an outbox, in order with the persisted events", async (t) => {
  const server = await startTestServer(t, { OUTBOX_LIMIT: "50MB" });
  const { id: roomId } = await user(server, "anna").request("POST", "/shared/chat/rooms", { name: "Team", memberIds: ["ben"] });
  const open = async (sub) => {
    const socket = client(t, `${server.url}/chat`, { transports: ["websocket"], auth: { token: server.token({ sub, name: sub }) } });
    await connected(socket);
    await socket.emitWithAck("join_room", { roomId });
    return socket;
  };
  const [anna, ben] = [await open("anna"), await open("ben")];
  const received = [];
  // Ben receives the event of his own join as well, before or after this line.
  ben.onAny((event, data) => event === "member:joined" || received.push(event === "large" ? data.number : event));
  // The client's heartbeat interval is long, so it does not close the connection.
  ben.io.engine.transport.ws.pause();
  const count = await fillOutbox(server, "ben", 400_000);

  const before = await gauge(server, "outbox_bytes");
  for (let i = 0; i < 500; i++) {
    await anna.emitWithAck("user:typing", { roomId });
    await anna.emitWithAck("user:stop_typing", { roomId });
  }
  // The kernel may accept some events in the meantime, and the server cannot replace these.
  const conflated = await counter(server, "signals_conflated");
  assert.ok(conflated >= 900, `${conflated} of 1000`);
  assert.ok((await gauge(server, "outbox_bytes")) - before < 10_000, "the outbox does not grow");
  await anna.emitWithAck("message:send", { roomId, content: "Are you there?" });

  const last = nextEvent(ben, "message:new");
  ben.io.engine.transport.ws.resume();
  assert.equal((await last)[0].content, "Are you there?");
  // All persisted events arrive in order, and few typing events. The last of these is the newest.
  const isTyping = (event) => ["user:typing", "user:stop_typing"].includes(event);
  assert.deepEqual(received.filter((event) => !isTyping(event)), [...Array(count).keys(), "message:new"]);
  const typing = received.filter(isTyping);
  assert.ok(typing.length <= 1000 - conflated, `${typing.length} typing events`);
  assert.equal(typing.at(-1), "user:stop_typing");
});

test("a connection with a full outbox is closed with a reason", async (t) => {
  const server = await startTestServer(t, { OUTBOX_LIMIT: "1MB" });
  const socket = await openWebSocket(`${server.ws}${RAW}?token=${server.token({ sub: "ben" })}`);
  socket.ws.pause();
  const count = await retry(MAX_EVENTS, async (number) => {
    if ((await counter(server, "connections_too_slow")) > 0) return number;
    await emitLarge(server, "ben", number, 300_000);
    return null;
  });
  assert.ok((await gauge(server, "outbox_bytes")) < 400_000, "only the message that the server has begun to write waits");
  socket.ws.resume();
  assert.deepEqual(await socket.closed, { code: 1013, reason: "too slow" });
  assert.equal(await gauge(server, "connections", 'transport="raw"'), 0);
  const numbers = socket.unread.map((text) => JSON.parse(text)).filter(({ type }) => type === "large").map(({ data }) => data.number);
  assert.deepEqual(numbers, [...numbers.keys()], "no event before the close is missing");
  assert.ok(numbers.length < count);
});

// Shares that are so large that the outbox of one client exceeds the memory limit.
const shares = { BYTES_IN_HAND: "500MB", BYTES_IN_HAND_PER_ADDRESS: "500MB", BYTES_IN_HAND_PER_USER: "500MB" };

test("a server that is short of memory rejects new connections until memory is free again", async (t) => {
  const server = await startTestServer(t, { OUTBOX_LIMIT: "500MB", MEMORY_LIMIT: "100MB", ...shares });
  const slowClient = await openWebSocket(`${server.ws}${RAW}?token=${server.token({ sub: "ben" })}`);
  slowClient.ws.pause();
  const connectedClient = client(t, server.url, { transports: ["websocket"], auth: { token: server.token({ sub: "anna" }) } });
  await connected(connectedClient);
  const handshake = () => get(`${server.url}/socket.io/?EIO=4&transport=polling`);
  const rejected = await retry(MAX_EVENTS, async (count) => {
    const response = await handshake();
    if (response.status !== 200) return response;
    await emitLarge(server, "ben", count, 900_000);
    return null;
  });
  assert.deepEqual([rejected.status, rejected.headers["retry-after"]], [503, "10"]);
  assert.match(rejected.text, /short of memory/);
  const raw = await connectionOutcome(`${server.ws}${RAW}?token=${server.token({ sub: "anna" })}`);
  assert.deepEqual([raw.opened, raw.status], [false, 503]);
  assert.equal((await get(`${server.url}/health/ready`)).status, 503);
  assert.ok((await gauge(server, "memory_bytes")) > 90_000_000);

  // The open connections are served.
  const received = nextEvent(connectedClient, "large");
  await emitLarge(server, "anna", 7, 10);
  assert.equal((await received)[0].number, 7);

  slowClient.ws.terminate();
  await waitUntilByServerClock(server, 30, async () => {
    const { status, text } = await handshake();
    return status === 200 ? null : `${status} ${text}`;
  });
  assert.equal((await get(`${server.url}/health/ready`)).status, 200);
});
