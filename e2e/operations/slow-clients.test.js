// Clients that do not read: of what is worth nothing late only the newest waits for them, and one for which too much waits is closed with the
// reason. And a server that is short of memory, which lets nobody in until it is not.

import assert from "node:assert/strict";
import { test } from "node:test";
import { get, rest } from "../support/http.js";
import { metrics } from "../support/metrics.js";
import { startServer } from "../support/server.js";
import { client, connected, nextEvent as next } from "../support/socketio-clients.js";
import { API_KEY, user } from "../support/users.js";
import { retry, waitUntilByServerClock } from "../support/wait-until.js";
import { connectionOutcome, openWebSocket } from "../support/ws-queue.js";

const RAW = "/api/v1/ws/connect";

// So much is told at most to somebody who does not read: hundreds of megabytes, which no kernel takes in.
const MOST = 1000;

async function served(t, env) {
  const server = await startServer({ LOG_LEVEL: "off", ROOMCAST_API_KEY: API_KEY, SHARDS: "1", ...env });
  t.after(() => server.stop());
  return server;
}

const gauge = async (server, ...name) => (await metrics(server)).gauge(...name);
const counter = async (server, name) => (await metrics(server)).counter(name);

// Says something large to a person, by a back end.
async function tell(server, sub, number, bytes) {
  const body = { to: { users: [sub] }, event: "large", data: { number, filler: "x".repeat(bytes) } };
  assert.equal((await rest("POST", `${server.url}/api/v1/emit`, { token: API_KEY, body })).status, 200);
}

// Tells a person who does not read until something waits for them in the server; how often that was.
async function fill(server, sub, bytes) {
  return retry(MOST, async (told) => {
    if ((await gauge(server, "outbox_bytes")) >= bytes) return told;
    await tell(server, sub, told, bytes / 2);
    return null;
  });
}

test("of typing only the newest waits, in its place among what is to be kept", async (t) => {
  const server = await served(t, { OUTBOX_LIMIT: "50MB" });
  const { id: roomId } = await user(server, "anna").request("POST", "/shared/chat/rooms", { name: "Team", memberIds: ["ben"] });
  const open = async (sub) => {
    const socket = client(t, `${server.url}/chat`, { transports: ["websocket"], auth: { token: server.token({ sub, name: sub }) } });
    await connected(socket);
    await socket.emitWithAck("join_room", { roomId });
    return socket;
  };
  const [anna, ben] = [await open("anna"), await open("ben")];
  const received = [];
  // That Ben has joined is told to him, too, now or a moment ago.
  ben.onAny((event, data) => event === "member:joined" || received.push(event === "large" ? data.number : event));
  // Its own heartbeats are far apart.
  ben.io.engine.transport.ws.pause();
  const told = await fill(server, "ben", 400_000);

  const before = await gauge(server, "outbox_bytes");
  for (let i = 0; i < 500; i++) {
    await anna.emitWithAck("user:typing", { roomId });
    await anna.emitWithAck("user:stop_typing", { roomId });
  }
  // The kernel may still take a little meanwhile, and what it has taken is out of reach.
  const conflated = await counter(server, "signals_conflated");
  assert.ok(conflated >= 900, `${conflated} of 1000`);
  assert.ok((await gauge(server, "outbox_bytes")) - before < 10_000, "what waits does not grow");
  await anna.emitWithAck("message:send", { roomId, content: "Are you there?" });

  const last = next(ben, "message:new");
  ben.io.engine.transport.ws.resume();
  assert.equal((await last)[0].content, "Are you there?");
  // Everything that is to be kept, in its order; and of typing few words, of which the last is the newest.
  const isTyping = (event) => ["user:typing", "user:stop_typing"].includes(event);
  assert.deepEqual(received.filter((event) => !isTyping(event)), [...Array(told).keys(), "message:new"]);
  const typing = received.filter(isTyping);
  assert.ok(typing.length <= 1000 - conflated, `${typing.length} words`);
  assert.equal(typing.at(-1), "user:stop_typing");
});

test("a connection for which too much waits is closed, and told why", async (t) => {
  const server = await served(t, { OUTBOX_LIMIT: "1MB" });
  const socket = await openWebSocket(`${server.ws}${RAW}?token=${server.token({ sub: "ben" })}`);
  socket.ws.pause();
  const told = await retry(MOST, async (number) => {
    if ((await counter(server, "connections_too_slow")) > 0) return number;
    await tell(server, "ben", number, 300_000);
    return null;
  });
  assert.ok((await gauge(server, "outbox_bytes")) < 400_000, "nothing but what was begun waits");
  socket.ws.resume();
  assert.deepEqual(await socket.closed, { code: 1013, reason: "too slow" });
  assert.equal(await gauge(server, "connections", 'transport="raw"'), 0);
  const numbers = socket.unread.map((text) => JSON.parse(text)).filter(({ type }) => type === "large").map(({ data }) => data.number);
  assert.deepEqual(numbers, [...numbers.keys()], "what it was told before that is whole");
  assert.ok(numbers.length < told);
});

// Shares so large that what waits for one client exceeds the memory limit.
const shares = { BYTES_IN_HAND: "500MB", BYTES_IN_HAND_PER_ADDRESS: "500MB", BYTES_IN_HAND_PER_USER: "500MB" };

test("a server that is short of memory lets nobody in until it is not", async (t) => {
  const server = await served(t, { OUTBOX_LIMIT: "500MB", MEMORY_LIMIT: "100MB", ...shares });
  const slow = await openWebSocket(`${server.ws}${RAW}?token=${server.token({ sub: "ben" })}`);
  slow.ws.pause();
  const here = client(t, server.url, { transports: ["websocket"], auth: { token: server.token({ sub: "anna" }) } });
  await connected(here);
  const handshake = () => get(`${server.url}/socket.io/?EIO=4&transport=polling`);
  const refused = await retry(MOST, async (told) => {
    const response = await handshake();
    if (response.status !== 200) return response;
    await tell(server, "ben", told, 900_000);
    return null;
  });
  assert.deepEqual([refused.status, refused.headers["retry-after"]], [503, "10"]);
  assert.match(refused.text, /short of memory/);
  const raw = await connectionOutcome(`${server.ws}${RAW}?token=${server.token({ sub: "anna" })}`);
  assert.deepEqual([raw.opened, raw.status], [false, 503]);
  assert.equal((await get(`${server.url}/health/ready`)).status, 503);
  assert.ok((await gauge(server, "memory_bytes")) > 90_000_000);

  // Whoever is here is served.
  const received = next(here, "large");
  await tell(server, "anna", 7, 10);
  assert.equal((await received)[0].number, 7);

  slow.ws.terminate();
  await waitUntilByServerClock(server, 30, async () => {
    const { status, text } = await handshake();
    return status === 200 ? null : `${status} ${text}`;
  });
  assert.equal((await get(`${server.url}/health/ready`)).status, 200);
});
