// Starts a Redis server with its own port and no data on the disk.

import { spawn } from "node:child_process";
import { createClient } from "redis";
import { freePort } from "./process.js";
import { waitUntil } from "./wait-until.js";

// Starts the server, and ends it after the test. `password` is optional, and `options` has further options of redis-server.
export async function startRedis(t, { password, options = [] } = {}) {
  const server = new RedisServer(await freePort(), password, options);
  t.after(() => server.kill());
  await server.start();
  return server;
}

// Sends one command on a connection of its own, and resolves with the answer.
export async function redisCommand(url, parts) {
  const client = createClient({ url, socket: { reconnectStrategy: false } });
  client.on("error", () => {});
  await client.connect();
  try {
    return await client.sendCommand(parts);
  } finally {
    client.destroy();
  }
}

class RedisServer {
  #child;
  #options;

  constructor(port, password, options) {
    this.port = port;
    this.#options = password ? ["--requirepass", password, ...options] : options;
    this.url = `redis://${password ? `:${password}@` : ""}127.0.0.1:${port}`;
  }

  // Starts the server, also again after `kill`.
  async start() {
    const child = spawn("redis-server", ["--bind", "127.0.0.1", "--port", String(this.port), "--save", "", ...this.#options], { stdio: "ignore" });
    this.#child = child;
    const failed = new Promise((_, reject) => {
      child.once("error", (error) => reject(new Error(`redis-server cannot be started (${error.message}): cargo xtask setup as root, or apt-get install redis-server`)));
      child.once("exit", (code) => reject(new Error(`redis-server has ended with ${code}`)));
    });
    failed.catch(() => {});
    await Promise.race([failed, waitUntil(async () => ((await this.#answers()) ? null : "Redis does not answer"))]);
  }

  async #answers() {
    try {
      await this.command(["PING"]);
      return true;
    } catch {
      return false;
    }
  }

  // Sends one command on a connection of its own, and resolves with the answer.
  command(parts) {
    return redisCommand(this.url, parts);
  }

  freeze() {
    this.#child.kill("SIGSTOP");
  }

  async kill() {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const ended = new Promise((resolve) => this.#child.once("exit", resolve));
    this.#child.kill("SIGKILL");
    await ended;
  }
}
