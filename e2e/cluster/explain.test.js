// On several nodes, each node explains deliveries to its own connections, and names the nodes that have the others.

import assert from "node:assert/strict";
import { test } from "node:test";
import { startCluster } from "../support/cluster.js";
import { rest } from "../support/http.js";
import { client, connected, nextEvent } from "../support/socketio-clients.js";
import { API_KEY } from "../support/users.js";
import { waitUntil } from "../support/wait-until.js";

test("the node with the connection knows its delivery, and another node names that node", async (t) => {
  const cluster = await startCluster(t, { env: { ROOMCAST_API_KEY: API_KEY, PING_INTERVAL: "200ms" } });
  const [first, second] = cluster.nodes;
  const ben = await connected(client(t, `${second.url}/messenger`, { transports: ["websocket"], auth: { token: second.token({ sub: "ben" }) } }));
  const order = nextEvent(ben, "order");
  const body = { to: { users: ["ben"] }, event: "order", data: 7 };
  const { position } = (await rest("POST", `${first.url}/api/v1/emit`, { token: API_KEY, body })).json;
  await order;
  const explain = async (node) => (await rest("GET", `${node.url}/api/v1/explain?event=${position}&user=ben`, { token: API_KEY })).json;
  const there = await explain(first);
  assert.deepEqual([there.outcome, there.connections, there.node], ["offline", [], { id: first.id, others: [second.id] }]);
  assert.equal(there.summary, "ben had no connection on this node when the event was published; ask the other nodes, too.");
  await waitUntil(async () => {
    const { outcome, connections } = await explain(second);
    return outcome === "confirmed" && connections[0].id === ben.id ? null : JSON.stringify({ outcome, connections });
  });
});
