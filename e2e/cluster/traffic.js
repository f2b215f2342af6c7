// Steady traffic through a fault: stock clients send messages to each other until the test ends it. An audit then compares what each client has received with
// what is stored, and what is stored with the acknowledgements.

import assert from "node:assert/strict";
import { setTimeout as pause } from "node:timers/promises";
import { addAck, audit } from "../chaos/audit.js";
import { closeAll, openParticipants, storedMessages } from "../chaos/participants.js";
import { startCluster } from "../support/cluster.js";
import { waitUntil } from "../support/wait-until.js";

const ROOMS = [
  ["websocket", "websocket", "upgrade", "polling"],
  ["websocket", "polling", "websocket", "websocket"],
];

// The milliseconds that a client waits after each acknowledgement.
const PAUSE_MS = 15;

export class Traffic {
  // For each message its acknowledgement, {room, duplicate, times}.
  acks = new Map();
  #created = 0;
  #ended = false;

  // Starts the traffic through `url`, which is the load balancer of the cluster by default. The test waits for `acknowledged` and `finish`.
  static async start(cluster, { url = cluster.url, rooms = ROOMS } = {}) {
    const traffic = new Traffic();
    traffic.cluster = cluster;
    traffic.clients = await openParticipants(cluster, url, rooms);
    cluster.after(() => closeAll(traffic.clients));
    traffic.sending = Promise.all(traffic.clients.map((client) => traffic.#send(client)));
    traffic.sending.catch(() => {});
    return traffic;
  }

  #send(client) {
    const next = () => (this.#ended ? null : { clientId: `${client.sub}-${++this.#created}`, content: `message ${this.#created}` });
    return client.send(next, async ({ clientId }, { duplicate }) => {
      addAck(this.acks, client, clientId, duplicate);
      await pause(PAUSE_MS);
    });
  }

  // Resolves when this many more messages are acknowledged. Rejects if a client fails.
  async acknowledged(count) {
    const wanted = this.acks.size + count;
    await Promise.race([waitUntil(async () => (this.acks.size >= wanted ? null : `${this.acks.size} of ${wanted} messages are acknowledged; ${this.#state()}`)), this.#failure()]);
  }

  // Resolves when every client has sent a message that was created after this call, and it is acknowledged.
  async passes() {
    const since = this.#created;
    const missing = () => this.clients.filter(({ sub }) => ![...this.acks.keys()].some((id) => id.startsWith(`${sub}-`) && Number(id.split("-")[1]) > since));
    await Promise.race([waitUntil(async () => (missing().length === 0 ? null : `no message of ${missing().map(({ kind, sub }) => `${kind} ${sub}`)} is acknowledged; ${this.#state()}`)), this.#failure()]);
  }

  #failure() {
    return this.sending.then(() => new Promise(() => {}));
  }

  #state() {
    return `the nodes that have ended are ${JSON.stringify(this.cluster.exits)}`;
  }

  // Ends the traffic, and asserts that nothing was lost, doubled, or reordered. Resolves with the statistics.
  async finish(t) {
    this.#ended = true;
    await this.sending;
    await Promise.all(this.clients.map((client) => client.receivedEverything()));
    const { statistics, errors } = audit(await storedMessages(this.cluster.url, this.clients), this.clients, this.acks);
    t.diagnostic(JSON.stringify({ acknowledged: this.acks.size, unavailable: this.clients.reduce((sum, { unavailable }) => sum + unavailable, 0), ...statistics }));
    assert.deepEqual(errors, []);
    return statistics;
  }
}

// Runs traffic through a new cluster, and causes a fault `times` times, each time after `messages` acknowledged messages. Nothing may be lost, and no node
// may end. `rooms` has the kinds of the clients of each room, and the other options are those of the cluster. `fault` gets the cluster, the number of the
// fault, and the traffic. Resolves with the statistics and the number of clients.
export async function surviveFaults(t, { times = 1, messages = 200, rooms, ...options }, fault) {
  const cluster = await startCluster(t, options);
  const traffic = await Traffic.start(cluster, { rooms });
  for (let number = 0; number < times; number++) {
    await traffic.acknowledged(messages);
    await fault(cluster, number, traffic);
  }
  await traffic.passes();
  await cluster.ready();
  await traffic.acknowledged(messages);
  const statistics = await traffic.finish(t);
  assert.deepEqual(cluster.exits, []);
  return { ...statistics, clients: traffic.clients.length };
}

// Runs traffic through a fault that must not close a connection of a client.
export async function surviveFaultsConnected(t, options, fault) {
  const { connections, clients } = await surviveFaults(t, options, fault);
  assert.equal(connections, clients, "a client has lost its connection");
}
