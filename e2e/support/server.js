// Starts roomcast as an operator does, with its own database in a temporary folder and a JWT secret that the tests know.

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { after, before } from "node:test";
import { binary, startProcess } from "./process.js";
import { sign } from "./tokens.js";

export const SECRET = "a secret that only the tests and this server know";

// Starts the server. `env` overrides the defaults below. `descriptors` is the maximum number of open files, as with `ulimit -n`. Without `port` a free
// port is used.
export async function startServer(env = {}, { descriptors, port } = {}) {
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
  const defined = Object.fromEntries(Object.entries(settings).filter(([, value]) => value !== undefined));
  const program = binary("roomcast", "ROOMCAST");
  const [file, args] = descriptors ? ["sh", ["-c", `ulimit -n ${descriptors} && exec "$0" serve`, program]] : [program, ["serve"]];
  const run = (port) => startProcess(file, args, defined, folder, port);
  const server = await run(port).catch(async (error) => {
    await rm(folder, { recursive: true, force: true });
    throw error;
  });
  return new RoomcastServer(folder, server, run);
}

class RoomcastServer {
  #run;

  constructor(folder, running, run) {
    this.folder = folder;
    this.running = running;
    this.#run = run;
    for (const name of ["port", "url", "ws"]) this[name] = running[name];
    // Callers may use `stop` and `token` without the object.
    this.stop = this.stop.bind(this);
    this.token = (claims) => sign(claims, SECRET);
  }

  get child() {
    return this.running.child;
  }

  get output() {
    return this.running.output;
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

  // Kills the process with SIGKILL and starts it again with the same database and port.
  async killAndRestart() {
    await this.running.stop();
    this.running = await this.#run(this.port);
  }

  async stop() {
    await this.running.stop();
    await rm(this.folder, { recursive: true, force: true });
  }
}

// One server for the tests of a file. A hook before the first test fills in the returned object.
export function sharedServer(env = {}) {
  const server = {};
  let running;
  before(async () => {
    running = await startServer(env);
    for (const name of ["port", "url", "ws", "folder", "token"]) server[name] = running[name];
    server.killAndRestart = () => running.killAndRestart();
    Object.defineProperty(server, "running", { get: () => running.running });
  });
  after(() => running?.stop());
  return server;
}
