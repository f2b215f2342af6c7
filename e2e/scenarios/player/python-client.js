// python-socketio. Its clients run in one Python process, `e2e/python/scenario-clients.py`, which receives commands and sends results as lines of JSON.

import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import path from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { TRANSPORTS } from "../../support/socketio-clients.js";
import { waitFor } from "../../support/wait-for.js";
import { ScenarioClient } from "./client.js";

const folder = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "../../python");

class PythonProcess {
  #pending = new Map();
  #clients = new Map();
  #count = 0;
  #errorOutput = "";
  #ended = null;

  constructor() {
    const python = path.join(folder, ".venv/bin/python");
    if (!existsSync(python)) throw new Error(`${python} does not exist: \`cargo xtask test --only e2e\` installs it`);
    this.child = spawn(python, ["-I", path.join(folder, "scenario-clients.py")], { stdio: ["pipe", "pipe", "pipe"] });
    this.child.stderr.setEncoding("utf8").on("data", (text) => (this.#errorOutput = (this.#errorOutput + text).slice(-10_000)));
    // A later command fails because the process has ended, so an error of the pipe is ignored.
    this.child.stdin.on("error", () => {});
    createInterface({ input: this.child.stdout }).on("line", (line) => this.#onLine(JSON.parse(line)));
    this.exited = new Promise((resolve) => this.child.once("close", resolve));
    void this.exited.then(() => this.#onEnd());
  }

  // Registers a client. The returned number identifies it in commands and events.
  register(client) {
    const number = ++this.#count;
    this.#clients.set(number, client);
    return number;
  }

  unregister(number) {
    this.#clients.delete(number);
  }

  // Runs an action of a client. Resolves with the result.
  run(client, command) {
    if (this.#ended) return Promise.reject(this.#ended);
    const id = ++this.#count;
    this.child.stdin.write(`${JSON.stringify({ id, client, ...command })}\n`);
    const result = new Promise((resolve, reject) => this.#pending.set(id, { resolve, reject }));
    return waitFor(result, () => `python has no result for ${JSON.stringify(command)}, with the output:\n${this.#errorOutput}`);
  }

  stop() {
    this.child.stdin.end();
    return waitFor(this.exited, () => `python is still running, with the output:\n${this.#errorOutput}`).finally(() => this.child.kill("SIGKILL"));
  }

  #onLine({ id, result, error, client, ...event }) {
    if (id === undefined) return this.#clients.get(client)?.onPythonEvent(event);
    const { resolve, reject } = this.#pending.get(id);
    this.#pending.delete(id);
    if (error === undefined) resolve(result);
    else reject(new Error(error));
  }

  #onEnd() {
    this.#ended = new Error(`python has exited, with the output:\n${this.#errorOutput}`);
    for (const { reject } of this.#pending.values()) reject(this.#ended);
  }
}

let python = null;

// Stops the process if it is running. For the end of a test file.
export async function stopPython() {
  await python?.stop();
  python = null;
}

export class PythonClient extends ScenarioClient {
  // Connects. Resolves with null, or with the rejection {message, data?}.
  async connect({ url, namespace, transport, auth, over, ignores }) {
    if (over) throw new Error("python-socketio joins all its namespaces when it connects");
    python ??= new PythonProcess();
    this.ignores = ignores;
    this.number = python.register(this);
    const result = await this.#run("connect", { url, namespace, transports: TRANSPORTS[transport], auth });
    if (result.rejected) return result.rejected;
    const expected = TRANSPORTS[transport].at(-1);
    if (result.transport !== expected) throw new Error(`the client uses ${result.transport} and not ${expected}`);
    return null;
  }

  emit(event, args) {
    return this.#run("emit", { event, args });
  }

  async request(event, args) {
    const ack = await this.#run("request", { event, args });
    if (ack.length !== 1) throw new Error(`the ack is ${JSON.stringify(ack)}`);
    return ack[0];
  }

  async disconnect() {
    this.isClosed = true;
    await this.#run("disconnect", {});
    python.unregister(this.number);
  }

  onPythonEvent({ event, args, closed }) {
    if (closed !== undefined) return this.isClosed || this.record({ closed: { reason: closed } });
    if (!this.ignores.includes(event)) this.record({ event, args });
  }

  #run(action, command) {
    return python.run(this.number, { action, ...command });
  }
}
