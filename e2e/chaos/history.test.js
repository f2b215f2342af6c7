// The ledger's devices ask REST for what they have missed, and stop when they are closed.

import assert from "node:assert/strict";
import { test } from "node:test";
import { freePort } from "../support/process.js";
import { waitFor } from "../support/wait-for.js";
import { history } from "./history.js";

test("a device that is closed gives up a request that no server answers", async () => {
  const closing = new AbortController();
  const asked = history({ url: `http://127.0.0.1:${await freePort()}`, token: "", room: 1, closed: closing.signal });
  closing.abort();
  await assert.rejects(waitFor(asked, () => "the device still asks", 50), { name: "AbortError" });
});
