// The clocks of the nodes differ by an hour: the order of messages, ids, and sessions does not depend on them.

import assert from "node:assert/strict";
import { existsSync, readdirSync } from "node:fs";
import { test } from "node:test";
import { startCluster } from "../support/cluster.js";
import { user } from "../support/users.js";
import { surviveFaults } from "./traffic.js";

// The library of Debian's package `faketime`, which shows a process another time.
function fakeTimeLibrary() {
  const folders = readdirSync("/usr/lib").filter((name) => name.endsWith("-linux-gnu"));
  const found = folders.map((folder) => `/usr/lib/${folder}/faketime/libfaketimeMT.so.1`).find(existsSync);
  if (!found) throw new Error("libfaketime is not installed: cargo xtask setup as root, or apt-get install faketime");
  return found;
}

// Only the time of day differs. The clock that measures intervals is that of the machine.
const hourAhead = () => ({ LD_PRELOAD: fakeTimeLibrary(), FAKETIME: "+1h", FAKETIME_DONT_FAKE_MONOTONIC: "1", LOG_LEVEL: "info" });

// The settings of the node with this number.
const envOfNode = (number) => (number === 2 ? hourAhead() : {});

const HOUR_MS = 3_600_000;

// Asserts that the process of the node sees another time of day: its first log line has it.
function assertHourAhead(node) {
  const [time] = node.output.match(/\d{4}-\d{2}-\S+Z/);
  assert.ok(Date.parse(time) > Date.now() + 0.9 * HOUR_MS, time);
}

test("messages through nodes whose clocks differ by an hour have one order", async (t) => {
  const cluster = await startCluster(t, { envOfNode });
  const [first, second] = cluster.nodes;
  const anna = (node) => user(node, "1");
  const { id } = await anna(first).request("POST", "/shared/chat/rooms", { name: "Team" });
  const path = `/shared/chat/rooms/${id}/messages`;
  const sent = [];
  const times = [];
  assertHourAhead(second);
  for (let number = 0; number < 20; number++) {
    const message = await anna(number % 2 === 0 ? first : second).request("POST", path, { content: `message ${number}` });
    sent.push(message.id);
    times.push(Date.parse(message.createdAt));
  }
  assert.deepEqual(times, times.toSorted((a, b) => a - b), "the times of messages are those of one clock");
  assert.ok(times.at(-1) < Date.now() + 0.1 * HOUR_MS, "the times of messages are those of the database");
  assert.deepEqual(sent, sent.toSorted((a, b) => a - b), "ids grow in the order of the messages");
  const listed = (await anna(first).request("GET", path)).map(({ content }) => content).reverse();
  assert.deepEqual(listed, Array.from({ length: 20 }, (_, number) => `message ${number}`));
});

test("traffic and recovery work with clocks that differ by an hour", (t) =>
  surviveFaults(t, { envOfNode, times: 2 }, async ({ nodes }, number, traffic) => {
    assertHourAhead(nodes[1]);
    await nodes[number].killAndRestart();
    await traffic.passes();
  }));
