// Starts a server as a child process on its own port.

import { execFile, spawn } from "node:child_process";
import { connect, createServer } from "node:net";
import { existsSync, readFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { MAX_CHECKS, waitFor } from "./wait-for.js";

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "../..");
const target = process.env.CARGO_TARGET_DIR ?? path.join(root, "target");

// The path of a program that cargo has built: the value of the environment variable, or a file of the profile E2E_PROFILE.
export function binary(name, variable) {
  const profile = process.env.E2E_PROFILE ?? "debug";
  const file = process.env[variable] ?? path.join(target, profile, name);
  if (!existsSync(file)) throw new Error(`${file} does not exist: \`cargo xtask test --only e2e\` builds it`);
  return file;
}

// The output of a command of roomcast, such as `asyncapi`. The environment is empty, so that settings of the machine have no effect.
export async function commandOutput(...args) {
  const running = promisify(execFile)(binary("roomcast", "ROOMCAST"), args, { env: {}, maxBuffer: Infinity });
  const { stdout } = await waitFor(running, () => `roomcast ${args.join(" ")} is still running`);
  return stdout;
}

// A free port. It is below the kernel's range for outgoing connections, so that no client can take it before the server does.
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
// `env` is the complete environment except PATH and PORT, so that settings of the machine have no effect. Without `port` a free port is used.
export async function startProcess(file, args, env, cwd = process.cwd(), port = undefined) {
  port ??= await freePort();
  const child = spawn(file, args, {
    cwd,
    env: { PATH: process.env.PATH, PORT: String(port), ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const server = new ServerProcess(child, port);
  try {
    await server.listening();
  } catch (error) {
    await server.stop();
    throw error;
  }
  return server;
}

class ServerProcess {
  constructor(child, port) {
    this.child = child;
    this.port = port;
    this.url = `http://127.0.0.1:${port}`;
    this.ws = `ws://127.0.0.1:${port}`;
    this.output = "";
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding("utf8").on("data", (text) => (this.output = (this.output + text).slice(-100_000)));
    }
    this.#exited = new Promise((resolve) => {
      child.once("exit", (code, signal) => resolve({ code, signal }));
      child.once("error", (error) => resolve({ code: null, signal: null, error }));
    });
    // If the process of the test file exits, its servers exit as well.
    this.reap = () => child.kill("SIGKILL");
    process.once("exit", this.reap);
  }

  #exited;

  // Resolves with {code, signal} when the process has ended.
  get exited() {
    return waitFor(this.#exited, () => `the server is still running, with the output:\n${this.output}`);
  }

  get pid() {
    return this.child.pid;
  }

  // Waits until the server accepts a connection. Fails with the output of the program if it exits instead.
  async listening() {
    let ended = null;
    void this.#exited.then((exit) => (ended = exit));
    for (let checks = 0; !(await accepts(this.port)); checks++) {
      if (checks === 10 * MAX_CHECKS) throw new Error(`the server does not listen, with the output:\n${this.output}`);
      if (ended) throw new Error(`the server exited with ${JSON.stringify(ended)}, with the output:\n${this.output}`);
    }
  }

  async stop() {
    this.child.kill("SIGKILL");
    process.removeListener("exit", this.reap);
    return this.exited;
  }

  // True while the process runs.
  get alive() {
    return this.child.exitCode === null && this.child.signalCode === null;
  }

  // The anonymous memory of the process in bytes, including swap. Program text does not count, because code that runs for the first time is no growth.
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
