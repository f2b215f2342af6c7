// A wait for a state that the server never reaches fails with a description of the last state.

import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import { test } from "node:test";
import { retry, waitUntilByServerClock } from "./wait-until.js";

test("a check that never succeeds fails after the given seconds of the server's clock", async (t) => {
  let seconds = 0;
  const server = createServer((_, response) => response.end(`roomcast_uptime_seconds ${seconds++}\n`));
  server.listen(0, "127.0.0.1");
  t.after(() => server.close());
  await once(server, "listening");
  const target = { url: `http://127.0.0.1:${server.address().port}` };
  let checks = 0;
  await assert.rejects(waitUntilByServerClock(target, 5, async () => `${++checks} rooms`), { message: "after 5 seconds of the server's clock: 6 rooms" });
  await waitUntilByServerClock(target, 5, async () => (++checks < 9 ? "not yet" : null));
});

test("an attempt that never has a result fails after the given number of attempts", async () => {
  assert.equal(await retry(3, async (attempt) => (attempt === 2 ? "found" : null)), "found");
  await assert.rejects(retry(3, async () => null), { message: "no result after 3 attempts" });
});
