// A seeded random number generator (mulberry32): the same numbers in the same order for the same seed.

export class Rng {
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

  // An integer below `bound`.
  below(bound) {
    return Math.floor(this.next() * bound);
  }

  pick(choices) {
    return choices[this.below(choices.length)];
  }
}
