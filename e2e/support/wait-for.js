// Waits for one event that a fault may keep from arriving: no test has a time limit of its own, and yet none hangs on such a fault.

import { once } from "node:events";

// The number of looks, `APART` milliseconds apart, after which a wait fails: only a fault takes as many.
export const LOOKS = 1200;
export const APART = 100;

// Resolves or rejects as the promise does. After `limit` looks at a pending promise it rejects with the text that `seen` returns: what the test waits
// for, and what has arrived instead. A test that has failed may leave a wait behind, which then fails silently and keeps no process alive.
export function arrives(promise, seen, limit = LOOKS) {
  // Made here, so that its stack names the test that waits.
  const failure = new Error("gave up");
  let timer;
  const givenUp = new Promise((_, reject) => {
    let looks = 0;
    timer = setInterval(() => {
      looks += 1;
      if (looks < limit) return;
      failure.message = `after ${limit} looks: ${seen()}`;
      failure.stack = failure.stack.replace("gave up", () => failure.message);
      reject(failure);
    }, APART);
    timer.unref();
  });
  const outcome = Promise.race([promise, givenUp]).finally(() => clearInterval(timer));
  outcome.catch(() => {});
  return outcome;
}

// Resolves with the arguments of an emitter's next such event. Rejects as `arrives` does, and when the emitter emits an error.
export const emitted = (emitter, event, seen = () => `no event "${event}" has arrived`) => arrives(once(emitter, event), seen);

// The last events of a list, as text for a failure.
export const lately = (heard) => (heard.length === 0 ? "nothing has arrived" : `the last of ${heard.length} events are ${JSON.stringify(heard.slice(-10)).slice(-2000)}`);
