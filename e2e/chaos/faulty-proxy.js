// A faulty network: a TCP proxy that cuts, half-cuts, stalls, and throttles connections at random bytes. A seeded generator chooses the faults.

import { once } from "node:events";
import { createServer } from "node:net";
import { Link, resetSocket } from "../support/link.js";

// The faults of a connection, each as often as it is chosen. A cut resets both sides. A half cut resets one side only. The other side stays open and
// silent until its owner closes it.
const FAULTS = ["cut", "cut", "cut", "cut", "server only", "client only", "stall", "throttle"];
const CUTS = ["cut", "server only", "client only"];

// The maximum number of bytes that pass before a scheduled fault happens.
const MAX_BYTES_BEFORE_FAULT = 3000;

const STALL_MS = 1500;
const THROTTLE = { bytes: 60, intervalMs: 5, chunks: 100 };

export class FaultyProxy {
  // How often each fault has happened.
  happened = Object.fromEntries(FAULTS.map((fault) => [fault, 0]));
  #links = new Set();
  #stopped = false;

  constructor(rng) {
    this.rng = rng;
    this.listener = createServer({ noDelay: true }, (client) => this.#accept(client));
  }

  async listen() {
    this.listener.listen(0, "127.0.0.1");
    await once(this.listener, "listening");
    this.url = `http://127.0.0.1:${this.listener.address().port}`;
    return this;
  }

  // Sets the port of the server.
  forwardTo(port) {
    this.port = port;
  }

  // The number of cuts that have happened.
  get cuts() {
    return CUTS.reduce((sum, fault) => sum + this.happened[fault], 0);
  }

  // The number of cuts that are scheduled and have not happened yet.
  get scheduledCuts() {
    return [...this.#links].filter(({ fault }) => CUTS.includes(fault)).length;
  }

  // Schedules a fault for a connection. Returns false if every connection has one already.
  scheduleFault() {
    const free = [...this.#links].filter((link) => !link.fault && !link.silent);
    if (free.length === 0 || this.#stopped) return false;
    this.rng.pick(free).schedule(this.rng.pick(FAULTS), this.rng.below(MAX_BYTES_BEFORE_FAULT));
    return true;
  }

  // Cancels all scheduled faults. No further fault happens.
  stopFaults() {
    this.#stopped = true;
    for (const link of this.#links) link.fault = null;
  }

  close() {
    for (const link of this.#links) link.reset();
    this.listener.close();
  }

  #accept(client) {
    const link = new FaultyLink(client, this.port, (fault) => (this.happened[fault] += 1));
    this.#links.add(link);
    link.onClose = () => this.#links.delete(link);
  }
}

// One connection through the proxy. A half cut makes it silent.
class FaultyLink extends Link {
  fault = null;
  bytesLeft = 0;
  #throttledChunks = 0;

  constructor(client, port, onFault) {
    super(client, port);
    this.onFault = onFault;
  }

  // Schedules a fault after this number of bytes.
  schedule(fault, bytes) {
    [this.fault, this.bytesLeft] = [fault, bytes];
  }

  forward(from, to, chunk) {
    if (this.silent) return;
    if (this.fault && this.bytesLeft <= chunk.length) {
      const fault = this.fault;
      this.fault = null;
      const [before, after] = [chunk.subarray(0, this.bytesLeft), chunk.subarray(this.bytesLeft)];
      from.pause();
      // The fault waits until the kernel has the last bytes, so that they arrive.
      return void to.write(before, () => this.#inject(fault, from, after));
    }
    this.bytesLeft -= chunk.length;
    if (this.#throttledChunks > 0) this.#forwardSlowly(from, to, chunk);
    else if (this.isPaused) from.unshift(chunk);
    else super.forward(from, to, chunk);
  }

  #inject(fault, from, after) {
    if (!this.isOpen) return;
    this.onFault(fault);
    if (fault === "cut") return this.reset();
    if (fault === "server only" || fault === "client only") {
      this.silent = true;
      const [cutSide, openSide] = fault === "server only" ? [this.server, this.client] : [this.client, this.server];
      openSide.resume();
      return resetSocket(cutSide);
    }
    if (fault === "throttle") this.#throttledChunks = THROTTLE.chunks;
    if (fault === "stall") this.pause();
    const resume = () => {
      if (after.length > 0) from.unshift(after);
      this.resume();
    };
    setTimeout(resume, fault === "stall" ? STALL_MS : 0);
  }

  // Forwards a few bytes at a time.
  #forwardSlowly(from, to, chunk) {
    this.#throttledChunks -= 1;
    from.pause();
    to.write(chunk.subarray(0, THROTTLE.bytes));
    if (chunk.length > THROTTLE.bytes) from.unshift(chunk.subarray(THROTTLE.bytes));
    setTimeout(() => from.resume(), THROTTLE.intervalMs);
  }
}
