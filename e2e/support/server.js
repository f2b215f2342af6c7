// The product as a user starts it: its own database in a folder of its own, and a secret that the tests know.

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { after, before } from "node:test";
import { binary, start } from "./process.js";
import { sign } from "./tokens.js";

export const SECRET = "a secret that only the tests and this server know";

// Starts the server; `env` comes on top of what every test needs. With `descriptors` the process may open that number of them, as after `ulimit -n`.
export async function startRoomcast(env = {}, { descriptors } = {}) {
  const folder = await mkdtemp(path.join(tmpdir(), "roomcast-"));
  const settings = {
    HOST: "127.0.0.1",
    JWT_SECRET: SECRET,
    DATABASE_URL: `sqlite://${folder}/roomcast.db`,
    RATE_LIMITS: "off",
    MAX_HTTP_CONNECTIONS_PER_ADDRESS: "0",
    PRESENCE_AUDIENCE: "none",
    LOG_LEVEL: "warn",
    ...env,
  };
  const given = Object.fromEntries(Object.entries(settings).filter(([, value]) => value !== undefined));
  const program = binary("roomcast", "ROOMCAST");
  const [file, args] = descriptors ? ["sh", ["-c", `ulimit -n ${descriptors} && exec "$0" serve`, program]] : [program, ["serve"]];
  const run = (port) => start(file, args, given, folder, port);
  const server = await run().catch(async (error) => {
    await rm(folder, { recursive: true, force: true });
    throw error;
  });
  return new Roomcast(folder, server, run);
}

class Roomcast {
  #run;

  constructor(folder, running, run) {
    this.folder = folder;
    this.running = running;
    this.#run = run;
    for (const name of ["port", "url", "ws"]) this[name] = running[name];
    // Whoever has these functions alone has a server all the same.
    this.stop = this.stop.bind(this);
    this.token = (claims) => sign(claims, SECRET);
  }

  get child() {
    return this.running.child;
  }

  get said() {
    return this.running.said;
  }

  get exited() {
    return this.running.exited;
  }

  get pid() {
    return this.running.pid;
  }

  get alive() {
    return this.running.alive;
  }

  memory() {
    return this.running.memory();
  }

  // Kills the process as it stands, and starts it again: the same database, the same port.
  async killAndRestart() {
    await this.running.stop();
    this.running = await this.#run(this.port);
  }

  async stop() {
    await this.running.stop();
    await rm(this.folder, { recursive: true, force: true });
  }
}

// One server for the tests of a file. What is returned is filled in before the first test.
export function roomcast(env = {}) {
  const server = {};
  let running;
  before(async () => {
    running = await startRoomcast(env);
    for (const name of ["port", "url", "ws", "folder", "token"]) server[name] = running[name];
    server.killAndRestart = () => running.killAndRestart();
    Object.defineProperty(server, "running", { get: () => running.running });
  });
  after(() => running?.stop());
  return server;
}
