// The events that one client receives, in order. Subclasses define how the client connects and sends.

import { lastEvents, waitFor } from "../../support/wait-for.js";

// An event that no contract has. When it arrives, no earlier event is still on its way.
export const BARRIER = "scenario barrier";

export class ScenarioClient {
  // The received events that no step has read yet: {event, args}, {envelope}, or {closed}.
  received = [];
  // Whether a step or the server has closed the connection.
  isClosed = false;
  #waiting = [];
  #barriers = [];

  record(item) {
    // The other clients of the same user receive the barrier as well, and do not wait for it.
    if (item.event === BARRIER || item.envelope?.type === BARRIER) return this.#barriers.shift()?.();
    const waiting = this.#waiting.shift();
    if (waiting) waiting(item);
    else this.received.push(item);
  }

  // Resolves when the next barrier arrives.
  barrier() {
    const barrier = new Promise((resolve) => this.#barriers.push(resolve));
    return waitFor(barrier, () => `the barrier has not arrived; ${lastEvents(this.received)}`);
  }

  // Resolves with the next item that the client receives.
  next() {
    if (this.received.length > 0) return Promise.resolve(this.received.shift());
    const next = new Promise((resolve) => this.#waiting.push(resolve));
    return waitFor(next, () => "no event has arrived");
  }

  // Resolves when the client uses its final transport. A client that upgrades begins with long-polling.
  async upgraded() {}
}
