// Requests of a session reach any node, because nginx gives each request to the next one. The node that owns the session must get them.

import assert from "node:assert/strict";
import { test } from "node:test";
import { startCluster } from "../support/cluster.js";
import { get } from "../support/http.js";
import { metrics } from "../support/metrics.js";
import { withoutPositionArgument } from "../support/positions.js";
import { client, client2, client3, connected, TRANSPORTS, waitForUpgrade } from "../support/socketio-clients.js";
import { user } from "../support/users.js";
import { waitFor } from "../support/wait-for.js";
import { waitUntil } from "../support/wait-until.js";
import { Traffic } from "./traffic.js";

const MESSAGES = 30;

// Opens a stock client of each version.
const CLIENTS = {
  "socket.io-client 2": async (t, url, token, transports) => {
    const socket = client2(t, `${url}/chat?token=${token}`, { transports });
    const open = new Promise((resolve, reject) => socket.once("connect", resolve).once("error", reject).once("connect_error", reject));
    await waitFor(open, () => "the client is neither connected nor rejected");
    return socket;
  },
  "socket.io-client 3": async (t, url, token, transports) => connected(client3(t, `${url}/chat`, { auth: { token }, transports })),
  "socket.io-client 4": async (t, url, token, transports) => connected(client(t, `${url}/chat`, { auth: { token }, transports })),
};

const request = (socket, event, data) => {
  const acknowledged = new Promise((resolve) => socket.emit(event, data, resolve));
  return waitFor(acknowledged, () => `${event} is not acknowledged`);
};

test("every version and transport of the stock client sends and receives in order", async (t) => {
  const cluster = await startCluster(t, { env: { ALLOW_EIO3: "true" } });
  const anna = user(cluster, "anna");
  for (const [name, open] of Object.entries(CLIENTS)) {
    for (const [kind, transports] of Object.entries(TRANSPORTS)) {
      const { id: roomId } = await anna.request("POST", "/shared/chat/rooms", { name: `${name} ${kind}` });
      const socket = await open(t, cluster.url, anna.token, transports);
      const received = [];
      socket.on("message:new", (...args) => received.push(withoutPositionArgument(args)[0].content));
      assert.equal((await request(socket, "join_room", { roomId })).ok, true, `${name}, ${kind}`);
      if (kind === "upgrade") await waitForUpgrade(socket);
      const contents = Array.from({ length: MESSAGES }, (_, number) => `message ${number}`);
      for (const content of contents) assert.equal((await request(socket, "message:send", { roomId, content })).ok, true);
      await waitUntil(() => (received.length >= MESSAGES ? null : `${name}, ${kind}: ${received.length} messages`));
      assert.deepEqual(received, contents, `${name}, ${kind}`);
      socket.disconnect();
    }
  }
});

test("the client for Python works through the load balancer", async (t) => {
  const cluster = await startCluster(t);
  const traffic = await Traffic.start(cluster, { rooms: [["python polling", "python", "polling", "upgrade"]] });
  await traffic.acknowledged(200);
  const { connections } = await traffic.finish(t);
  assert.equal(connections, traffic.clients.length, "a client has lost its session");
});

test("a request that reaches another node than its session is counted by both", async (t) => {
  const cluster = await startCluster(t);
  const [first, second] = cluster.nodes;
  const handshake = await get(`${first.url}/socket.io/?EIO=4&transport=polling`);
  const { sid } = JSON.parse(handshake.text.slice(1));
  const url = `/socket.io/?EIO=4&transport=polling&sid=${sid}`;
  const posted = await fetch(`${second.url}${url}`, { method: "POST", body: "3" });
  assert.deepEqual([posted.status, await posted.text()], [200, "ok"]);
  assert.equal((await metrics(second)).counter("forwarded_requests", 'state="sent"'), 1);
  assert.equal((await metrics(first)).counter("forwarded_requests", 'state="received"'), 1);
});

test("a client that claims to be a node is refused", async (t) => {
  const cluster = await startCluster(t);
  const headers = { "x-roomcast-forwarded": "request 192.0.2.1:1 - AAAA" };
  const response = await get(`${cluster.url}/socket.io/?EIO=4&transport=polling`, { headers });
  assert.equal(response.status, 403);
  assert.match(response.text, /^x-roomcast-forwarded is for nodes of this cluster: [^\n]+\n$/);
});

test("nodes with different secrets refuse each other and say so", async (t) => {
  const cluster = await startCluster(t, { envOfNode: (number) => ({ CLUSTER_SECRET: `the secret of node ${number}, which has 32 bytes` }) });
  const [first, second] = cluster.nodes;
  const { text } = await get(`${first.url}/socket.io/?EIO=4&transport=polling`);
  const response = await get(`${second.url}/socket.io/?EIO=4&transport=polling&sid=${JSON.parse(text.slice(1)).sid}`);
  assert.equal(response.status, 403);
  assert.match(second.output, /set the same CLUSTER_SECRET on all nodes/);
});

test("a session whose node is killed is unknown to the other node", async (t) => {
  const cluster = await startCluster(t);
  const [first, second] = cluster.nodes;
  const { text } = await get(`${first.url}/socket.io/?EIO=4&transport=polling`);
  const target = `${second.url}/socket.io/?EIO=4&transport=polling&sid=${JSON.parse(text.slice(1)).sid}`;
  // The poll waits at the node while it is killed.
  const poll = get(target);
  await waitUntil(async () => ((await metrics(first)).counter("forwarded_requests", 'state="received"') > 0 ? null : "the poll is not forwarded"));
  await first.kill();
  for (const response of [await poll, await get(target)]) {
    assert.deepEqual([response.status, JSON.parse(response.text)], [400, { code: 1, message: "Session ID unknown" }]);
  }
});
