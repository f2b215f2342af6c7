// What a person listens with, and everything that it hears in order. How it connects is its client's business.

// What a player calls the spaces that it makes to know that nothing more will come. A transcript calls nothing so.
export const FENCE = "a fence of the player";

export class Device {
  heard = [];
  // Whether the transcript has closed it.
  left = false;
  #waiting = [];

  // Rooms of fences.
  ignored = new Set();
  #until = [];

  hear(what) {
    this.#until = this.#until.filter(({ wanted, resolve }) => !(wanted(what) && (resolve(), true)));
    // The fences' own doings are not the transcript's; those of a person's other device are heard as well.
    if (what.args?.[0]?.household?.name === FENCE || this.ignored.has(what.envelope?.room)) return;
    const waiting = this.#waiting.shift();
    if (waiting) waiting(what);
    else this.heard.push(what);
  }

  // Resolves when this is heard.
  until(wanted) {
    return new Promise((resolve) => this.#until.push({ wanted, resolve }));
  }

  // The next thing that is heard, or why nothing more will be.
  next() {
    if (this.heard.length > 0) return Promise.resolve(this.heard.shift());
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  // Resolves when it travels as it shall; a client that upgrades may be on its way until then.
  async arrived() {}
}
