// A TCP proxy in front of a server, which a test controls:
// - `silence()` holds all bytes, also those of new connections, until `restore()`: the network between both sides is interrupted, and neither side notices.
// - `refuse()` resets all connections, and each new one at once, until `restore()`.
// - `cut()` resets all connections once.
// - `cutInCommit()` resets a connection to PostgreSQL in place of the response that its transaction was committed: the outcome is unknown to the client.
// - `dropResponses = true` discards what the server sends.

import { once } from "node:events";
import { createServer } from "node:net";
import { Link, resetSocket } from "./link.js";
import { waitFor } from "./wait-for.js";

// PostgreSQL's message that a transaction was committed.
const COMMITTED = Buffer.from("C\0\0\0\x0bCOMMIT\0");

export class ControlledProxy {
  dropResponses = false;
  #links = new Set();
  #silent = false;
  #refusing = false;
  #onCommit = null;

  // Starts a proxy in front of a port of this machine, and ends it after the test.
  static async start(t, target) {
    const proxy = new ControlledProxy();
    proxy.target = target;
    proxy.listener = createServer({ noDelay: true }, (client) => proxy.#accept(client));
    proxy.listener.listen(0, "127.0.0.1");
    await once(proxy.listener, "listening");
    proxy.port = proxy.listener.address().port;
    [proxy.url, proxy.ws] = [`http://127.0.0.1:${proxy.port}`, `ws://127.0.0.1:${proxy.port}`];
    t.after(() => proxy.close());
    return proxy;
  }

  silence() {
    this.#silent = true;
    for (const link of this.#links) link.pause();
  }

  refuse() {
    this.#refusing = true;
    this.cut();
  }

  restore() {
    this.#silent = this.#refusing = false;
    for (const link of this.#links) link.resume();
  }

  cut() {
    for (const link of this.#links) link.reset();
  }

  // Resolves when a connection was reset in a commit.
  cutInCommit() {
    const cut = new Promise((resolve) => (this.#onCommit = resolve));
    return waitFor(cut, () => "no transaction was committed through the proxy");
  }

  close() {
    this.cut();
    this.listener.close();
  }

  #accept(client) {
    client.on("error", () => {});
    if (this.#refusing) return resetSocket(client);
    const link = new ControlledLink(this, client);
    this.#links.add(link);
    link.onClose = () => this.#links.delete(link);
    if (this.#silent) link.pause();
  }

  // Whether the connection is reset in place of this response.
  takesCommit(response) {
    if (this.#onCommit === null || !response.includes(COMMITTED)) return false;
    this.#onCommit();
    this.#onCommit = null;
    return true;
  }
}

class ControlledLink extends Link {
  constructor(proxy, client) {
    super(client, proxy.target);
    this.proxy = proxy;
  }

  forward(from, to, chunk) {
    const isResponse = from === this.server;
    if (isResponse && this.proxy.takesCommit(chunk)) this.reset();
    else if (!isResponse || !this.proxy.dropResponses) super.forward(from, to, chunk);
  }
}
