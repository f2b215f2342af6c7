// Clients of every kind connect, send, are cut, reconnect and leave: a number of lives (SOAK_LIVES, or as many as SOAK_SECONDS allow), and as many again.
// After the second half the server holds no more than after the first.

import assert from "node:assert/strict";
import { readdirSync, readlinkSync, statSync } from "node:fs";
import { test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { TRAVELS } from "../support/clients.js";
import { metrics } from "../support/metrics.js";
import { settles } from "../support/patience.js";
import { person } from "../support/people.js";
import { startRoomcast } from "../support/roomcast.js";
import { MEGABYTE } from "../support/wellbeing.js";
import { wire } from "../support/wire.js";
import { Raw, Stock, live } from "./lives.js";

const { SOAK_LIVES, SOAK_SECONDS } = process.env;

// How many clients of each kind live in a round: half of them leave, the others vanish without a word.
const OF_EACH = 12;
const OF_A_ROUND = 4 * OF_EACH;

// The lives of both halves together, if neither variable is set.
const LIVES = 4 * OF_A_ROUND;

// A client that vanishes is missed soon, and forgotten soon after that. What is kept for clients that reconnect is bounded by numbers that the first half
// reaches, however few lives it has and however fast the machine is.
const SETTINGS = {
  METRICS: "open", RECOVERY_WINDOW: "1s", PING_INTERVAL: "1s", PING_TIMEOUT: "5s", WS_HEARTBEAT_INTERVAL: "1s", PRESENCE_GRACE: "100ms", PRESENCE_AUDIENCE: "contacts",
  JOURNAL_KEEP: "500", JOURNAL_MEMORY: "256KB",
};

// After so many seconds of the server's clock the last client is missed and forgotten; a server that is short of processor time has ten times as long.
const MISSED = 10 * (1 + 1 + 5);

// Megabytes of the database that the two readers keep in memory, at most and only of what was written. The writer gives its pages back when it rests.
const READERS_PAGES = 2 * 2;

// Megabytes: shared buffers, tables that were larger for a moment, and pages of which the allocator still uses a part.
const SLACK = 2;

// Bytes that stay for each user on purpose: the counts of the quotas, for up to 100,000 users.
const OF_A_USER = 300;

// The writer gives its pages back, and has the allocator do so, one second after the last command: the least of so many looks, a tenth of a second apart, is taken.
const LOOKS = 15;

const GAUGES = ["connections", "sockets", "rooms_on_shards", "outbox_bytes", "writer_queue"];

test("after twice as many lives the server holds no more memory and descriptors, and no gauge counts anything", async (t) => {
  const server = await startRoomcast(SETTINGS);
  t.after(() => server.stop());
  const village = new Village(t, server);
  await village.firstHalf();
  const lives = village.born;
  const before = await village.asleep();
  while (village.born < 2 * lives) await village.round();
  const after = await village.asleep();
  const allowed = SLACK + Math.min(READERS_PAGES, after.stored - before.stored) + (lives * OF_A_USER) / MEGABYTE;
  const seen = JSON.stringify({ lives: village.born, recovered: village.recovered, before, after, allowed });
  assert.ok(village.recovered > 0, seen);
  // HTTP connections of clients that vanished last are kept a while longer for a request that may follow; each client has several connections.
  assert.ok(after.descriptors <= before.descriptors + 2 * OF_EACH, seen);
  assert.ok(after.memory - before.memory < allowed, seen);
  t.diagnostic(seen);
});

class Village {
  born = 0;
  recovered = 0;

  constructor(t, server) {
    Object.assign(this, { t, server });
  }

  // Lives of half the number, or of half the time, that the environment gives; at least one round.
  async firstHalf() {
    const until = performance.now() + (Number(SOAK_SECONDS) / 2) * 1000;
    const lives = Number(SOAK_LIVES ?? LIVES) / 2;
    const goesOn = SOAK_SECONDS ? () => performance.now() < until : () => this.born < lives;
    do await this.round();
    while (goesOn());
  }

  // New users in new rooms: a user who is kept for too long shows.
  async round() {
    const road = await wire(this.t, this.server);
    const people = Array.from({ length: OF_A_ROUND }, () => String(++this.born));
    const [chat, channel] = await this.#rooms(people);
    const kinds = [...Object.values(TRAVELS), null];
    const lives = people.map((sub, place) => {
      const vanishes = place % 2 === 1;
      const transports = kinds[(place >> 1) % kinds.length];
      const known = { road: vanishes ? road : this.server, sub, token: person(this.server, sub).token };
      const one = transports ? new Stock({ ...known, room: chat, transports }) : new Raw({ ...known, room: channel });
      return { one, vanishes };
    });
    await Promise.all(lives.map(async ({ one, vanishes }) => {
      await live(one);
      this.recovered += one.recovered;
      await (vanishes ? one.stayAway() : one.leave());
    }));
    road.cut();
  }

  async #rooms([first, ...others]) {
    const { ask } = person(this.server, first);
    const { id: chat } = await ask("POST", "/shared/chat/rooms", { name: "Soak", memberIds: others.map(Number) });
    const { id: project } = await ask("POST", "/api/v1/projects", { name: "Soak", memberIds: others.map(Number) });
    const { id: channel } = await ask("POST", `/api/v1/projects/${project}/channels`, { name: "soak" });
    return [chat, `channel:${channel}`];
  }

  // Waits until the server has missed everybody, and forgotten what they might have come back for.
  async asleep() {
    await settles(this.server, MISSED, async () => {
      const { gauge, counter } = await metrics(this.server);
      const here = Object.fromEntries(GAUGES.map((name) => [name, gauge(name)]).filter(([, count]) => count > 0));
      const settled = ["confirmed", "resumed", "expired", "let_go"].reduce((sum, fate) => sum + counter(`all_facts_${fate}`), 0);
      const owed = counter("all_facts_delivered") - settled;
      const told = JSON.stringify({ ...here, owed });
      // What is settled twice stays so.
      assert.ok(Object.keys(here).length > 0 || owed >= 0, told);
      return Object.keys(here).length === 0 && owed === 0 ? null : `still ${told}`;
    });
    // What was said lately is looked through when something more is said.
    await person(this.server, "1").ask("POST", "/households", { name: "Nobody listens" });
    const stored = ["", "-wal"].reduce((sum, part) => sum + statSync(`${this.server.folder}/roomcast.db${part}`).size, 0);
    return { memory: await this.#memory(), descriptors: this.#descriptors(), stored: stored / MEGABYTE };
  }

  // The megabytes of the process once the writer has rested.
  async #memory() {
    let least = Infinity;
    for (let look = 0; look < LOOKS; look++) {
      least = Math.min(least, this.server.memory());
      await pause(100);
    }
    return least / MEGABYTE;
  }

  // Those of the database left out: its readers open the log one after the other, each when it is first asked.
  #descriptors() {
    const folder = `/proc/${this.server.pid}/fd`;
    return readdirSync(folder).filter((number) => !pointsAt(`${folder}/${number}`).startsWith(this.server.folder)).length;
  }
}

// What a descriptor stands for; nothing if it was closed meanwhile.
function pointsAt(link) {
  try {
    return readlinkSync(link);
  } catch {
    return "";
  }
}
