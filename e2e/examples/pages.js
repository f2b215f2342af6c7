// Waits for what a page shows.

import { isDeepStrictEqual } from "node:util";
import { holds } from "../support/wait-until.js";

// Waits until `read` resolves with the expected value.
export function reaches(read, expected) {
  return holds(async () => {
    const value = await read();
    return isDeepStrictEqual(value, expected) ? null : `${JSON.stringify(value)} and not ${JSON.stringify(expected)}`;
  });
}
