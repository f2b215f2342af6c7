// A server that receives SIGTERM drains: it rejects new connections, answers the requests that it has received, closes connections evenly, and exits.

import assert from "node:assert/strict";
import { test } from "node:test";
import { beginRequest, get, rest } from "../support/http.js";
import { startServer } from "../support/server.js";
import { client, connected, nextEvent } from "../support/socketio-clients.js";
import { user } from "../support/users.js";
import { waitFor } from "../support/wait-for.js";
import { retry } from "../support/wait-until.js";
import { openTcpWebSocket } from "../support/websocket-frames.js";
import { connectionOutcome, openWebSocket } from "../support/ws-queue.js";

const RAW = "/api/v1/ws/connect";

// The seconds that a process on a loaded machine may need in addition.
const SLOW_MACHINE = 2;

async function startTestServer(t, env) {
  const server = await startServer({ LOG_LEVEL: "off", MAX_CONNECTIONS_PER_USER: "0", SOCKETIO_MAX_CONNECTIONS_PER_USER: "0", ...env });
  t.after(() => server.stop());
  return server;
}

// A connected stock client. `ended` resolves with the reason and the time of its disconnect.
async function connectStockClient(t, server, transport, sub = "anna") {
  const token = server.token({ sub, name: sub });
  const socket = client(t, `${server.url}/chat`, { transports: [transport], auth: { token } });
  await connected(socket);
  const ended = new Promise((resolve) => socket.once("disconnect", (reason) => resolve({ reason, at: performance.now() })));
  return { socket, ended: () => waitFor(ended, () => `the client of ${sub} is still connected`) };
}

async function messageContents(server, roomId) {
  const anna = user(server, "anna");
  const all = [];
  for (let before = ""; ; before = `&before=${all.at(-1).id}`) {
    const page = await anna.request("GET", `/shared/chat/rooms/${roomId}/messages?limit=100${before}`);
    all.push(...page);
    if (page.length < 100) return all.map(({ content }) => content);
  }
}

const many = (count, make) => Promise.all(Array.from({ length: count }, make));

test("a drain closes connections evenly, loses no acknowledged message, and exits with code 0", async (t) => {
  const server = await startTestServer(t, { DRAIN_SECONDS: "2" });
  const { id: roomId } = await user(server, "anna").request("POST", "/shared/chat/rooms", { name: "Team" });
  const clients = [...(await many(30, () => connectStockClient(t, server, "websocket"))), ...(await many(10, () => connectStockClient(t, server, "polling")))];
  const raws = await many(5, () => openWebSocket(`${server.ws}${RAW}?token=${server.token({ sub: "anna" })}`));

  const acked = [];
  let sent = 0;
  let isEnough;
  const enough = new Promise((resolve) => (isEnough = resolve));
  const senders = clients.map(async ({ socket }) => {
    for (;;) {
      const content = `message ${++sent}`;
      // The server does not acknowledge a message that it has not received, and the client detects the missing acknowledgement.
      const ack = await socket.emitWithAck("message:send", { roomId, content }).catch(() => null);
      if (!ack) return;
      // The server executes every message that it has received.
      assert.equal(ack.ok, true, JSON.stringify(ack));
      if (acked.push(content) === 100) isEnough();
    }
  });
  await waitFor(enough, () => `${acked.length} of 100 messages are acknowledged`);
  server.running.child.kill("SIGTERM");

  const ends = await Promise.all(clients.map(({ ended }) => ended()));
  // A stock client reconnects by itself after this reason only.
  assert.deepEqual([...new Set(ends.map(({ reason }) => reason))], ["transport close"]);
  const times = ends.map(({ at }) => at);
  assert.ok(Math.max(...times) - Math.min(...times) > 1000, "the connections are not closed at the same time");
  for (const raw of raws) assert.deepEqual(await raw.closed, { code: 1001, reason: "server shutting down" });
  await Promise.all(senders);
  assert.deepEqual(await server.running.exited, { code: 0, signal: null });

  const next = await startTestServer(t, { DATABASE_URL: `sqlite://${server.folder}/roomcast.db` });
  const stored = new Set(await messageContents(next, roomId));
  assert.deepEqual(acked.filter((content) => !stored.has(content)), []);
});

test("a call survives the drain, and the next start ends it as interrupted", async (t) => {
  const server = await startTestServer(t, { DRAIN_SECONDS: "2", PRESENCE_GRACE: "0" });
  for (const sub of ["anna", "ben"]) await user(server, sub).request("GET", "/shared/chat/rooms");
  const { id: roomId } = await user(server, "anna").request("POST", "/shared/chat/rooms", { name: "Team", memberIds: ["ben"] });
  const [anna, ben] = [await connectStockClient(t, server, "websocket", "anna"), await connectStockClient(t, server, "websocket", "ben")];
  const { callId } = await anna.socket.emitWithAck("call:initiated", { roomId, callType: "AUDIO" });
  assert.equal((await ben.socket.emitWithAck("call:answered", { callId, roomId })).ok, true);
  // The server closes ten more connections after these two, so it is still running when their grace period is over.
  await many(10, () => connectStockClient(t, server, "websocket", "carl"));
  server.running.child.kill("SIGTERM");
  await Promise.all([anna.ended(), ben.ended()]);
  assert.deepEqual(await server.running.exited, { code: 0, signal: null });

  const next = await startTestServer(t, { DATABASE_URL: `sqlite://${server.folder}/roomcast.db` });
  const call = await retry(1000, async () => {
    const [call] = await user(next, "anna").request("GET", `/shared/chat/rooms/${roomId}/calls?limit=1`);
    return call.status === "ONGOING" ? null : call;
  });
  assert.deepEqual([call.id, call.status, call.endedBy], [callId, "ENDED", null]);
});

test("a draining server rejects new connections and serves the open ones", async (t) => {
  const server = await startTestServer(t, { DRAIN_SECONDS: "1h" });
  const clients = await many(10, () => connectStockClient(t, server, "websocket"));
  const anna = user(server, "anna");
  const { id: roomId } = await anna.request("POST", "/shared/chat/rooms", { name: "Team" });
  server.running.child.kill("SIGTERM");
  const ready = await retry(1000, async () => {
    const response = await rest("GET", `${server.url}/health/ready`);
    return response.status === 200 ? null : response;
  });
  assert.deepEqual([ready.status, ready.json.error], [503, "Not ready: the server is stopping"]);
  assert.equal((await get(`${server.url}/health/live`)).status, 200);

  for (const path of ["/socket.io/?EIO=4&transport=websocket", `${RAW}?token=${anna.token}`]) {
    const rejected = await connectionOutcome(`${server.ws}${path}`);
    assert.deepEqual([rejected.opened, rejected.status], [false, 503], path);
  }
  const polled = await get(`${server.url}/socket.io/?EIO=4&transport=polling`);
  assert.equal(polled.status, 503);
  assert.ok(Number(polled.headers["retry-after"]) > 3000);

  // The remaining clients are served over REST and over their sockets.
  await Promise.any(clients.map(({ ended }) => ended()));
  const remaining = clients.find(({ socket }) => socket.connected).socket;
  await remaining.emitWithAck("join_room", { roomId });
  const received = nextEvent(remaining, "message:new");
  await anna.request("POST", `/shared/chat/rooms/${roomId}/messages`, { content: "Still here" });
  assert.equal((await received)[0].content, "Still here");

  // After a second SIGTERM the server exits at once.
  server.running.child.kill("SIGTERM");
  assert.deepEqual(await server.running.exited, { code: 130, signal: null });
});

test("a drain with unfinished requests exits at most three seconds after DRAIN_SECONDS", async (t) => {
  const server = await startTestServer(t, { DRAIN_SECONDS: "1" });
  const anna = user(server, "anna");
  const headers = { authorization: `Bearer ${anna.token}`, "content-type": "application/json", "content-length": "1000" };
  const { outgoing, response } = beginRequest("POST", `${server.url}/households`, { headers });
  outgoing.write('{"name":');
  // This client does not answer the close frame.
  const silent = await openTcpWebSocket(server, `${RAW}?token=${anna.token}`);
  // The response to a later request shows that the server has received the earlier ones.
  await anna.request("GET", "/households");
  const startedAt = performance.now();
  server.running.child.kill("SIGTERM");
  assert.deepEqual(await server.running.exited, { code: 0, signal: null });
  const seconds = (performance.now() - startedAt) / 1000;
  assert.ok(seconds < 1 + 3 + SLOW_MACHINE, `${seconds} s`);
  await assert.rejects(response);
  silent.destroy();
});

test("a server without clients exits at once", async (t) => {
  const server = await startTestServer(t, { DRAIN_SECONDS: "1h" });
  server.running.child.kill("SIGTERM");
  assert.deepEqual(await server.running.exited, { code: 0, signal: null });
});
