// Limits and revocation hold over all nodes.

import assert from "node:assert/strict";
import { test } from "node:test";
import { startCluster } from "../support/cluster.js";
import { rest } from "../support/http.js";
import { openRawClient } from "../support/raw-client.js";
import { client, connected, nextEvent } from "../support/socketio-clients.js";
import { API_KEY, user } from "../support/users.js";
import { waitUntil } from "../support/wait-until.js";

const open = (t, node, sub, namespace = "", options = {}) =>
  connected(client(t, `${node.url}${namespace}`, { transports: ["websocket"], auth: { token: node.token({ sub }) }, ...options }));

test("a user's connections beyond the cap are closed, on whichever node they are", async (t) => {
  const cluster = await startCluster(t, { env: { SOCKETIO_MAX_CONNECTIONS_PER_USER: "4" } });
  const sockets = [];
  const openOn = async (node) => sockets.push(await open(t, node, "anna").catch(() => null));
  const alive = () => sockets.map((socket) => socket?.connected === true);
  const waitForFour = () => waitUntil(async () => (alive().filter(Boolean).length === 4 ? null : `open: ${alive()}`));
  // Which of the connections that are opened within the same 100 ms are the newest is decided by the nodes, and all agree.
  for (let number = 0; number < 8; number++) await openOn(cluster.nodes[number % 2]);
  await waitForFour();
  const kept = alive();
  for (const node of cluster.nodes) await openOn(node);
  await waitForFour();
  assert.deepEqual(alive(), [...kept, false, false], "later connections are closed, and the earlier ones stay");
});

test("the rate limit of a user holds over all nodes", async (t) => {
  const cluster = await startCluster(t, { env: { RATE_LIMITS: undefined } });
  const [first] = cluster.nodes;
  const { id } = await user(first, "1").request("POST", "/shared/chat/rooms", { name: "Team" });
  const sockets = [];
  for (const node of cluster.nodes) {
    const socket = await open(t, node, "1", "/chat");
    await socket.emitWithAck("join_room", { roomId: id });
    sockets.push(socket);
  }
  const spend = async (socket, count) => {
    const acks = await Promise.all(Array.from({ length: count }, (_, number) => socket.emitWithAck("message:send", { roomId: id, content: `${number}` })));
    return acks.filter(({ ok }) => ok).length;
  };
  // What one node accepts at once is the whole budget.
  const alone = await spend(sockets[0], 400);
  assert.ok(alone < 400, "the rate limit is not reached");
  let accepted = 0;
  await waitUntil(async () => {
    accepted = await spend(sockets[1], 5);
    return accepted === 0 ? null : `the second node accepts ${accepted} of 5 messages`;
  });
});

test("revocation closes the connections on all nodes", async (t) => {
  const cluster = await startCluster(t);
  const [first, second] = cluster.nodes;
  const sockets = [];
  for (const node of cluster.nodes) {
    for (const transports of [["websocket"], ["polling"]]) sockets.push(await open(t, node, "carl", "", { transports }));
  }
  const raw = await openRawClient(second, second.token({ sub: "carl" }));
  const other = await open(t, second, "dora");
  const disconnected = sockets.map((socket) => nextEvent(socket, "disconnect"));
  const startedAt = performance.now();
  const response = await rest("POST", `${first.url}/api/v1/disconnect`, { token: API_KEY, body: { users: ["carl"], reason: "Signed out" } });
  assert.equal(response.status, 200, response.text);
  for (const [reason] of await Promise.all(disconnected)) assert.equal(reason, "io server disconnect");
  assert.deepEqual(await raw.closed, { code: 4403, reason: "Signed out" });
  t.diagnostic(`all connections are closed after ${(performance.now() - startedAt).toFixed(1)} ms`);
  assert.equal((await other.emitWithAck("trip:leave", { tripId: "1" })).ok, true);
});

test("revocation closes the connections on all nodes without Redis, too", async (t) => {
  const cluster = await startCluster(t);
  const [first, second] = cluster.nodes;
  const carl = await open(t, second, "carl");
  await cluster.redis.kill();
  const disconnected = nextEvent(carl, "disconnect");
  const startedAt = performance.now();
  const response = await rest("POST", `${first.url}/api/v1/disconnect`, { token: API_KEY, body: { users: ["carl"], reason: "Signed out" } });
  assert.equal(response.status, 200, response.text);
  assert.equal((await disconnected)[0], "io server disconnect");
  t.diagnostic(`the connection is closed after ${(performance.now() - startedAt).toFixed(1)} ms`);
});

test("a connection id closes a connection on another node", async (t) => {
  const cluster = await startCluster(t);
  const [first, second] = cluster.nodes;
  const closed = await open(t, second, "anna");
  const kept = await open(t, second, "anna");
  const disconnected = nextEvent(closed, "disconnect");
  const response = await rest("POST", `${first.url}/api/v1/disconnect`, { token: API_KEY, body: { connections: [closed.id] } });
  assert.equal(response.status, 200, response.text);
  assert.equal((await disconnected)[0], "io server disconnect");
  assert.equal((await kept.emitWithAck("trip:leave", { tripId: "1" })).ok, true);
});

test("a member who is removed through one node receives no more events on another", async (t) => {
  const cluster = await startCluster(t);
  const [first, second] = cluster.nodes;
  const anna = user(first, "1");
  const { id } = await anna.request("POST", "/shared/chat/rooms", { name: "Team", memberIds: [2] });
  const ben = await open(t, second, "2", "/chat");
  await ben.emitWithAck("join_room", { roomId: id });
  const received = [];
  ben.on("message:new", ({ content }) => received.push(content));
  await anna.request("POST", `/shared/chat/rooms/${id}/messages`, { content: "before" });
  await anna.request("DELETE", `/shared/chat/rooms/${id}/members/2`);
  await anna.request("POST", `/shared/chat/rooms/${id}/messages`, { content: "after" });
  const marked = nextEvent(ben, "mark");
  await rest("POST", `${first.url}/api/v1/emit`, { token: API_KEY, body: { to: { users: ["2"] }, event: "mark", data: {} } });
  await marked;
  assert.deepEqual(received, ["before"]);
});
