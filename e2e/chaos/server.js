// The server that is killed and started again: another process on another port, with the same database.

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { startServer } from "../support/server.js";

// Half-open connections are to be noticed soon.
const SETTINGS = { PING_INTERVAL: "1s", PING_TIMEOUT: "2s", MAX_CONNECTIONS_PER_USER: "0", SOCKETIO_MAX_CONNECTIONS_PER_USER: "0" };

export class House {
  kills = 0;
  #rising = null;

  static async open(proxy) {
    const house = new House();
    house.proxy = proxy;
    house.folder = await mkdtemp(path.join(tmpdir(), "roomcast-ledger-"));
    await house.#start();
    return house;
  }

  async #start() {
    this.server = await startServer({ ...SETTINGS, DATABASE_URL: `sqlite://${this.folder}/roomcast.db` });
    this.proxy.leadTo(this.server.port);
  }

  // `kill -9`, in the middle of whatever it does, and another start. Resolves when it is up again.
  kill() {
    this.#rising ??= this.#restart().finally(() => (this.#rising = null));
    return this.#rising;
  }

  async #restart() {
    this.kills += 1;
    await this.server.stop();
    await this.#start();
  }

  // Resolves when it is not on its way up.
  async up() {
    await this.#rising;
  }

  async close() {
    await this.#rising;
    await this.server.stop();
    await rm(this.folder, { recursive: true, force: true });
  }
}
