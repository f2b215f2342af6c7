// Clients of every kind connect, send, lose their connections, reconnect, and disconnect. The number of clients is SOAK_CLIENTS, or as many as run in
// SOAK_SECONDS. After the second half of them the server uses no more memory and descriptors than after the first half.

import assert from "node:assert/strict";
import { readdirSync, readlinkSync, statSync } from "node:fs";
import { test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { MEGABYTE } from "../support/assert-healthy.js";
import { ControlledProxy } from "../support/controlled-proxy.js";
import { metrics } from "../support/metrics.js";
import { startServer } from "../support/server.js";
import { TRANSPORTS } from "../support/socketio-clients.js";
import { user } from "../support/users.js";
import { waitUntilByServerClock } from "../support/wait-until.js";
import { RawClient, runLifecycle, SocketIoClient } from "./client-lifecycle.js";

const { SOAK_CLIENTS, SOAK_SECONDS } = process.env;

// The number of clients of each kind in a round. Half of them close their connections, and the network of the others fails.
const CLIENTS_OF_EACH_KIND = 12;
const CLIENTS_PER_ROUND = 4 * CLIENTS_OF_EACH_KIND;

// The number of clients in both halves together, if neither variable is set.
const CLIENTS = 4 * CLIENTS_PER_ROUND;

// With these settings the server soon detects lost connections and ends their sessions. The bounds of the event history are so low that already the first
// half of the clients reaches them.
const SETTINGS = {
  METRICS: "open", RECOVERY_WINDOW: "1s", PING_INTERVAL: "1s", PING_TIMEOUT: "5s", WS_HEARTBEAT_INTERVAL: "1s", PRESENCE_GRACE: "100ms", PRESENCE_AUDIENCE: "contacts",
  JOURNAL_KEEP: "500", JOURNAL_MEMORY: "256KB", EXPLAIN_MEMORY: "1MB",
};

// The seconds of the server's clock in which it detects that the last client is gone and ends its session, times ten for a server that is short of
// processor time.
const SECONDS_TO_RELEASE = 10 * (1 + 1 + 5);

// The maximum megabytes of the database that the two readers cache. The idle writer releases its cache.
const READER_CACHE_MB = 2 * 2;

// The megabytes for shared buffers, for tables that have grown temporarily, and for pages that the allocator uses in part.
const SLACK_MB = 2;

// The bytes that the server keeps for each user: the counters of the quotas, for up to 100,000 users.
const BYTES_PER_USER = 300;

// The number of samples of the memory, 100 ms apart. The minimum counts, because the writer and the allocator release pages one second after the last
// command.
const MEMORY_SAMPLES = 15;

const GAUGES = ["connections", "sockets", "rooms_on_shards", "outbox_bytes", "writer_queue"];

test("after the second half of the clients the server uses no more memory and descriptors, and all gauges are 0", async (t) => {
  const server = await startServer(SETTINGS);
  t.after(() => server.stop());
  const population = new Population(t, server);
  await population.firstHalf();
  const clients = population.clients;
  const before = await population.settled();
  while (population.clients < 2 * clients) await population.round();
  const after = await population.settled();
  const allowed = SLACK_MB + Math.min(READER_CACHE_MB, after.stored - before.stored) + (clients * BYTES_PER_USER) / MEGABYTE;
  const details = JSON.stringify({ clients: population.clients, recovered: population.recovered, before, after, allowed });
  assert.ok(population.recovered > 0, details);
  // The server keeps the HTTP connections of the last clients open for further requests. Each client has several connections.
  assert.ok(after.descriptors <= before.descriptors + 2 * CLIENTS_OF_EACH_KIND, details);
  assert.ok(after.memory - before.memory < allowed, details);
  t.diagnostic(details);
});

class Population {
  clients = 0;
  recovered = 0;

  constructor(t, server) {
    Object.assign(this, { t, server });
  }

  // Runs rounds for half of the clients, or for half of the time. At least one round.
  async firstHalf() {
    const until = performance.now() + (Number(SOAK_SECONDS) / 2) * 1000;
    const clients = Number(SOAK_CLIENTS ?? CLIENTS) / 2;
    const hasMore = SOAK_SECONDS ? () => performance.now() < until : () => this.clients < clients;
    do await this.round();
    while (hasMore());
  }

  // Runs new users in new rooms, so that users that the server does not release increase its memory.
  async round() {
    const proxy = await ControlledProxy.start(this.t, this.server.port);
    const users = Array.from({ length: CLIENTS_PER_ROUND }, () => String(++this.clients));
    const [chat, channel] = await this.#rooms(users);
    const transportsOfKinds = [...Object.values(TRANSPORTS), null];
    const members = users.map((sub, index) => {
      const vanishes = index % 2 === 1;
      const transports = transportsOfKinds[(index >> 1) % transportsOfKinds.length];
      const known = { through: vanishes ? proxy : this.server, sub, token: user(this.server, sub).token };
      const client = transports ? new SocketIoClient({ ...known, room: chat, transports }) : new RawClient({ ...known, room: channel });
      return { client, vanishes };
    });
    await Promise.all(members.map(async ({ client, vanishes }) => {
      await runLifecycle(client);
      this.recovered += client.recovered;
      await (vanishes ? client.disableReconnection() : client.disconnect());
    }));
    proxy.silence();
  }

  async #rooms([first, ...others]) {
    const { request } = user(this.server, first);
    const { id: chat } = await request("POST", "/shared/chat/rooms", { name: "Soak", memberIds: others.map(Number) });
    const { id: project } = await request("POST", "/api/v1/projects", { name: "Soak", memberIds: others.map(Number) });
    const { id: channel } = await request("POST", `/api/v1/projects/${project}/channels`, { name: "soak" });
    return [chat, `channel:${channel}`];
  }

  // Waits until the server has ended all connections and sessions. Resolves with the memory and descriptors that it still uses.
  async settled() {
    await waitUntilByServerClock(this.server, SECONDS_TO_RELEASE, async () => {
      const { gauge, counter } = await metrics(this.server);
      const nonzero = Object.fromEntries(GAUGES.map((name) => [name, gauge(name)]).filter(([, count]) => count > 0));
      const completed = ["confirmed", "resumed", "expired", "let_go"].reduce((sum, outcome) => sum + counter(`all_facts_${outcome}`), 0);
      const unacked = counter("all_facts_delivered") - completed;
      const description = JSON.stringify({ ...nonzero, unacked });
      // A delivery that is counted twice stays counted twice.
      assert.ok(Object.keys(nonzero).length > 0 || unacked >= 0, description);
      return Object.keys(nonzero).length === 0 && unacked === 0 ? null : `still ${description}`;
    });
    // The server drops old events from memory when another event is stored.
    await user(this.server, "1").request("POST", "/households", { name: "No client listens" });
    const stored = ["", "-wal"].reduce((sum, part) => sum + statSync(`${this.server.folder}/roomcast.db${part}`).size, 0);
    return { memory: await this.#memory(), descriptors: this.#descriptors(), stored: stored / MEGABYTE };
  }

  // The megabytes of the process after the writer has become idle.
  async #memory() {
    let minimum = Infinity;
    for (let sample = 0; sample < MEMORY_SAMPLES; sample++) {
      minimum = Math.min(minimum, this.server.memory());
      await pause(100);
    }
    return minimum / MEGABYTE;
  }

  // The number of descriptors without those of the database, because each of its readers opens the files at its first query.
  #descriptors() {
    const folder = `/proc/${this.server.pid}/fd`;
    return readdirSync(folder).filter((number) => !linkTarget(`${folder}/${number}`).startsWith(this.server.folder)).length;
  }
}

// The target of a descriptor's link. Empty if the descriptor was closed in the meantime.
function linkTarget(link) {
  try {
    return readlinkSync(link);
  } catch {
    return "";
  }
}
