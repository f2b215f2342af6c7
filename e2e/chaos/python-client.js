// A chaos client in its own Python process; see `client.py`. It has the interface of the JavaScript client.

import { spawn } from "node:child_process";
import path from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { MAX_CHECKS, waitFor } from "../support/wait-for.js";

const here = path.dirname(fileURLToPath(import.meta.url));
const python = path.resolve(here, "../python/.venv/bin/python");

// The number of messages in a batch.
const BATCH = 10;

export class PythonClient {
  // python-socketio does not support connection state recovery.
  recovered = 0;
  supportsRecovery = false;
  #onAck = () => {};

  constructor(url, { sub, token, room, transports, kind }, program = python) {
    Object.assign(this, { url, sub, token, room, kind });
    this.child = spawn(program, ["-I", path.join(here, "client.py"), url, String(sub), token, String(room), transports.join(",")], { stdio: ["pipe", "pipe", "inherit"] });
    this.child.stdin.on("error", () => {});
    const ended = new Promise((_, reject) => {
      this.child.once("error", reject);
      this.child.once("exit", (code, signal) => reject(new Error(`${kind} ${sub} ended with ${code ?? signal}`)));
    });
    this.ready = Promise.race([new Promise((resolve) => (this.#onReady = resolve)), ended]);
    this.record = Promise.race([new Promise((resolve) => (this.#onRecord = resolve)), ended]);
    // A later wait for one of the promises reports the rejection.
    for (const awaited of [this.ready, this.record]) awaited.catch(() => {});
    createInterface({ input: this.child.stdout }).on("line", (line) => this.#onLine(JSON.parse(line)));
  }

  #onReady;
  #onRecord;

  #onLine(line) {
    if (line.ready) this.#onReady();
    else if (line.record) this.#onRecord(line.record);
    else this.#onAck(line);
  }

  #writeLine(command) {
    this.child.stdin.write(`${JSON.stringify(command)}\n`);
  }

  async send(next, onAck) {
    for (;;) {
      const batch = [];
      for (let message; batch.length < BATCH && (message = next()); ) batch.push(message);
      if (batch.length === 0) return;
      const unacked = new Map(batch.map((message) => [message.clientId, message]));
      const acknowledged = new Promise((resolve, reject) => {
        this.#onAck = ({ acked: id, duplicate }) => {
          onAck({ clientId: id }, { ok: true, duplicate });
          unacked.delete(id);
          if (unacked.size === 0) resolve();
        };
        this.record.catch(reject);
        this.#writeLine({ send: batch });
      });
      await waitFor(acknowledged, () => `${this.kind} ${this.sub}: ${[...unacked.keys()]} are not acknowledged`, BATCH * MAX_CHECKS);
    }
  }

  // Resolves when the client has joined its room and has caught up.
  caughtUp() {
    return waitFor(this.ready, () => `${this.kind} ${this.sub} has not caught up`);
  }

  async receivedEverything() {
    this.#writeLine({ finish: true });
    Object.assign(this, await waitFor(this.record, () => `${this.kind} ${this.sub} has not received everything`));
    this.known = new Set(this.received);
  }

  close() {
    this.child.stdin.end();
  }
}
