// What a person listens with, and everything that it hears in order. How it connects is its client's business.

import { lastEvents, waitFor } from "../../support/wait-for.js";

// The event by which a player knows that nothing earlier will come. No contract has it.
export const FENCE = "a fence of the player";

export class Device {
  received = [];
  // Whether the transcript has closed it.
  left = false;
  #waiting = [];

  #fences = [];

  hear(what) {
    // A person's other devices hear it as well, and nobody waits.
    if (what.event === FENCE || what.envelope?.type === FENCE) return this.#fences.shift()?.();
    const waiting = this.#waiting.shift();
    if (waiting) waiting(what);
    else this.received.push(what);
  }

  // Resolves when the next fence arrives.
  fence() {
    const fence = new Promise((resolve) => this.#fences.push(resolve));
    return waitFor(fence, () => `the fence has not arrived; ${lastEvents(this.received)}`);
  }

  // The next thing that is heard, or why nothing more will be.
  next() {
    if (this.received.length > 0) return Promise.resolve(this.received.shift());
    const next = new Promise((resolve) => this.#waiting.push(resolve));
    return waitFor(next, () => "no event has arrived");
  }

  // Resolves when it transports as it shall; a client that upgrades may be on its way until then.
  async arrived() {}
}
