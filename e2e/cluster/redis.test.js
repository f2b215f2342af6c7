// Redis may stop, lose its data, and lose connections: events are only slower.

import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { surviveFaultsConnected } from "./traffic.js";

const STOPPED_SECONDS = 30;

test(`Redis that is stopped for ${STOPPED_SECONDS} s under load disconnects no client and loses nothing`, (t) =>
  surviveFaultsConnected(t, { rooms: [Array(4).fill("websocket"), Array(2).fill("websocket")] }, async ({ redis }, _, { acks }) => {
    await redis.kill();
    const before = acks.size;
    await pause(STOPPED_SECONDS * 1000);
    assert.ok(acks.size > before + 100, `${acks.size - before} messages were acknowledged without Redis`);
    await redis.start();
  }));

test("Redis that restarts empty ten times loses nothing", (t) =>
  surviveFaultsConnected(t, { times: 10, messages: 50 }, async ({ redis }) => {
    await redis.kill();
    await redis.start();
  }));

test("connections to Redis that are cut a hundred times lose nothing", (t) =>
  surviveFaultsConnected(t, { times: 100, messages: 5 }, ({ nodes }, cut) => nodes[cut % 2].redis.cut()));
