// python-socketio: its devices live in a process of Python's, `e2e/python/scenario-clients.py`, which is asked, and tells, in lines of JSON.

import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import path from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { TRANSPORTS } from "../../support/socketio-clients.js";
import { waitFor } from "../../support/wait-for.js";
import { Device } from "./client.js";

const folder = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "../../python");

class Python {
  #asked = new Map();
  #devices = new Map();
  #count = 0;
  #said = "";
  #ended = null;

  constructor() {
    const python = path.join(folder, ".venv/bin/python");
    if (!existsSync(python)) throw new Error(`${python} is not there: \`cargo xtask test --only e2e\` installs it`);
    this.child = spawn(python, ["-I", path.join(folder, "scenario-clients.py")], { stdio: ["pipe", "pipe", "pipe"] });
    this.child.stderr.setEncoding("utf8").on("data", (text) => (this.#said = (this.#said + text).slice(-10_000)));
    // Whoever asks it later is told that it has ended; the pipe need not say so, too.
    this.child.stdin.on("error", () => {});
    createInterface({ input: this.child.stdout }).on("line", (line) => this.#hear(JSON.parse(line)));
    this.exited = new Promise((resolve) => this.child.once("close", resolve));
    void this.exited.then(() => this.#end());
  }

  // Gives a device a number, under which it is told what it hears.
  number(device) {
    const number = ++this.#count;
    this.#devices.set(number, device);
    return number;
  }

  // Has something done by a device. Resolves with the answer.
  ask(device, what) {
    if (this.#ended) return Promise.reject(this.#ended);
    const id = ++this.#count;
    this.child.stdin.write(`${JSON.stringify({ id, device, ...what })}\n`);
    const reply = new Promise((resolve, reject) => this.#asked.set(id, { resolve, reject }));
    return waitFor(reply, () => `python has not answered ${JSON.stringify(what)} and said:\n${this.#said}`);
  }

  forget(number) {
    this.#devices.delete(number);
  }

  stop() {
    this.child.stdin.end();
    return waitFor(this.exited, () => `python runs on and said:\n${this.#said}`).finally(() => this.child.kill("SIGKILL"));
  }

  #hear({ id, answer, failed, device, ...what }) {
    if (id === undefined) return this.#devices.get(device)?.told(what);
    const { resolve, reject } = this.#asked.get(id);
    this.#asked.delete(id);
    if (failed === undefined) resolve(answer);
    else reject(new Error(failed));
  }

  #end() {
    this.#ended = new Error(`python has ended and said:\n${this.#said}`);
    for (const { reject } of this.#asked.values()) reject(this.#ended);
  }
}

let python = null;

// Ends the process, if there is one. For the end of a test file.
export async function endPython() {
  await python?.stop();
  python = null;
}

export class PythonDevice extends Device {
  // Connects. Resolves with null or with the refusal {message, data?}.
  async connect({ url, namespace, transport, auth, over, greets }) {
    if (over) throw new Error("python-socketio joins all its namespaces when it connects");
    python ??= new Python();
    this.greets = greets;
    this.number = python.number(this);
    const { refused, transport: actual } = await this.#ask("connect", { url, namespace, transports: TRANSPORTS[transport], auth });
    if (refused) return refused;
    const wanted = TRANSPORTS[transport].at(-1);
    if (actual !== wanted) throw new Error(`the client uses  and not `);
    return null;
  }

  emit(event, args) {
    return this.#ask("emit", { event, args });
  }

  async ask(event, args) {
    const ack = await this.#ask("ask", { event, args });
    if (ack.length !== 1) throw new Error(`the ack is ${JSON.stringify(ack)}`);
    return ack[0];
  }

  async leave() {
    this.left = true;
    await this.#ask("leave", {});
    python.forget(this.number);
  }

  told({ event, args, closed }) {
    if (closed !== undefined) return this.left || this.record({ closed: { reason: closed } });
    if (event !== "connected" || this.greets) this.record({ event, args });
  }

  #ask(to, what) {
    return python.request(this.number, { do: to, ...what });
  }
}
