// A TCP proxy between two servers of a cluster, which a test controls:
// - `silence()` holds all bytes, also those of new connections, until `restore()`: the network between both sides is interrupted.
// - `refuse()` resets all connections, and each new one at once, until `restore()`.
// - `cut()` resets all connections once.
// - `cutInCommit()` resets a connection to PostgreSQL in place of the response that its transaction was committed: the outcome is unknown to the client.
// - `delayMs` delays the bytes of each direction.

import { once } from "node:events";
import { connect, createServer } from "node:net";
import { waitFor } from "./wait-for.js";

// PostgreSQL's message that a transaction was committed.
const COMMITTED = Buffer.from("C\0\0\0\x0bCOMMIT\0");

export class ControlledProxy {
  delayMs = 0;
  // The number of connections that were cut.
  cuts = 0;
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
    t.after(() => proxy.close());
    return proxy;
  }

  // The number of open connections.
  get connections() {
    return this.#links.size;
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
    for (const link of this.#links) {
      this.cuts += 1;
      link.reset();
    }
  }

  // Resolves when a connection was reset in a commit.
  cutInCommit() {
    const cut = new Promise((resolve) => (this.#onCommit = resolve));
    return waitFor(cut, () => "no transaction was committed through the proxy");
  }

  close() {
    for (const link of this.#links) link.reset();
    this.listener.close();
  }

  #accept(client) {
    client.on("error", () => {});
    if (this.#refusing) return resetSocket(client);
    const link = new Link(this, client);
    this.#links.add(link);
    link.onClose = () => this.#links.delete(link);
    if (this.#silent) link.pause();
  }

  // Whether the connection is reset in place of this response.
  takesCommit(response) {
    if (this.#onCommit === null || !response.includes(COMMITTED)) return false;
    this.cuts += 1;
    this.#onCommit();
    this.#onCommit = null;
    return true;
  }
}

// Resets a connection. Node never closes a socket that is reset while it is connecting or ending, and the process would not exit.
function resetSocket(socket) {
  if (socket.readyState === "open" && !socket.writableEnded) socket.resetAndDestroy();
  else socket.destroy();
}

// One connection through the proxy.
class Link {
  #open = true;
  #paused = false;

  constructor(proxy, client) {
    this.client = client;
    this.server = connect({ port: proxy.target, host: "127.0.0.1", noDelay: true });
    this.#forward(proxy, client, this.server);
    this.#forward(proxy, this.server, client);
  }

  #forward(proxy, from, to) {
    from.on("data", (chunk) => {
      if (from === this.server && proxy.takesCommit(chunk)) this.reset();
      else if (proxy.delayMs > 0) setTimeout(() => this.#write(from, to, chunk), proxy.delayMs);
      else this.#write(from, to, chunk);
    });
    from.on("error", () => {});
    from.on("close", () => {
      to.destroy();
      if (this.#open) this.onClose();
      this.#open = false;
    });
  }

  #write(from, to, chunk) {
    if (to.write(chunk)) return;
    from.pause();
    to.once("drain", () => this.#paused || from.resume());
  }

  pause() {
    this.#paused = true;
    this.client.pause();
    this.server.pause();
  }

  resume() {
    this.#paused = false;
    this.client.resume();
    this.server.resume();
  }

  reset() {
    resetSocket(this.client);
    resetSocket(this.server);
  }
}
