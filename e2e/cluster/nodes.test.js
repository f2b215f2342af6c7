// A node that is killed, frozen, cut off, or restarted loses, doubles, and reorders nothing. Its clients continue on another node.

import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { connectRecordingClient, createConversation, joinConversation, messageContents, nextConnect, waitForMessage } from "../recovery/clients.js";
import { startCluster } from "../support/cluster.js";
import { surviveFaults } from "./traffic.js";

test("clients of a killed node are recovered on another node", async (t) => {
  const { recovered } = await surviveFaults(t, { times: 2 }, async ({ nodes }, number, traffic) => {
    await nodes[number].kill();
    await traffic.passes();
    await traffic.acknowledged(200);
    await nodes[number].start();
  });
  assert.ok(recovered > 0, "no session was recovered");
});

test("a client continues its session on the other node while its first node still runs", async (t) => {
  const cluster = await startCluster(t);
  const [first, second] = cluster.nodes;
  const { id, send } = await createConversation(second, "ben");
  const ben = await connectRecordingClient(cluster, first, "ben", "/messenger", { transports: ["websocket"] });
  await joinConversation(ben, id);
  await send("before");
  await waitForMessage(ben, "before");
  // The first node does not notice that the client has left, because no byte reaches it.
  const session = ben._pid;
  ben.io.uri = second.url;
  ben.io.engine.transport.ws.terminate();
  assert.equal(await nextConnect(ben), true);
  assert.equal(ben._pid, session);
  await send("after");
  await waitForMessage(ben, "after");
  assert.deepEqual(messageContents(ben), ["before", "after"]);
});

test("a rolling restart under load refuses no client and loses nothing", async (t) => {
  const [refused, codes] = [[], []];
  await surviveFaults(t, { nodes: 3 }, async (cluster, _, { clients }) => {
    for (const { socket, kind, sub } of clients) {
      // A connection that its node closes between two requests is no refusal.
      socket.on("connect_error", (error) => refused.push(`${kind} ${sub}: ${error.message} ${JSON.stringify(error.data ?? error.context?.status ?? "")}`));
    }
    codes.push(...(await cluster.rollingRestart()));
  });
  assert.deepEqual(codes, [0, 0, 0]);
  assert.deepEqual(refused, []);
});

// Longer than the lease of 5 s, and than the heartbeat of the clients.
const FROZEN_SECONDS = 20;

test(`a node that is frozen for ${FROZEN_SECONDS} s and continues loses and repeats nothing`, (t) =>
  surviveFaults(t, {}, ({ nodes }) => nodes[0].freezeFor(FROZEN_SECONDS)));

// Longer than the lease.
const CUT_SECONDS = 10;

for (const [server, what] of [["redis", "Redis"], ["postgres", "PostgreSQL"], ["inbound", "the other nodes"]]) {
  for (const fault of ["silence", "refuse"]) {
    test(`a node that is cut off from ${what} for ${CUT_SECONDS} s (${fault}) loses nothing`, (t) =>
      surviveFaults(t, {}, async ({ nodes }) => {
        nodes[0][server][fault]();
        await pause(CUT_SECONDS * 1000);
        nodes[0][server].restore();
      }));
  }
}
