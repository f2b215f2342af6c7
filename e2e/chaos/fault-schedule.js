// The faults of the servers in a chaos run: each kind at even distances of acknowledged messages, one fault after the other.

// The number of due faults that may wait. Beyond it the clients wait, too, so that all faults happen before the last message.
const MAX_WAITING = 1;

export class FaultSchedule {
  // How often each kind has happened.
  happened = {};
  #kinds;
  #queue = [];
  #running = null;

  // `kinds` has for each kind of fault {count, run}: how often it happens, and a function that resolves when the fault is over. `messages` is the number of
  // messages of the run.
  constructor(messages, kinds) {
    this.#kinds = Object.entries(kinds).map(([name, kind]) => ({ name, ...kind, begun: 0 }));
    for (const { name } of this.#kinds) this.happened[name] = 0;
    this.messages = messages;
  }

  // Begins the faults that are due at this number of acknowledged messages. Resolves when the next message may be sent.
  async acknowledged(acked) {
    for (const kind of this.#kinds) {
      for (; kind.begun < kind.count && acked >= Math.floor(((kind.begun + 1) * this.messages) / (kind.count + 1)); kind.begun++) this.#queue.push(kind);
    }
    this.#running ??= this.#run().finally(() => (this.#running = null));
    if (this.#queue.length > MAX_WAITING) await this.#running;
  }

  async #run() {
    for (let kind = this.#queue.shift(); kind; kind = this.#queue.shift()) {
      await kind.run(this.happened[kind.name]++);
    }
  }

  // Resolves when no fault is running. Rejects if one has failed.
  async ended() {
    await this.#running;
  }
}
