// A seeded source of chance (mulberry32): the same decisions in the same order every time.

export class Dice {
  constructor(seed) {
    this.state = seed >>> 0;
  }

  // A number from 0 up to, but not including, 1.
  next() {
    this.state = (this.state + 0x6d2b79f5) >>> 0;
    let mixed = this.state;
    mixed = Math.imul(mixed ^ (mixed >>> 15), mixed | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  }

  // A whole number below `bound`.
  below(bound) {
    return Math.floor(this.next() * bound);
  }

  of(choices) {
    return choices[this.below(choices.length)];
  }
}
