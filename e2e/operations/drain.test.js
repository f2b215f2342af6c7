// A server that is told to stop: it lets nobody in any more, answers whoever it has heard, lets its clients go little by little, and ends well.

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

// What a process that is not given the time may need beyond what it promises, in seconds.
const SLOW_MACHINE = 2;

async function served(t, env) {
  const server = await startServer({ LOG_LEVEL: "off", MAX_CONNECTIONS_PER_USER: "0", SOCKETIO_MAX_CONNECTIONS_PER_USER: "0", ...env });
  t.after(() => server.stop());
  return server;
}

// A stock client, and why and when its connection ends.
async function stock(t, server, transport, sub = "anna") {
  const token = server.token({ sub, name: sub });
  const socket = client(t, `${server.url}/chat`, { transports: [transport], auth: { token } });
  await connected(socket);
  const ended = new Promise((resolve) => socket.once("disconnect", (reason) => resolve({ reason, at: performance.now() })));
  return { socket, ended: () => waitFor(ended, () => `the client of ${sub} is still connected`) };
}

async function contents(server, roomId) {
  const anna = user(server, "anna");
  const all = [];
  for (let before = ""; ; before = `&before=${all.at(-1).id}`) {
    const page = await anna.request("GET", `/shared/chat/rooms/${roomId}/messages?limit=100${before}`);
    all.push(...page);
    if (page.length < 100) return all.map(({ content }) => content);
  }
}

const many = (count, make) => Promise.all(Array.from({ length: count }, make));

test("clients go little by little, each with its answers, and the process ends well", async (t) => {
  const server = await served(t, { DRAIN_SECONDS: "2" });
  const { id: roomId } = await user(server, "anna").request("POST", "/shared/chat/rooms", { name: "Team" });
  const stocks = [...(await many(30, () => stock(t, server, "websocket"))), ...(await many(10, () => stock(t, server, "polling")))];
  const raws = await many(5, () => openWebSocket(`${server.ws}${RAW}?token=${server.token({ sub: "anna" })}`));

  const acked = [];
  let sent = 0;
  let isEnough;
  const enough = new Promise((resolve) => (isEnough = resolve));
  const chatter = stocks.map(async ({ socket }) => {
    for (;;) {
      const content = `message ${++sent}`;
      // What was not heard any more is answered by nobody, and the client knows it.
      const ack = await socket.emitWithAck("message:send", { roomId, content }).catch(() => null);
      if (!ack) return;
      // What was heard is done, to the last.
      assert.equal(ack.ok, true, JSON.stringify(ack));
      if (acked.push(content) === 100) isEnough();
    }
  });
  await waitFor(enough, () => `${acked.length} of 100 messages are acknowledged`);
  server.running.child.kill("SIGTERM");

  const ends = await Promise.all(stocks.map(({ ended }) => ended()));
  // A stock client comes back by itself after this, and after no other word of the server's.
  assert.deepEqual([...new Set(ends.map(({ reason }) => reason))], ["transport close"]);
  const times = ends.map(({ at }) => at);
  assert.ok(Math.max(...times) - Math.min(...times) > 1000, "they are not closed all at once");
  for (const raw of raws) assert.deepEqual(await raw.closed, { code: 1001, reason: "server shutting down" });
  await Promise.all(chatter);
  assert.deepEqual(await server.running.exited, { code: 0, signal: null });

  const next = await served(t, { DATABASE_URL: `sqlite://${server.folder}/roomcast.db` });
  const stored = new Set(await contents(next, roomId));
  assert.deepEqual(acked.filter((content) => !stored.has(content)), []);
});

test("a call outlasts the drain, and the next start ends it as interrupted, as after a kill", async (t) => {
  const server = await served(t, { DRAIN_SECONDS: "2", PRESENCE_GRACE: "0" });
  for (const sub of ["anna", "ben"]) await user(server, sub).request("GET", "/shared/chat/rooms");
  const { id: roomId } = await user(server, "anna").request("POST", "/shared/chat/rooms", { name: "Team", memberIds: ["ben"] });
  const [anna, ben] = [await stock(t, server, "websocket", "anna"), await stock(t, server, "websocket", "ben")];
  const { callId } = await anna.socket.emitWithAck("call:initiated", { roomId, callType: "AUDIO" });
  assert.equal((await ben.socket.emitWithAck("call:answered", { callId, roomId })).ok, true);
  // The server closes ten more connections after these two, so it still runs when the grace of both is over.
  await many(10, () => stock(t, server, "websocket", "carl"));
  server.running.child.kill("SIGTERM");
  await Promise.all([anna.ended(), ben.ended()]);
  assert.deepEqual(await server.running.exited, { code: 0, signal: null });

  const next = await served(t, { DATABASE_URL: `sqlite://${server.folder}/roomcast.db` });
  const call = await retry(1000, async () => {
    const [call] = await user(next, "anna").request("GET", `/shared/chat/rooms/${roomId}/calls?limit=1`);
    return call.status === "ONGOING" ? null : call;
  });
  assert.deepEqual([call.id, call.status, call.endedBy], [callId, "ENDED", null]);
});

test("while it drains nobody is let in, and everybody else is served", async (t) => {
  const server = await served(t, { DRAIN_SECONDS: "1h" });
  const stocks = await many(10, () => stock(t, server, "websocket"));
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
    const refused = await connectionOutcome(`${server.ws}${path}`);
    assert.deepEqual([refused.opened, refused.status], [false, 503], path);
  }
  const polled = await get(`${server.url}/socket.io/?EIO=4&transport=polling`);
  assert.equal(polled.status, 503);
  assert.ok(Number(polled.headers["retry-after"]) > 3000);

  // Whoever is still here is served, over both wires.
  await Promise.any(stocks.map(({ ended }) => ended()));
  const here = stocks.find(({ socket }) => socket.connected).socket;
  await here.emitWithAck("join_room", { roomId });
  const told = nextEvent(here, "message:new");
  await anna.request("POST", `/shared/chat/rooms/${roomId}/messages`, { content: "Still here" });
  assert.equal((await told)[0].content, "Still here");

  // Asked twice, it ends at once.
  server.running.child.kill("SIGTERM");
  assert.deepEqual(await server.running.exited, { code: 130, signal: null });
});

test("it ends within three seconds of DRAIN_SECONDS, whatever clients leave half done", async (t) => {
  const server = await served(t, { DRAIN_SECONDS: "1" });
  const anna = user(server, "anna");
  const headers = { authorization: `Bearer ${anna.token}`, "content-type": "application/json", "content-length": "1000" };
  const { outgoing, response } = beginRequest("POST", `${server.url}/households`, { headers });
  outgoing.write('{"name":');
  // This one does not say goodbye when it is told to go.
  const silent = await openTcpWebSocket(server, `${RAW}?token=${anna.token}`);
  // Whoever asks behind them is answered when they are in hand.
  await anna.request("GET", "/households");
  const begun = performance.now();
  server.running.child.kill("SIGTERM");
  assert.deepEqual(await server.running.exited, { code: 0, signal: null });
  const seconds = (performance.now() - begun) / 1000;
  assert.ok(seconds < 1 + 3 + SLOW_MACHINE, `${seconds} s`);
  await assert.rejects(response);
  silent.destroy();
});

test("without clients it ends at once", async (t) => {
  const server = await served(t, { DRAIN_SECONDS: "1h" });
  server.running.child.kill("SIGTERM");
  assert.deepEqual(await server.running.exited, { code: 0, signal: null });
});
