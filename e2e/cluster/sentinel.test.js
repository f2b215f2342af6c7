// Sentinels replace the primary of Redis: events are only slower until the nodes have found the new one.

import { test } from "node:test";
import { startSentinels } from "../support/redis-sentinels.js";
import { waitUntil } from "../support/wait-until.js";
import { surviveFaultsConnected } from "./traffic.js";

const FAULTS = [
  // The primary continues as a replica.
  ({ redis }) => redis.switchOver(),
  (_, primary) => primary.kill(),
  // Its machine is cut off, together with the sentinel that the nodes ask first: their connections stay open, and are silent.
  ({ redis }, primary) => {
    redis.sentinels[0].child.kill("SIGSTOP");
    primary.freeze();
  },
];

test("sentinels that replace the primary of Redis three times disconnect no client and lose nothing", (t) =>
  surviveFaultsConnected(t, { times: FAULTS.length, messages: 50, redis: startSentinels }, async (cluster, number) => {
    const { redis, nodes } = cluster;
    const before = await redis.primary();
    await FAULTS[number](cluster, before);
    // A subscription, unlike a key, is not copied from the primary before.
    await waitUntil(async () => {
      const primary = await redis.primary();
      if (primary === before) return "the sentinels have not replaced the primary";
      const channels = await primary.command(["PUBSUB", "CHANNELS", "{roomcast}:*"]);
      const [, count] = channels.length === 1 ? await primary.command(["PUBSUB", "NUMSUB", ...channels]) : [null, 0];
      return Number(count) === nodes.length ? null : `${count} nodes have found the new primary`;
    });
    await cluster.ready();
  }));
