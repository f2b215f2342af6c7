// On a full disk the server rejects every write with a reason, serves everything else, and accepts writes again as soon as there is space.

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

const UNAVAILABLE = { error: "The server cannot do this now; try again later", code: "unavailable" };

// More messages than fit on a small disk.
const MAX_MESSAGES = 3000;

const readiness = async (server) => (await get(`${server.url}/health/ready`)).status;

// The server caches the result of its write check for at most one second.
const waitForReadiness = (server, status) => waitUntilByServerClock(server, 10, async () => {
  const now = await readiness(server);
  return now === status ? null : `/health/ready returns ${now}, not ${status}`;
});

async function openChat(t, server, sub, roomId) {
  const socket = client(t, `${server.url}/chat`, { transports: ["websocket"], auth: { token: server.token({ sub, name: sub }) } });
  await connected(socket);
  await socket.emitWithAck("join_room", { roomId });
  return socket;
}

async function assertSurvivesFullDisk(t, server, disk) {
  const [anna, ben] = [user(server, "anna"), user(server, "ben")];
  const { id: roomId } = await anna.request("POST", "/shared/chat/rooms", { name: "Team", memberIds: ["ben"] });
  const sockets = [await openChat(t, server, "anna", roomId), await openChat(t, server, "ben", roomId)];
  const [annasSocket, bensSocket] = sockets;
  const ended = [];
  for (const socket of sockets) socket.on("disconnect", (reason) => ended.push(reason));
  const acknowledged = [];
  const received = [];
  bensSocket.on("message:new", ({ content }) => received.push(content));
  const send = async (content) => {
    const ack = await annasSocket.emitWithAck("message:send", { roomId, content });
    if (ack.ok) acknowledged.push(content);
    return ack;
  };
  await send("before");
  assert.equal(await readiness(server), 200);

  disk.fill();
  // The rest of a database page may still have room for some messages.
  const rejection = await retry(MAX_MESSAGES, async () => {
    const { ok, ...rejected } = await send(`while the disk fills ${acknowledged.length} ${"x".repeat(2000)}`);
    return ok ? null : { ok, ...rejected };
  });
  assert.deepEqual(rejection, { ok: false, ...UNAVAILABLE });
  const path = `${server.url}/shared/chat/rooms/${roomId}/messages`;
  const posted = await rest("POST", path, { token: anna.token, body: { content: "x".repeat(5000) } });
  assert.deepEqual([posted.status, posted.json, posted.headers["retry-after"]], [503, UNAVAILABLE, "1"]);
  await waitForReadiness(server, 503);
  assert.equal((await get(`${server.url}/health/live`)).status, 200);
  assert.ok((await metrics(server)).counter("writer_lost") > 0);

  // Queries and ephemeral events still work.
  const contents = async () => (await ben.request("GET", `/shared/chat/rooms/${roomId}/messages?limit=100`)).map(({ content }) => content);
  assert.deepEqual((await contents()).reverse(), acknowledged);
  const typing = nextEvent(annasSocket, "user:typing");
  bensSocket.emit("user:typing", { roomId });
  await typing;

  disk.free();
  await waitForReadiness(server, 200);
  assert.equal((await send("after")).ok, true);
  assert.deepEqual((await contents()).reverse(), acknowledged);
  // A later event shows that all earlier ones have arrived.
  const edited = nextEvent(bensSocket, "message:edited");
  const { id } = (await ben.request("GET", `/shared/chat/rooms/${roomId}/messages?limit=1`))[0];
  await annasSocket.emitWithAck("message:edit", { messageId: id, content: "the end" });
  await edited;
  assert.deepEqual(received, acknowledged);
  assert.deepEqual(ended, []);
}

const SETTINGS = { ROOMCAST_API_KEY: API_KEY, LOG_LEVEL: "off" };

test("a server on a full file system rejects writes, serves reads, and recovers when space is free again", async (t) => {
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
  await assertSurvivesFullDisk(t, server, disk);
});

test("a server whose files may not grow rejects writes, serves reads, and recovers when they may grow again", async (t) => {
  const server = await startServer(SETTINGS);
  t.after(() => server.stop());
  await assertSurvivesFullDisk(t, server, fileSizeLimit(server));
});
