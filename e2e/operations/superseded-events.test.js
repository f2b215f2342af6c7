// Only the newest of several changes of one space waits in the outbox of a client that does not read, so many changes do not close the connection.

import assert from "node:assert/strict";
import { test } from "node:test";
import { PollingSession, SEPARATOR } from "../support/engineio.js";
import { metrics } from "../support/metrics.js";
import { sharedServer } from "../support/server.js";
import { API_KEY, user } from "../support/users.js";
import { retry } from "../support/wait-until.js";

const MEMBERS = 30;
const RENAMES = 219;

// The outbox is far too small for all changes.
const server = sharedServer({ ROOMCAST_API_KEY: API_KEY, OUTBOX_LIMIT: "64KB" });

// A member's session on /household over long-polling, which sends no further polls.
async function openMember(sub) {
  const session = await PollingSession.open(server, { path: "/socket.io/" });
  await session.post(`40/household,${JSON.stringify({ token: server.token({ sub, name: sub }) })}`);
  const packets = await session.receive(1);
  assert.match(packets[0], /^40\/household,/);
  return session;
}

test("members who do not read stay connected while a user renames their space, and receive the newest name", async () => {
  const anna = user(server, "anna");
  const { id, inviteCode } = await anna.request("POST", "/households", { name: "Home" });
  const subs = Array.from({ length: MEMBERS }, (_, number) => `member-${number}`);
  for (const sub of subs) await user(server, sub).request("POST", `/households/${id}/join`, { inviteCode });
  const sessions = [];
  for (const sub of subs) sessions.push(await openMember(sub));
  for (let number = 1; number <= RENAMES; number++) await anna.request("PUT", `/households/${id}`, { name: `Home ${number}` });
  await anna.request("POST", `/households/${id}/tasks`, { title: "the last" });
  const counters = await metrics(server);
  assert.equal(counters.counter("connections_too_slow"), 0);
  for (const session of sessions) {
    const events = [];
    await retry(100, async () => {
      const packets = (await session.get()).text.split(SEPARATOR);
      if (packets.includes("2")) await session.post("3");
      events.push(...packets.filter((packet) => packet.startsWith("42")));
      return events.some((packet) => packet.includes("the last")) || null;
    });
    const names = events.filter((packet) => packet.includes('"household:updated"')).map((packet) => /"name":"(Home \d+)"/.exec(packet)[1]);
    assert.equal(names.at(-1), `Home ${RENAMES}`);
    const numbers = names.map((name) => Number(name.slice(5)));
    assert.deepEqual(numbers, [...new Set(numbers)].sort((one, other) => one - other), "the changes arrive in order, and each once");
    assert.ok(numbers.length < RENAMES / 2, `${numbers.length} of ${RENAMES} changes have arrived`);
    const offsets = events.map((packet) => /"[0-9a-f]+-(\d+)"\]$/.exec(packet)).filter(Boolean).map(([, offset]) => Number(offset));
    assert.deepEqual(offsets, [...offsets].sort((one, other) => one - other), "the positions increase");
  }
});
