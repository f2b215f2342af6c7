// A device of the ledger in a process of Python's; see `client.py`. To the run it looks as those of JavaScript do.

import { spawn } from "node:child_process";
import path from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { MAX_CHECKS, waitFor } from "../support/wait-for.js";

const here = path.dirname(fileURLToPath(import.meta.url));
const python = path.resolve(here, "../python/.venv/bin/python");

// How many messages it is given at a time.
const HAND = 10;

export class PythonDevice {
  // Python's client knows nothing of recovery.
  recovered = 0;
  recovers = false;
  #acked = () => {};

  constructor(url, { sub, token, room, transports, transport }, program = python) {
    Object.assign(this, { url, sub, token, room, transport });
    this.child = spawn(program, ["-I", path.join(here, "client.py"), url, String(sub), token, String(room), transports.join(",")], { stdio: ["pipe", "pipe", "inherit"] });
    this.child.stdin.on("error", () => {});
    const ended = new Promise((_, reject) => {
      this.child.once("error", reject);
      this.child.once("exit", (code, signal) => reject(new Error(`${transport} ${sub} ended with ${code ?? signal}`)));
    });
    this.ready = Promise.race([new Promise((resolve) => (this.#onReady = resolve)), ended]);
    this.book = Promise.race([new Promise((resolve) => (this.#onBook = resolve)), ended]);
    // Whoever waits for one of them later is told.
    for (const awaited of [this.ready, this.book]) awaited.catch(() => {});
    createInterface({ input: this.child.stdout }).on("line", (line) => this.#told(JSON.parse(line)));
  }

  #onReady;
  #onBook;

  #told(line) {
    if (line.ready) this.#onReady();
    else if (line.book) this.#onBook(line.book);
    else this.#acked(line);
  }

  #say(what) {
    this.child.stdin.write(`${JSON.stringify(what)}\n`);
  }

  async send(next, acked) {
    for (;;) {
      const hand = [];
      for (let message; hand.length < HAND && (message = next()); ) hand.push(message);
      if (hand.length === 0) return;
      const open = new Map(hand.map((message) => [message.clientId, message]));
      const confirmed = new Promise((resolve, reject) => {
        this.#acked = ({ acked: id, duplicate }) => {
          acked({ clientId: id }, { ok: true, duplicate });
          open.delete(id);
          if (open.size === 0) resolve();
        };
        this.book.catch(reject);
        this.#say({ send: hand });
      });
      await waitFor(confirmed, () => `${this.transport} ${this.sub}: ${[...open.keys()]} are not acknowledged`, HAND * MAX_CHECKS);
    }
  }

  // Resolves when it has joined its room, and has caught up.
  isReady() {
    return waitFor(this.ready, () => `${this.transport} ${this.sub} has not caught up`);
  }

  async hasHeardAll() {
    this.#say({ finish: true });
    Object.assign(this, await waitFor(this.book, () => `${this.transport} ${this.sub} has not heard all`));
    this.known = new Set(this.received);
  }

  close() {
    this.child.stdin.end();
  }
}
