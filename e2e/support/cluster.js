// Starts a cluster of one test: nodes, PostgreSQL, Redis, and nginx with pure round robin in front of the nodes. A controlled proxy stands between each node
// and PostgreSQL, Redis, and the other nodes.
//
// Each part can be stopped, frozen, and started again. A node that ends by itself is started again, as a service manager does, and `cluster.exits` has it.

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { ControlledProxy } from "./controlled-proxy.js";
import { get } from "./http.js";
import { startNginx } from "./nginx.js";
import { startPostgres } from "./postgres-server.js";
import { binary, freePort, startProcess } from "./process.js";
import { startRedis } from "./redis-server.js";
import { SECRET } from "./server.js";
import { sign } from "./tokens.js";
import { API_KEY } from "./users.js";
import { waitUntil } from "./wait-until.js";

// A short heartbeat, so that nodes and clients detect half-open connections soon.
const SETTINGS = {
  HOST: "127.0.0.1",
  JWT_SECRET: SECRET,
  ROOMCAST_API_KEY: API_KEY,
  CLUSTER_SECRET: "a secret of at least 32 bytes that only the nodes know",
  TRUSTED_PROXIES: "127.0.0.1",
  RATE_LIMITS: "off",
  MAX_HTTP_CONNECTIONS_PER_ADDRESS: "0",
  MAX_CONNECTIONS_PER_USER: "0",
  SOCKETIO_MAX_CONNECTIONS_PER_USER: "0",
  PRESENCE_AUDIENCE: "none",
  PING_INTERVAL: "1s",
  PING_TIMEOUT: "2s",
  DRAIN_SECONDS: "1",
  LOG_LEVEL: "warn",
};

// The milliseconds between the end of a node and its next start, as with `RestartSec=1`.
const RESTART_DELAY_MS = 1000;

// Starts a cluster, and ends it after the test. `env` has settings of all nodes, and `envOfNode` returns those of the node with a number from 1. `redis` starts
// Redis; if it has a `nodeUrl`, the nodes use that, and no proxy stands between them and Redis.
export async function startCluster(t, { nodes = 2, env = {}, envOfNode = () => ({}), redis = startRedis } = {}) {
  const cluster = new Cluster();
  t.after(() => cluster.end());
  cluster.folder = await mkdtemp(path.join(tmpdir(), "roomcast-cluster-"));
  cluster.after(() => rm(cluster.folder, { recursive: true, force: true }));
  [cluster.postgres, cluster.redis] = await Promise.all([startPostgres(cluster), redis(cluster)]);
  for (let number = 1; number <= nodes; number++) {
    const node = new Node(cluster, number);
    cluster.nodes.push(node);
    await node.prepare({ ...SETTINGS, ...env, ...envOfNode(number) });
  }
  await Promise.all(cluster.nodes.map((node) => node.start().then(() => node.ready())));
  cluster.nginx = await startNginx(cluster, cluster.nodes.map(({ port }) => port));
  for (const name of ["port", "url"]) cluster[name] = cluster.nginx[name];
  return cluster;
}

class Cluster {
  nodes = [];
  // The nodes that have ended without a request of the test: {node, code, signal, output}.
  exits = [];
  #ends = [];

  // Registers what ends a part. Node's `t.after` ends the first part first, but clients must end before their servers.
  after(end) {
    this.#ends.push(end);
  }

  // Ends all parts, the last one first.
  async end() {
    for (const end of this.#ends.splice(0).reverse()) await end();
  }

  token(claims) {
    return sign(claims, SECRET);
  }

  // Resolves when every node accepts traffic.
  async ready() {
    await Promise.all(this.nodes.map((node) => node.ready()));
  }

  // Restarts all nodes, one after the other, as an upgrade does. Resolves with their exit codes.
  async rollingRestart() {
    const codes = [];
    for (const node of this.nodes) {
      codes.push(await node.drain());
      await node.start();
      await node.ready();
    }
    return codes;
  }
}

class Node {
  running = null;
  // The next end of the process was requested.
  #expected = false;
  #settings;
  #starting = null;

  constructor(cluster, number) {
    Object.assign(this, { cluster, number, id: `node${number}`, token: (claims) => cluster.token(claims) });
  }

  // Starts the proxies of the node. `redis`, `postgres` and `inbound` are those between the node and these servers, and between the other nodes and this one.
  async prepare(settings) {
    this.port = await freePort();
    [this.url, this.ws] = [`http://127.0.0.1:${this.port}`, `ws://127.0.0.1:${this.port}`];
    const { redis, postgres } = this.cluster;
    [this.redis, this.postgres, this.inbound] = await Promise.all([redis.port, postgres.port, this.port].map((port) => ControlledProxy.start(this.cluster, port)));
    this.#settings = {
      DATABASE_URL: `postgres://roomcast@127.0.0.1:${this.postgres.port}/postgres`,
      REDIS_URL: redis.nodeUrl ?? `redis://127.0.0.1:${this.redis.port}`,
      NODE_ID: this.id,
      NODE_URL: `http://127.0.0.1:${this.inbound.port}`,
      ...settings,
    };
    this.cluster.after(() => this.kill());
  }

  get output() {
    return this.running.output;
  }

  // Starts the process, and waits until it accepts connections. A start that is running already is not repeated.
  start() {
    this.#starting ??= this.#start().finally(() => (this.#starting = null));
    return this.#starting;
  }

  async #start() {
    const defined = Object.fromEntries(Object.entries(this.#settings).filter(([, value]) => value !== undefined));
    this.running = await startProcess(binary("roomcast", "ROOMCAST"), ["serve"], defined, this.cluster.folder, this.port);
    this.#expected = false;
    this.running.child.once("exit", (code, signal) => this.#ended(code, signal));
  }

  #ended(code, signal) {
    if (this.#expected) return;
    this.cluster.exits.push({ node: this.id, code, signal, output: this.output.slice(-2000) });
    void this.#startAgain();
  }

  // While PostgreSQL or Redis is away, a start fails.
  async #startAgain() {
    while (!this.#expected) {
      await pause(RESTART_DELAY_MS);
      if (this.#expected || (await this.start().then(() => true, () => false))) return;
    }
  }

  // Resolves when the node accepts traffic.
  ready() {
    return waitUntil(async () => {
      const response = await get(`${this.url}/health/ready`, { signal: AbortSignal.timeout(5000) }).catch((error) => ({ status: 0, text: error.message }));
      return response.status === 200 ? null : `${this.id} is not ready: ${response.status} ${response.text}\n${this.running?.output ?? ""}`;
    });
  }

  // Ends the process with SIGKILL. Resolves when it has ended.
  async kill() {
    this.#expected = true;
    await this.#starting?.catch(() => {});
    this.#expected = true;
    await this.running?.stop();
  }

  async killAndRestart() {
    await this.kill();
    await this.start();
  }

  // Ends the process with SIGTERM. Resolves with its exit code.
  async drain() {
    this.#expected = true;
    this.running.child.kill("SIGTERM");
    return (await this.running.exited).code;
  }

  // Freezes the process for these seconds.
  async freezeFor(seconds) {
    this.running.child.kill("SIGSTOP");
    await pause(seconds * 1000);
    this.running.child.kill("SIGCONT");
  }
}

