// Two nodes behind a load balancer with pure round robin are one server: every client receives every event once, and all in the same order.

import assert from "node:assert/strict";
import { test } from "node:test";
import { client, connected, TRANSPORTS, waitForUpgrade } from "../support/socketio-clients.js";
import { startCluster } from "../support/cluster.js";
import { rest } from "../support/http.js";
import { openRawClient } from "../support/raw-client.js";
import { API_KEY, user } from "../support/users.js";
import { waitUntil } from "../support/wait-until.js";
import { openTeam, typingArrives } from "./team.js";
import { Traffic } from "./traffic.js";

test("traffic through the load balancer arrives once and in one order", async (t) => {
  const cluster = await startCluster(t, { nodes: 3 });
  const traffic = await Traffic.start(cluster);
  await traffic.acknowledged(600);
  const { connections } = await traffic.finish(t);
  assert.equal(connections, traffic.clients.length, "a client has lost its connection");
  assert.deepEqual(cluster.exits, []);
});

test("long-polling only works through the load balancer", async (t) => {
  const cluster = await startCluster(t, { nodes: 3 });
  const traffic = await Traffic.start(cluster, { rooms: [["polling", "polling", "polling", "polling"]] });
  await traffic.acknowledged(300);
  const { connections } = await traffic.finish(t);
  assert.equal(connections, traffic.clients.length, "a client has lost its session");
});

test("an upgrade that reaches another node than its session succeeds", async (t) => {
  const cluster = await startCluster(t, { nodes: 3 });
  // Round robin gives each request to the next node, so most upgrades reach another node.
  for (let number = 0; number < 6; number++) {
    const socket = client(t, `${cluster.url}/chat`, { transports: TRANSPORTS.upgrade, auth: { token: cluster.token({ sub: "anna" }) } });
    await connected(socket);
    await waitForUpgrade(socket);
  }
});

test("clients of every kind on different nodes receive the same events in one order", async (t) => {
  const cluster = await startCluster(t);
  const [first, second] = cluster.nodes;
  const anna = user(first, "anna");
  const project = await anna.request("POST", "/api/conversations", { participantIds: ["ben"] });
  const received = [];
  for (const [number, node] of [first, second, first, second].entries()) {
    const transports = number < 2 ? ["websocket"] : ["polling"];
    const socket = client(t, `${node.url}/messenger`, { transports, auth: { token: node.token({ sub: "ben" }) } });
    await connected(socket);
    assert.equal((await socket.emitWithAck("join:conversation", { conversationId: project.id })).ok, true);
    const list = [];
    socket.on("message:new", ({ content }) => list.push(content));
    socket.on("mark", (data) => list.push(data));
    received.push(list);
  }
  const raw = await openRawClient(second, second.token({ sub: "ben" }));
  const marks = [];
  void (async () => {
    for (;;) {
      const { type, data } = await raw.nextJson();
      if (type === "mark") marks.push(data);
    }
  })().catch(() => {});
  for (let number = 0; number < 40; number++) {
    const node = cluster.nodes[number % 2];
    await user(node, "anna").request("POST", `/api/conversations/${project.id}/messages`, { content: `message ${number}` });
    const body = { to: { users: ["ben"] }, event: "mark", data: number };
    assert.equal((await rest("POST", `${node.url}/api/v1/emit`, { token: API_KEY, body })).status, 200);
  }
  const expected = Array.from({ length: 40 }, (_, number) => [`message ${number}`, number]).flat();
  await waitUntil(async () => ([...received, [...marks, ...marks]].every(({ length }) => length >= 80) ? null : `received: ${received.map(({ length }) => length)}, ${marks.length}`));
  for (const list of received) assert.deepEqual(list, expected);
  assert.deepEqual(marks, expected.filter((entry) => typeof entry === "number"));
});

test("events without a stored position reach the clients on other nodes", async (t) => {
  const { id, anna, ben } = await openTeam(t, await startCluster(t));
  await typingArrives(anna, ben, id);
});
