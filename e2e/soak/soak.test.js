// Clients of every kind connect, send, lose their connections, reconnect and leave: a number of clients (SOAK_LIVES, or as many as SOAK_SECONDS allow), and
// as many again. After the second half the server holds no more than after the first.

import assert from "node:assert/strict";
import { readdirSync, readlinkSync, statSync } from "node:fs";
import { test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { MEGABYTE } from "../support/assert-healthy.js";
import { openCuttableProxy } from "../support/cuttable-proxy.js";
import { metrics } from "../support/metrics.js";
import { startServer } from "../support/server.js";
import { TRANSPORTS } from "../support/socketio-clients.js";
import { user } from "../support/users.js";
import { waitUntilByServerClock } from "../support/wait-until.js";
import { live, Raw, Stock } from "./client-lifecycle.js";

const { SOAK_LIVES, SOAK_SECONDS } = process.env;

// The number of clients of each kind in a round: half of them close their connections, the network of the others fails.
const OF_EACH = 12;
const OF_A_ROUND = 4 * OF_EACH;

// The number of clients in both halves together, if neither variable is set.
const CLIENTS = 4 * OF_A_ROUND;

// The server detects soon that a client is gone, and ends its session soon after that. What it keeps for clients that reconnect is bounded by numbers that
// the first half reaches, however few clients it has and however fast the machine is.
const SETTINGS = {
  METRICS: "open", RECOVERY_WINDOW: "1s", PING_INTERVAL: "1s", PING_TIMEOUT: "5s", WS_HEARTBEAT_INTERVAL: "1s", PRESENCE_GRACE: "100ms", PRESENCE_AUDIENCE: "contacts",
  JOURNAL_KEEP: "500", JOURNAL_MEMORY: "256KB",
};

// The seconds of the server's clock in which it detects that the last client is gone and ends its session, times ten for a server that is short of processor
// time.
const FORGOTTEN = 10 * (1 + 1 + 5);

// Megabytes of the database that the two readers keep in memory, at most and only of what was written. The writer gives its pages back when it rests.
const READERS_PAGES = 2 * 2;

// Megabytes: shared buffers, tables that were larger for a moment, and pages of which the allocator still uses a part.
const SLACK = 2;

// Bytes that the server keeps for each user on purpose: the counts of the quotas, for up to 100,000 users.
const OF_A_USER = 300;

// The number of times, a tenth of a second apart, that the memory is read. The least counts: the writer and the allocator give pages back one second after
// the last command.
const LOOKS = 15;

const GAUGES = ["connections", "sockets", "rooms_on_shards", "outbox_bytes", "writer_queue"];

test("after twice as many clients the server holds no more memory and descriptors, and no gauge counts anything", async (t) => {
  const server = await startServer(SETTINGS);
  t.after(() => server.stop());
  const rounds = new Rounds(t, server);
  await rounds.firstHalf();
  const clients = rounds.clients;
  const before = await rounds.settled();
  while (rounds.clients < 2 * clients) await rounds.round();
  const after = await rounds.settled();
  const allowed = SLACK + Math.min(READERS_PAGES, after.stored - before.stored) + (clients * OF_A_USER) / MEGABYTE;
  const seen = JSON.stringify({ clients: rounds.clients, recovered: rounds.recovered, before, after, allowed });
  assert.ok(rounds.recovered > 0, seen);
  // The server keeps the HTTP connections of the last clients a while longer for a request that may follow; each client has several connections.
  assert.ok(after.descriptors <= before.descriptors + 2 * OF_EACH, seen);
  assert.ok(after.memory - before.memory < allowed, seen);
  t.diagnostic(seen);
});

class Rounds {
  clients = 0;
  recovered = 0;

  constructor(t, server) {
    Object.assign(this, { t, server });
  }

  // Runs rounds for half the clients, or half the time, that the environment gives; at least one round.
  async firstHalf() {
    const until = performance.now() + (Number(SOAK_SECONDS) / 2) * 1000;
    const clients = Number(SOAK_LIVES ?? CLIENTS) / 2;
    const goesOn = SOAK_SECONDS ? () => performance.now() < until : () => this.clients < clients;
    do await this.round();
    while (goesOn());
  }

  // Runs new users in new rooms: a user whom the server keeps for too long shows in its memory.
  async round() {
    const network = await openCuttableProxy(this.t, this.server);
    const users = Array.from({ length: OF_A_ROUND }, () => String(++this.clients));
    const [chat, channel] = await this.#rooms(users);
    const kinds = [...Object.values(TRANSPORTS), null];
    const lives = users.map((sub, place) => {
      const vanishes = place % 2 === 1;
      const transports = kinds[(place >> 1) % kinds.length];
      const known = { through: vanishes ? network : this.server, sub, token: user(this.server, sub).token };
      const one = transports ? new Stock({ ...known, room: chat, transports }) : new Raw({ ...known, room: channel });
      return { one, vanishes };
    });
    await Promise.all(lives.map(async ({ one, vanishes }) => {
      await live(one);
      this.recovered += one.recovered;
      await (vanishes ? one.stayAway() : one.leave());
    }));
    network.cut();
  }

  async #rooms([first, ...others]) {
    const { request } = user(this.server, first);
    const { id: chat } = await request("POST", "/shared/chat/rooms", { name: "Soak", memberIds: others.map(Number) });
    const { id: project } = await request("POST", "/api/v1/projects", { name: "Soak", memberIds: others.map(Number) });
    const { id: channel } = await request("POST", `/api/v1/projects/${project}/channels`, { name: "soak" });
    return [chat, `channel:${channel}`];
  }

  // Waits until the server has ended all connections and sessions. Resolves with what it still holds.
  async settled() {
    await waitUntilByServerClock(this.server, FORGOTTEN, async () => {
      const { gauge, counter } = await metrics(this.server);
      const here = Object.fromEntries(GAUGES.map((name) => [name, gauge(name)]).filter(([, count]) => count > 0));
      const settled = ["confirmed", "resumed", "expired", "let_go"].reduce((sum, fate) => sum + counter(`all_facts_${fate}`), 0);
      const owed = counter("all_facts_delivered") - settled;
      const told = JSON.stringify({ ...here, owed });
      // What is settled twice stays so.
      assert.ok(Object.keys(here).length > 0 || owed >= 0, told);
      return Object.keys(here).length === 0 && owed === 0 ? null : `still ${told}`;
    });
    // The server drops old events from memory when another event is stored.
    await user(this.server, "1").request("POST", "/households", { name: "No client listens" });
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
