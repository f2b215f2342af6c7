// A disk that is full: whatever would change something is refused with the reason, everything else goes on, and all is well when there is
// room again.

import assert from "node:assert/strict";
import { test } from "node:test";
import { fileSizeLimit, smallDisk } from "../support/fill-disk.js";
import { get, rest } from "../support/http.js";
import { metrics } from "../support/metrics.js";
import { skipWithoutPrivileges } from "../support/require-privileges.js";
import { startServer } from "../support/server.js";
import { client, connected, nextEvent } from "../support/socketio-clients.js";
import { API_KEY, user } from "../support/users.js";
import { retry, waitUntilByServerClock } from "../support/wait-until.js";

const REFUSED = { error: "The server cannot do this now; try again later", code: "unavailable" };

// More messages than a small disk can take in, full or not.
const MOST = 3000;

const ready = async (server) => (await get(`${server.url}/health/ready`)).status;

// A verdict on the database is a second old at most.
const isReady = (server, status) => waitUntilByServerClock(server, 10, async () => {
  const now = await ready(server);
  return now === status ? null : `/health/ready says ${now}, not ${status}`;
});

async function chat(t, server, sub, roomId) {
  const socket = client(t, `${server.url}/chat`, { transports: ["websocket"], auth: { token: server.token({ sub, name: sub }) } });
  await connected(socket);
  await socket.emitWithAck("join_room", { roomId });
  return socket;
}

async function survives(t, server, disk) {
  const [anna, ben] = [user(server, "anna"), user(server, "ben")];
  const { id: roomId } = await anna.request("POST", "/shared/chat/rooms", { name: "Team", memberIds: ["ben"] });
  const sockets = [await chat(t, server, "anna", roomId), await chat(t, server, "ben", roomId)];
  const [annas, bens] = sockets;
  const ended = [];
  for (const socket of sockets) socket.on("disconnect", (reason) => ended.push(reason));
  const kept = [];
  const told = [];
  bens.on("message:new", ({ content }) => told.push(content));
  const send = async (content) => {
    const ack = await annas.emitWithAck("message:send", { roomId, content });
    if (ack.ok) kept.push(content);
    return ack;
  };
  await send("before");
  assert.equal(await ready(server), 200);

  disk.fill();
  // What is left of a page that was begun may still take some.
  const rejection = await retry(MOST, async () => {
    const { ok, ...refused } = await send(`while it fills ${kept.length} ${"x".repeat(2000)}`);
    return ok ? null : { ok, ...refused };
  });
  assert.deepEqual(rejection, { ok: false, ...REFUSED });
  const path = `${server.url}/shared/chat/rooms/${roomId}/messages`;
  const posted = await rest("POST", path, { token: anna.token, body: { content: "x".repeat(5000) } });
  assert.deepEqual([posted.status, posted.json, posted.headers["retry-after"]], [503, REFUSED, "1"]);
  await isReady(server, 503);
  assert.equal((await get(`${server.url}/health/live`)).status, 200);
  assert.ok((await metrics(server)).counter("writer_lost") > 0);

  // Reading goes on, and so does what is not stored.
  const contents = async () => (await ben.request("GET", `/shared/chat/rooms/${roomId}/messages?limit=100`)).map(({ content }) => content);
  assert.deepEqual((await contents()).reverse(), kept);
  const typing = nextEvent(annas, "user:typing");
  bens.emit("user:typing", { roomId });
  await typing;

  disk.free();
  await isReady(server, 200);
  assert.equal((await send("after")).ok, true);
  assert.deepEqual((await contents()).reverse(), kept);
  // Whoever hears a later word has heard all before.
  const marked = nextEvent(bens, "message:edited");
  const { id } = (await ben.request("GET", `/shared/chat/rooms/${roomId}/messages?limit=1`))[0];
  await annas.emitWithAck("message:edit", { messageId: id, content: "the end" });
  await marked;
  assert.deepEqual(told, kept);
  assert.deepEqual(ended, []);
}

const SETTINGS = { ROOMCAST_API_KEY: API_KEY, LOG_LEVEL: "off" };

test("a file system that is full", async (t) => {
  let disk;
  try {
    disk = smallDisk();
  } catch (error) {
    return skipWithoutPrivileges(t, `no file system can be mounted here: ${error.message}`);
  }
  const server = await startServer({ ...SETTINGS, DATABASE_URL: `sqlite://${disk.folder}/roomcast.db` });
  t.after(async () => {
    await server.stop();
    disk.remove();
  });
  await survives(t, server, disk);
});

test("files that may not grow", async (t) => {
  const server = await startServer(SETTINGS);
  t.after(() => server.stop());
  await survives(t, server, fileSizeLimit(server));
});
