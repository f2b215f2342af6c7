// Waits for one promise or event. A test has no time limit of its own, so a wait gives up after a fixed number of checks.

import { once } from "node:events";

// The number of checks after which a wait fails. Only a fault needs so many, also on a slow machine.
export const MAX_CHECKS = 1200;
export const CHECK_INTERVAL_MS = 100;

// Resolves or rejects as the promise does. After `limit` checks of a pending promise it rejects with the text that `describe` returns: what the test
// waits for, and what has arrived instead. A wait that a failed test leaves behind fails silently and keeps no process alive.
export function waitFor(promise, describe, limit = MAX_CHECKS) {
  // The error is created here, so that its stack trace names the test that waits.
  const failure = new Error("gave up");
  let timer;
  const givenUp = new Promise((_, reject) => {
    let checks = 0;
    timer = setInterval(() => {
      checks += 1;
      if (checks < limit) return;
      failure.message = `after ${limit} checks: ${describe()}`;
      failure.stack = failure.stack.replace("gave up", () => failure.message);
      reject(failure);
    }, CHECK_INTERVAL_MS);
    timer.unref();
  });
  const outcome = Promise.race([promise, givenUp]).finally(() => clearInterval(timer));
  outcome.catch(() => {});
  return outcome;
}

// Resolves with the arguments of the emitter's next event of this name. Rejects as `waitFor` does, and when the emitter emits an error.
export const waitForEvent = (emitter, event, describe = () => `no event "${event}" has arrived`) => waitFor(once(emitter, event), describe);

// The last events of a list, as text for an error message.
export const lastEvents = (events) => (events.length === 0 ? "no event has arrived" : `the last of ${events.length} events are ${JSON.stringify(events.slice(-10)).slice(-2000)}`);
