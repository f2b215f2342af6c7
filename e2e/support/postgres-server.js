// Starts the installed PostgreSQL with its own port and folder.

import { execFile, spawn } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { chown, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { promisify } from "node:util";
import { freePort } from "./process.js";
import { waitUntil } from "./wait-until.js";

const run = promisify(execFile);

// The superuser of the server, who needs no password.
const USER = "roomcast";

// The tests end processes and never the machine, so nothing has to reach the disk.
const SETTINGS = ["fsync=off", "max_connections=200"];

// Starts a server, and ends it after the test.
export async function startPostgres(t) {
  const server = await PostgresServer.create();
  t.after(() => server.remove());
  await server.start();
  return server;
}

class PostgresServer {
  #child = null;
  #log = "";

  // Creates the folder of a new server, which is not started yet.
  static async create() {
    const server = new PostgresServer();
    server.folder = await mkdtemp(path.join(tmpdir(), "roomcast-postgres-"));
    server.port = await freePort();
    server.url = `postgres://${USER}@127.0.0.1:${server.port}/postgres`;
    if (account) await chown(server.folder, account.uid, account.gid);
    await run(program("initdb"), ["-D", server.data, "-U", USER, "--auth=trust", "-E", "UTF8", "--locale=C.UTF-8", "--no-sync"], server.options);
    return server;
  }

  get data() {
    return path.join(this.folder, "data");
  }

  // PostgreSQL does not run as root, so root runs it as another user.
  get options() {
    return { cwd: this.folder, ...account };
  }

  // Starts the server, also again after it was stopped, and waits until it accepts connections.
  async start() {
    const settings = [`port=${this.port}`, "listen_addresses=127.0.0.1", `unix_socket_directories=${this.folder}`, ...SETTINGS];
    const child = spawn(program("postgres"), ["-D", this.data, ...settings.flatMap((setting) => ["-c", setting])], { ...this.options, stdio: ["ignore", "ignore", "pipe"] });
    this.#child = child;
    child.stderr.setEncoding("utf8").on("data", (text) => (this.#log = (this.#log + text).slice(-20_000)));
    const failed = new Promise((_, reject) => {
      child.once("error", reject);
      child.once("exit", (code, signal) => reject(new Error(`PostgreSQL has ended with ${code ?? signal}: ${this.#log}`)));
    });
    failed.catch(() => {});
    process.once("exit", this.#reap);
    await Promise.race([failed, waitUntil(async () => (this.#isReady() ? null : `PostgreSQL is not ready: ${this.#log}`))]);
  }

  // The last line of this file is `ready` when the server accepts connections.
  #isReady() {
    const file = path.join(this.data, "postmaster.pid");
    return existsSync(file) && readFileSync(file, "utf8").trimEnd().endsWith("\nready");
  }

  #reap = () => this.#child?.kill("SIGQUIT");

  // Stops the server. `SIGINT` ends all connections in order, and `SIGQUIT` ends all processes at once, so that the next start recovers as after a crash.
  async stop(signal = "SIGINT") {
    const child = this.#child;
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    const ended = new Promise((resolve) => child.once("exit", resolve));
    child.kill(signal);
    await ended;
    process.removeListener("exit", this.#reap);
  }

  async remove() {
    await this.stop("SIGQUIT");
    await rm(this.folder, { recursive: true, force: true });
  }
}

// The path of a program of PostgreSQL: in POSTGRES_BIN, where Debian has the newest version, or in PATH.
function program(name) {
  const versions = existsSync("/usr/lib/postgresql") ? readdirSync("/usr/lib/postgresql") : [];
  const debian = versions.sort((a, b) => b - a).map((version) => `/usr/lib/postgresql/${version}/bin`);
  const folders = process.env.POSTGRES_BIN ? [process.env.POSTGRES_BIN] : [...debian, ...process.env.PATH.split(path.delimiter)];
  const found = folders.map((folder) => path.join(folder, name)).find(existsSync);
  if (!found) throw new Error(`${name} is not installed: cargo xtask setup as root, or apt-get install postgresql`);
  return found;
}

// The user and group that run the server, if this process is root's.
const account = (() => {
  if (process.getuid() !== 0) return undefined;
  const lines = readFileSync("/etc/passwd", "utf8").split("\n").map((line) => line.split(":"));
  const found = ["postgres", "nobody"].map((name) => lines.find(([user]) => user === name)).find(Boolean);
  if (!found) throw new Error("there is no user `postgres` or `nobody`, and PostgreSQL does not run as root");
  return { uid: Number(found[2]), gid: Number(found[3]) };
})();
