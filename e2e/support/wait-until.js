// Repeats a check until it succeeds. A test has no time limit of its own, so each function gives up after a number of attempts or by the server's clock.

import { setTimeout as pause } from "node:timers/promises";
import { metrics } from "./metrics.js";
import { CHECK_INTERVAL_MS, MAX_CHECKS } from "./wait-for.js";

// Repeats `check` until it resolves with null. Otherwise it resolves with a description of the current state. Fails with the last description when the
// server's own uptime has increased by this number of seconds. The server's clock is used because a slow machine slows the server down as well.
export async function waitUntilByServerClock(server, seconds, check) {
  const uptime = async () => (await metrics(server)).gauge("uptime_seconds");
  const startedAt = await uptime();
  for (;;) {
    const late = (await uptime()) - startedAt > seconds;
    const state = await check();
    if (state === null) return;
    if (late) throw new Error(`after ${seconds} seconds of the server's clock: ${state}`);
  }
}

// Calls `attempt` with 0, 1, 2, … until it resolves with a value other than null, and resolves with that value. Fails after `times` attempts.
export async function retry(times, attempt) {
  for (let count = 0; count < times; count++) {
    const result = await attempt(count);
    if (result !== null) return result;
  }
  throw new Error(`no result after ${times} attempts`);
}

// Repeats `check` until it resolves with null. Otherwise it resolves with a description of the current state. Fails with the last description after
// `MAX_CHECKS` checks.
export async function waitUntil(check) {
  let state;
  for (let checks = 0; checks < MAX_CHECKS; checks++) {
    state = await check();
    if (state === null) return;
    await pause(CHECK_INTERVAL_MS);
  }
  throw new Error(`after ${MAX_CHECKS} checks: ${state}`);
}
