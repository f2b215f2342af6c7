// The server of a chaos run, and its faults: it is killed and started again with the same database.

import { startServer } from "../support/server.js";

// A short heartbeat, so that the server detects half-open connections soon.
const SETTINGS = { PING_INTERVAL: "1s", PING_TIMEOUT: "2s", MAX_CONNECTIONS_PER_USER: "0", SOCKETIO_MAX_CONNECTIONS_PER_USER: "0" };

export class SingleServer {
  static async start() {
    const single = new SingleServer();
    single.server = await startServer(SETTINGS);
    for (const name of ["port", "url", "token"]) single[name] = single.server[name];
    return single;
  }

  faults({ kills }) {
    return { kills: { count: kills, run: () => this.server.killAndRestart() } };
  }

  // What has gone wrong besides the requested faults.
  errors() {
    return this.server.alive ? [] : [`the server has exited: ${this.server.output}`];
  }

  ready() {}

  async stop() {
    await this.server.stop();
  }
}
