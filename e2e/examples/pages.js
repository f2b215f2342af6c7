// Waits for the content of a page.

import { isDeepStrictEqual } from "node:util";
import { waitUntil } from "../support/wait-until.js";

// Waits until `read` resolves with the expected value.
export function waitForValue(read, expected) {
  return waitUntil(async () => {
    const value = await read();
    return isDeepStrictEqual(value, expected) ? null : `the value is ${JSON.stringify(value)} and not ${JSON.stringify(expected)}`;
  });
}
