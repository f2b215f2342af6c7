// A server as a process of its own, on a port of its own.

import { execFile, spawn } from "node:child_process";
import { connect, createServer } from "node:net";
import { existsSync, readFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { arrives, LOOKS } from "./wait-for.js";

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "../..");
const target = process.env.CARGO_TARGET_DIR ?? path.join(root, "target");

// A program that cargo has built, in the environment's own word for it or in the folder of the profile that is tested.
export function binary(name, variable) {
  const profile = process.env.E2E_PROFILE ?? "debug";
  const file = process.env[variable] ?? path.join(target, profile, name);
  if (!existsSync(file)) throw new Error(`${file} is not there: \`cargo xtask test --only e2e\` builds it`);
  return file;
}

// What the product prints for a command, `asyncapi` for example. Its environment is empty: what the machine happens to set must not matter.
export async function printed(...args) {
  const running = promisify(execFile)(binary("roomcast", "ROOMCAST"), args, { env: {}, maxBuffer: Infinity });
  const { stdout } = await arrives(running, () => `roomcast ${args.join(" ")} is still running`);
  return stdout;
}

// A port that nobody listens on. It lies below the ports that the kernel gives to outgoing connections, so that no client takes it meanwhile.
export async function freePort() {
  for (;;) {
    const port = 12_000 + Math.floor(Math.random() * 20_000);
    if (await isFree(port)) return port;
  }
}

function isFree(port) {
  return new Promise((resolve) => {
    const server = createServer();
    server.once("error", () => resolve(false));
    server.listen(port, "127.0.0.1", () => server.close(() => resolve(true)));
  });
}

// Starts a program and waits until it accepts connections. The caller stops it.
//
// `env` is the program's whole environment, besides PATH and PORT: what the machine happens to set must not matter. Without a `port` it gets a
// free one.
export async function start(file, args, env, cwd = process.cwd(), port = undefined) {
  port ??= await freePort();
  const child = spawn(file, args, {
    cwd,
    env: { PATH: process.env.PATH, PORT: String(port), ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const server = new Server(child, port);
  try {
    await server.listening();
  } catch (error) {
    await server.stop();
    throw error;
  }
  return server;
}

class Server {
  constructor(child, port) {
    this.child = child;
    this.port = port;
    this.url = `http://127.0.0.1:${port}`;
    this.ws = `ws://127.0.0.1:${port}`;
    this.said = "";
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding("utf8").on("data", (text) => (this.said = (this.said + text).slice(-100_000)));
    }
    this.#exited = new Promise((resolve) => {
      child.once("exit", (code, signal) => resolve({ code, signal }));
      child.once("error", (error) => resolve({ code: null, signal: null, error }));
    });
    // A test file that is killed must not leave its servers behind.
    this.reap = () => child.kill("SIGKILL");
    process.once("exit", this.reap);
  }

  #exited;

  // Resolves with {code, signal} when the process has ended.
  get exited() {
    return arrives(this.#exited, () => `the server runs on and said:\n${this.said}`);
  }

  get pid() {
    return this.child.pid;
  }

  // Waits until a connection is accepted, or fails with what the program said when it ended instead.
  async listening() {
    let ended = null;
    void this.#exited.then((exit) => (ended = exit));
    for (let looks = 0; !(await accepts(this.port)); looks++) {
      if (looks === 10 * LOOKS) throw new Error(`the server does not listen, and said:\n${this.said}`);
      if (ended) throw new Error(`the server ended with ${JSON.stringify(ended)} and said:\n${this.said}`);
    }
  }

  async stop() {
    this.child.kill("SIGKILL");
    process.removeListener("exit", this.reap);
    return this.exited;
  }

  // True as long as the process lives.
  get alive() {
    return this.child.exitCode === null && this.child.signalCode === null;
  }

  // The memory that the process has asked for and written, in bytes. Its program text is not counted: what is run for the first time is no growth.
  memory() {
    const rollup = readFileSync(`/proc/${this.pid}/smaps_rollup`, "utf8");
    const kilobytes = (name) => Number(rollup.match(new RegExp(`^${name}:\\s+(\\d+) kB`, "m"))?.[1] ?? 0);
    return (kilobytes("Anonymous") + kilobytes("Swap")) * 1024;
  }
}

function accepts(port) {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1");
    socket.once("connect", () => resolve(true)).once("error", () => setTimeout(resolve, 10, false));
    socket.once("connect", () => socket.destroy());
  });
}
