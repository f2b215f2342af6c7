// PostgreSQL may stop, crash, and lose connections in mid-commit: requests are rejected or repeated, sockets stay open, and no outcome is guessed.

import assert from "node:assert/strict";
import { test } from "node:test";
import { connectRecordingClient, createConversation, joinConversation, messageContents, waitForMessage } from "../recovery/clients.js";
import { startCluster } from "../support/cluster.js";
import { rest } from "../support/http.js";
import { client } from "../support/socketio-clients.js";
import { waitUntil } from "../support/wait-until.js";
import { openTeam, typingArrives } from "./team.js";
import { surviveFaults, surviveFaultsConnected } from "./traffic.js";

test("without PostgreSQL requests get 503 with a reason, sockets stay open, and typing goes on", async (t) => {
  const cluster = await startCluster(t);
  const { id, anna, ben } = await openTeam(t, cluster);
  const closed = [];
  for (const socket of [anna, ben]) socket.on("disconnect", (reason) => closed.push(`${socket.auth.userId}: ${reason}`));
  await cluster.postgres.stop("SIGQUIT");

  const rejected = await rest("POST", `${cluster.url}/shared/chat/rooms/${id}/messages`, { token: cluster.token({ sub: "1" }), body: { content: "REST" } });
  assert.equal(rejected.status, 503, rejected.text);
  assert.match(rejected.text, /database|unavailable/i);
  const ack = await anna.emitWithAck("message:send", { roomId: id, content: "socket" });
  assert.deepEqual([ack.ok, ack.code], [false, "unavailable"], JSON.stringify(ack));
  await waitUntil(async () => {
    const { status, text } = await rest("GET", `${cluster.nodes[0].url}/health/ready`);
    return status === 503 && /PostgreSQL|database/.test(text) ? null : `/health/ready: ${status} ${text}`;
  });
  await typingArrives(anna, ben, id);

  const arrived = new Promise((resolve) => ben.on("message:new", ({ content }) => resolve(content)));
  await cluster.postgres.start();
  await cluster.ready();
  assert.equal((await anna.emitWithAck("message:send", { roomId: id, content: "again" })).ok, true);
  assert.equal(await arrived, "again");
  assert.deepEqual(closed, []);
  assert.deepEqual(cluster.exits, []);
});

test("PostgreSQL that restarts five times under load, also by a crash, loses nothing", (t) =>
  surviveFaultsConnected(t, { times: 5, messages: 100 }, async ({ postgres }, restart) => {
    await postgres.stop(restart % 2 === 0 ? "SIGQUIT" : "SIGINT");
    await postgres.start();
  }));

test("a connection that is lost in mid-commit ten times acknowledges only what is stored", (t) =>
  surviveFaults(t, { times: 10, messages: 20 }, ({ nodes }, cut) => nodes[cut % 2].postgres.cutInCommit()));

test("connections to PostgreSQL that are cut fifty times lose nothing", (t) =>
  surviveFaults(t, { times: 50, messages: 10 }, ({ nodes }, cut) => nodes[cut % 2].postgres.cut()));

test("stock clients that connect without PostgreSQL are recovered when it is back", async (t) => {
  const cluster = await startCluster(t);
  const { id, send } = await createConversation(cluster, "ben");
  const ben = await connectRecordingClient(cluster, cluster, "ben", "/messenger", { transports: ["websocket"] });
  await joinConversation(ben, id);
  await send("before");
  await waitForMessage(ben, "before");
  await cluster.postgres.stop("SIGQUIT");
  let attempts = 0;
  ben.io.on("close", () => (attempts += 1));
  const rejections = [];
  ben.on("connect_error", (error) => rejections.push(error.message));
  ben.io.engine.transport.ws.terminate();
  const carl = client(cluster, `${cluster.url}/messenger`, { auth: { token: cluster.token({ sub: "carl" }) }, reconnection: true, reconnectionDelay: 20, reconnectionDelayMax: 50 });
  carl.on("connect_error", (error) => rejections.push(error.message));
  await waitUntil(async () => (attempts > 3 ? null : `${attempts} attempts to connect; ${rejections}`));
  await cluster.postgres.start();
  await waitUntil(async () => (ben.connected && carl.connected ? null : `connected: ${ben.connected}, ${carl.connected}; ${rejections}`));
  assert.equal(ben.recovered, true);
  await cluster.ready();
  await send("after");
  await waitForMessage(ben, "after");
  assert.deepEqual(messageContents(ben), ["before", "after"]);
  assert.deepEqual(rejections, [], "a stock client does not connect again by itself after a rejection");
});
