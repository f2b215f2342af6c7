// Presence over nodes: a user is online once and offline once, on whichever nodes the connections are, and a killed node leaves no ghosts.

import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { startCluster } from "../support/cluster.js";
import { client, connected } from "../support/socketio-clients.js";
import { waitUntil } from "../support/wait-until.js";

const SETTINGS = { PRESENCE_AUDIENCE: "everyone", PRESENCE_GRACE: "500ms" };

function open(t, node, sub, options = {}) {
  return connected(client(t, `${node.url}/messenger`, { transports: ["websocket"], auth: { token: node.token({ sub }) }, ...options }));
}

// Listeners on each node, with the changes of other users that they receive, such as `anna online`.
async function openListeners(t, cluster) {
  const listeners = [];
  for (const node of cluster.nodes) {
    const socket = await open(t, node, `listener-${node.id}`);
    const changes = [];
    socket.on("user:status-changed", ({ userId, status }) => !userId.startsWith("listener") && changes.push(`${userId} ${status}`));
    listeners.push({ socket, changes, node });
  }
  return listeners;
}

async function status(listener, userId) {
  return (await listener.socket.emitWithAck("user:get-status", userId)).status;
}

const waitForChange = (listeners, change) =>
  waitUntil(async () => (listeners.every(({ changes }) => changes.includes(change)) ? null : `no \`${change}\`: ${JSON.stringify(listeners.map(({ changes }) => changes))}`));

test("a user with connections on all nodes is online once and offline once", async (t) => {
  const cluster = await startCluster(t, { env: SETTINGS });
  const listeners = await openListeners(t, cluster);
  const [first, second] = cluster.nodes;
  const sockets = [];
  for (const node of [first, second, first, second]) sockets.push(await open(t, node, "anna"));
  await waitForChange(listeners, "anna online");
  for (const listener of listeners) await waitUntil(async () => ((await status(listener, "anna")) === "online" ? null : "anna is offline"));
  // The user moves between the nodes, and stays online.
  for (let move = 0; move < 4; move++) {
    const next = await open(t, cluster.nodes[move % 2], "anna");
    sockets.splice(0).forEach((socket) => socket.disconnect());
    sockets.push(next);
  }
  sockets.forEach((socket) => socket.disconnect());
  await waitForChange(listeners, "anna offline");
  // A later user shows that all earlier changes have arrived.
  await open(t, first, "ben");
  await waitForChange(listeners, "ben online");
  for (const { changes, node } of listeners) assert.deepEqual(changes, ["anna online", "anna offline", "ben online"], node.id);
});

test("the users of a killed node are offline once, and none of them is a ghost", async (t) => {
  const cluster = await startCluster(t, { env: SETTINGS });
  const [first, second] = cluster.nodes;
  const users = Array.from({ length: 20 }, (_, number) => `user-${number}`);
  const listeners = (await openListeners(t, cluster)).slice(1);
  for (const sub of users) await open(t, first, sub);
  // One of them is on both nodes, and stays online.
  await open(t, second, users[0]);
  for (const sub of users) await waitForChange(listeners, `${sub} online`);
  await first.kill();
  for (const sub of users.slice(1)) await waitForChange(listeners, `${sub} offline`);
  assert.equal(await status(listeners[0], users[0]), "online");
  for (const sub of users.slice(1)) assert.equal(await status(listeners[0], sub), "offline");
  await open(t, second, "ben");
  await waitForChange(listeners, "ben online");
  const expected = [...users.map((sub) => `${sub} online`), ...users.slice(1).map((sub) => `${sub} offline`), "ben online"];
  assert.deepEqual(listeners[0].changes.toSorted(), expected.toSorted());
});

test("users who move to another node when theirs is killed stay online", async (t) => {
  const cluster = await startCluster(t, { env: { ...SETTINGS, PRESENCE_GRACE: "5s" } });
  const [first, second] = cluster.nodes;
  const listeners = (await openListeners(t, cluster)).slice(1);
  await open(t, first, "anna");
  await waitForChange(listeners, "anna online");
  await first.kill();
  const anna = await open(t, second, "anna");
  // Longer than the lease of the killed node and its grace: by then its own entries have ended.
  await first.start();
  await first.ready();
  anna.disconnect();
  await waitForChange(listeners, "anna offline");
  assert.deepEqual(listeners[0].changes, ["anna online", "anna offline"]);
});

// Longer than the lease.
const REDIS_AWAY_SECONDS = 8;

test(`while Redis is away for ${REDIS_AWAY_SECONDS} s no user goes offline`, async (t) => {
  const cluster = await startCluster(t, { env: SETTINGS });
  const [first] = cluster.nodes;
  const listeners = await openListeners(t, cluster);
  const anna = await open(t, first, "anna");
  await waitForChange(listeners, "anna online");
  await cluster.redis.kill();
  await pause(REDIS_AWAY_SECONDS * 1000);
  for (const listener of listeners) assert.equal(await status(listener, "anna"), "online", listener.node.id);
  await cluster.redis.start();
  await cluster.ready();
  await open(t, first, "ben");
  await waitForChange(listeners, "ben online");
  anna.disconnect();
  await waitForChange(listeners, "anna offline");
  for (const { changes, node } of listeners) assert.deepEqual(changes, ["anna online", "ben online", "anna offline"], node.id);
});
