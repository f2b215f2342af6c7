// Redis may stop, lose its data, and lose connections: events are only slower.

import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { startCluster } from "../support/cluster.js";
import { surviveFaultsConnected, Traffic } from "./traffic.js";

const STOPPED_SECONDS = 30;

test(`Redis that is stopped for ${STOPPED_SECONDS} s under load disconnects no client and loses nothing`, async (t) => {
  const cluster = await startCluster(t);
  const traffic = await Traffic.start(cluster, { rooms: [["websocket", "websocket", "websocket", "websocket"], ["websocket", "websocket"]] });
  await traffic.acknowledged(200);
  await cluster.redis.kill();
  const before = traffic.acks.size;
  await pause(STOPPED_SECONDS * 1000);
  assert.ok(traffic.acks.size > before + 100, `${traffic.acks.size - before} messages were acknowledged without Redis`);
  await cluster.redis.start();
  await cluster.ready();
  await traffic.acknowledged(200);
  const { connections } = await traffic.finish(t);
  assert.equal(connections, traffic.clients.length, "a client has lost its connection");
  assert.deepEqual(cluster.exits, []);
});

test("Redis that restarts empty ten times loses nothing", (t) =>
  surviveFaultsConnected(t, { times: 10, messages: 50 }, async ({ redis }) => {
    await redis.kill();
    await redis.start();
  }));

test("connections to Redis that are cut a hundred times lose nothing", (t) =>
  surviveFaultsConnected(t, { times: 100, messages: 5 }, ({ nodes }, cut) => nodes[cut % 2].redis.cut()));
