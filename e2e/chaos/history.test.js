// A chaos client that reads the history over REST stops when it is closed.

import assert from "node:assert/strict";
import { test } from "node:test";
import { freePort } from "../support/process.js";
import { waitFor } from "../support/wait-for.js";
import { history } from "./history.js";

test("a closed client gives up a request that has no response", async () => {
  const closing = new AbortController();
  const messages = history({ url: `http://127.0.0.1:${await freePort()}`, token: "", room: 1, closed: closing.signal });
  closing.abort();
  await assert.rejects(waitFor(messages, () => "the client still sends requests", 50), { name: "AbortError" });
});
