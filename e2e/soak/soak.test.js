// Clients of every kind come, speak, are cut, come back and go, for as long as SOAK_SECONDS says. When all have gone, nothing of them is left.

import assert from "node:assert/strict";
import { readdirSync, readlinkSync, statSync } from "node:fs";
import { test } from "node:test";
import { TRAVELS } from "../support/clients.js";
import { metrics } from "../support/metrics.js";
import { settles } from "../support/patience.js";
import { person } from "../support/people.js";
import { startRoomcast } from "../support/roomcast.js";
import { MEGABYTE } from "../support/wellbeing.js";
import { wire } from "../support/wire.js";
import { Raw, Stock, live } from "./lives.js";

const SECONDS = Number(process.env.SOAK_SECONDS ?? 15);

// Who vanishes is to be missed soon, and forgotten soon after that.
const SETTINGS = {
  METRICS: "open", RECOVERY_WINDOW: "1s", PING_INTERVAL: "1s", PING_TIMEOUT: "5s", WS_HEARTBEAT_INTERVAL: "1s", PRESENCE_GRACE: "100ms", PRESENCE_AUDIENCE: "contacts",
};

// Within so many seconds that has happened to the last of them, and as much again is for a server that is short of time.
const MISSED = 2 * (1 + 1 + 5);

// So many of each kind live in a round: half of them say goodbye, the others vanish without a word.
const OF_EACH = 12;

// Of the database the writer's connection keeps up to 16 MB in memory, and each of the two readers' 2 MB: of what was written since, so much may be there.
const CACHES = 16 + 2 * 2;

// Buffers that are shared, tables that were larger for a moment, and what the allocator keeps for the next one. A life that left a kilobyte behind
// would show within ten minutes.
const SLACK = 6;

const GAUGES = ["connections", "sockets", "rooms_on_shards", "outbox_bytes", "writer_queue"];

test("when all who came have gone, memory, descriptors and gauges are as they were after the first round", async (t) => {
  const server = await startRoomcast(SETTINGS);
  t.after(() => server.stop());
  const village = new Village(t, server);
  await village.round();
  const before = await village.asleep();
  const began = performance.now();
  while (performance.now() - began < SECONDS * 1000) await village.round();
  const after = await village.asleep();
  const told = JSON.stringify({ rounds: village.rounds, lives: village.born, recovered: village.recovered, before, after });
  assert.ok(village.recovered > 0, told);
  // For a request that may follow, HTTP connections of those who vanished last are kept a while longer; each life has several connections.
  assert.ok(after.descriptors <= before.descriptors + 2 * OF_EACH, told);
  assert.ok(after.memory - before.memory < SLACK + Math.min(CACHES, after.stored - before.stored), told);
  t.diagnostic(told);
});

class Village {
  rounds = 0;
  born = 0;
  recovered = 0;

  constructor(t, server) {
    Object.assign(this, { t, server });
  }

  // New people in new rooms: whoever is kept for too long shows.
  async round() {
    this.rounds += 1;
    const road = await wire(this.t, this.server);
    const people = Array.from({ length: OF_EACH * 4 }, () => String(++this.born));
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
    return { memory: this.server.memory() / MEGABYTE, descriptors: this.#descriptors(), stored: stored / MEGABYTE };
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
