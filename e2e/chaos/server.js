// A server that the test kills and restarts: a new process on another port, with the same database.

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { startServer } from "../support/server.js";

// A short heartbeat, so that the server detects half-open connections soon.
const SETTINGS = { PING_INTERVAL: "1s", PING_TIMEOUT: "2s", MAX_CONNECTIONS_PER_USER: "0", SOCKETIO_MAX_CONNECTIONS_PER_USER: "0" };

export class RestartableServer {
  kills = 0;
  #restarting = null;

  static async start(proxy) {
    const restartable = new RestartableServer();
    restartable.proxy = proxy;
    restartable.folder = await mkdtemp(path.join(tmpdir(), "roomcast-chaos-"));
    await restartable.#start();
    return restartable;
  }

  async #start() {
    this.current = await startServer({ ...SETTINGS, DATABASE_URL: `sqlite://${this.folder}/roomcast.db` });
    this.proxy.forwardTo(this.current.port);
  }

  // Kills the server with SIGKILL and starts it again. Resolves when it has started. A restart that is already running is not repeated.
  kill() {
    this.#restarting ??= this.#restart().finally(() => (this.#restarting = null));
    return this.#restarting;
  }

  async #restart() {
    this.kills += 1;
    await this.current.stop();
    await this.#start();
  }

  // Resolves when no restart is running.
  async started() {
    await this.#restarting;
  }

  async stop() {
    await this.#restarting;
    await this.current.stop();
    await rm(this.folder, { recursive: true, force: true });
  }
}
