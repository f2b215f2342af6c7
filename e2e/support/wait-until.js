// Waiting for what may never come: no test has a time limit of its own, and yet none must hang on a fault that it looks for.

import { setTimeout as pause } from "node:timers/promises";
import { APART, LOOKS } from "./wait-for.js";
import { metrics } from "./metrics.js";

// Looks until there is nothing to be seen any more: `look` resolves with null, or with what it sees. Gives up, and fails with that, when the server's
// own clock has gone on by so many seconds: a machine that is slow is slow for both.
export async function settles(server, seconds, look) {
  const uptime = async () => (await metrics(server)).gauge("uptime_seconds");
  const begun = await uptime();
  for (;;) {
    const late = (await uptime()) - begun > seconds;
    const seen = await look();
    if (seen === null) return;
    if (late) throw new Error(`after ${seconds} seconds of the server's: ${seen}`);
  }
}

// What a step comes to that is taken again and again until it comes to something. Fails when that takes more than so many of them.
export async function upTo(times, step) {
  for (let taken = 0; taken < times; taken++) {
    const found = await step(taken);
    if (found !== null) return found;
  }
  throw new Error(`${times} times, and nothing has come of it`);
}

// Looks again and again until the condition holds: `look` resolves with null if it does, and with what it sees otherwise. Fails with what the last of
// `LOOKS` looks has seen.
export async function holds(look) {
  let seen;
  for (let looks = 0; looks < LOOKS; looks++) {
    seen = await look();
    if (seen === null) return;
    await pause(APART);
  }
  throw new Error(`after ${LOOKS} looks: ${seen}`);
}
