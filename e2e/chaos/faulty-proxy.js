// A bad network: a TCP proxy that cuts, halves, stalls and throttles connections at random bytes. What it does is decided by a seed.

import { once } from "node:events";
import { connect, createServer } from "node:net";

// What may happen to a connection, as often as it stands here. A cut resets both sides. A half cut resets one, and the other is not told: it stays
// open, and silent, until its owner gives up.
const FAULTS = ["cut", "cut", "cut", "cut", "server only", "client only", "stall", "throttle"];
const CUTS = ["cut", "server only", "client only"];

// Until a connection meets its fault, up to so many more bytes pass.
const BYTES = 3000;

const STALL = 1500;
const THROTTLE = { bytes: 60, every: 5, pieces: 100 };

export class Proxy {
  // How often each fault has happened.
  happened = Object.fromEntries(FAULTS.map((fault) => [fault, 0]));
  #links = new Set();
  #calm = false;

  constructor(dice) {
    this.dice = dice;
    this.server = createServer((client) => this.#accept(client));
  }

  async listen() {
    this.server.listen(0, "127.0.0.1");
    await once(this.server, "listening");
    this.url = `http://127.0.0.1:${this.server.address().port}`;
    return this;
  }

  // Where the server is at this moment.
  leadTo(port) {
    this.port = port;
  }

  get cuts() {
    return CUTS.reduce((sum, fault) => sum + this.happened[fault], 0);
  }

  // Cuts that are ordered and have still to happen.
  get comingCuts() {
    return [...this.#links].filter(({ fault }) => CUTS.includes(fault)).length;
  }

  // Something shall happen to some connection, soon. False if there is none to which nothing happens yet.
  strike() {
    const free = [...this.#links].filter((link) => !link.fault && !link.silent);
    if (free.length === 0 || this.#calm) return false;
    this.dice.of(free).meet(this.dice.of(FAULTS), this.dice.below(BYTES));
    return true;
  }

  // From now on nothing happens any more.
  calm() {
    this.#calm = true;
    for (const link of this.#links) link.fault = null;
  }

  close() {
    for (const link of this.#links) link.drop();
    this.server.close();
  }

  #accept(client) {
    const link = new Link(client, connect(this.port, "127.0.0.1"), (fault) => (this.happened[fault] += 1));
    this.#links.add(link);
    link.over = () => this.#links.delete(link);
  }
}

// One connection through the proxy.
class Link {
  fault = null;
  left = 0;
  #slow = 0;
  #held = false;

  constructor(client, server, happened) {
    Object.assign(this, { client, server, happened });
    this.open = 2;
    for (const [from, to] of [
      [client, server],
      [server, client],
    ]) {
      from.setNoDelay(true);
      from.on("data", (chunk) => this.#pass(from, to, chunk));
      from.on("end", () => to.end());
      from.on("error", () => {});
      from.on("close", () => this.#closed(to));
    }
  }

  meet(fault, bytes) {
    [this.fault, this.left] = [fault, bytes];
  }

  drop() {
    this.client.resetAndDestroy();
    this.server.resetAndDestroy();
  }

  #closed(other) {
    if (--this.open === 0) return this.over();
    if (!this.silent) other.destroy();
  }

  #pass(from, to, chunk) {
    if (this.silent) return;
    if (this.fault && this.left <= chunk.length) {
      const fault = this.fault;
      this.fault = null;
      const [before, after] = [chunk.subarray(0, this.left), chunk.subarray(this.left)];
      from.pause();
      // The last bytes are to arrive, so the end waits until the kernel has them.
      return void to.write(before, () => this.#suffer(fault, from, to, after));
    }
    this.left -= chunk.length;
    if (this.#slow > 0) return this.#drip(from, to, chunk);
    if (this.#held || !to.write(chunk)) this.#wait(from, to, this.#held ? chunk : null);
  }

  #wait(from, to, chunk) {
    from.pause();
    if (chunk) from.unshift(chunk);
    else to.once("drain", () => from.resume());
  }

  #suffer(fault, from, to, after) {
    if (this.open < 2) return;
    this.happened(fault);
    if (fault === "cut") return this.drop();
    if (fault === "server only" || fault === "client only") {
      this.silent = true;
      const [gone, kept] = fault === "server only" ? [this.server, this.client] : [this.client, this.server];
      kept.resume();
      return void gone.resetAndDestroy();
    }
    if (fault === "throttle") this.#slow = THROTTLE.pieces;
    if (fault === "stall") {
      this.#held = true;
      for (const side of [this.client, this.server]) side.pause();
    }
    const goOn = () => {
      this.#held = false;
      if (after.length > 0) from.unshift(after);
      for (const side of [this.client, this.server]) side.resume();
    };
    setTimeout(goOn, fault === "stall" ? STALL : 0);
  }

  // A few bytes at a time.
  #drip(from, to, chunk) {
    this.#slow -= 1;
    from.pause();
    to.write(chunk.subarray(0, THROTTLE.bytes));
    if (chunk.length > THROTTLE.bytes) from.unshift(chunk.subarray(THROTTLE.bytes));
    setTimeout(() => from.resume(), THROTTLE.every);
  }
}
