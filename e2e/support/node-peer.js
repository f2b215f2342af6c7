// Starts `socketio-adapter/node-server.js`: a socket.io server with the real Redis adapter, an emitter and stock clients.

import { spawn } from "node:child_process";
import path from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { waitFor } from "./wait-for.js";

const FILE = path.join(path.dirname(fileURLToPath(import.meta.url)), "../socketio-adapter/node-server.js");

// Starts the server, and ends it after the test. Requests to other servers wait for `timeout` milliseconds.
export async function startNodePeer(t, redisUrl, { prefix = "socket.io", timeout = 60_000 } = {}) {
  const child = spawn(process.execPath, [FILE, redisUrl, prefix, String(timeout)], { stdio: ["pipe", "pipe", "inherit"] });
  t.after(() => child.kill("SIGKILL"));
  const peer = new NodePeer(child);
  await peer.ready;
  return peer;
}

class NodePeer {
  #child;
  #waiting = new Map();
  #last = 0;

  constructor(child) {
    this.#child = child;
    const ready = new Promise((resolve) => {
      createInterface({ input: child.stdout }).on("line", (line) => {
        const { id, ...outcome } = JSON.parse(line);
        if (outcome.ready) return resolve();
        this.#waiting.get(id)(outcome);
        this.#waiting.delete(id);
      });
    });
    this.ready = waitFor(ready, () => "the socket.io server has not started");
  }

  // Runs the body of an async function in the server, and resolves with its result, or rejects with its error. The function has the variables of
  // the file, such as `io`, `emitter` and `clients`.
  async run(code) {
    const id = ++this.#last;
    const outcome = new Promise((resolve) => this.#waiting.set(id, resolve));
    this.#child.stdin.write(`${JSON.stringify({ id, code })}\n`);
    const { result, error, responses } = await waitFor(outcome, () => `no result of: ${code}`);
    if (error !== undefined) throw Object.assign(new Error(error), { responses });
    return result;
  }
}
