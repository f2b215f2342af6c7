// What would be waited for without end fails, with what was seen.

import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import { test } from "node:test";
import { settles, upTo } from "./wait-until.js";

test("what never settles fails when the server's own clock has gone on for so long", async (t) => {
  let seconds = 0;
  const server = createServer((_, answer) => answer.end(`roomcast_uptime_seconds ${seconds++}\n`));
  server.listen(0, "127.0.0.1");
  t.after(() => server.close());
  await once(server, "listening");
  const here = { url: `http://127.0.0.1:${server.address().port}` };
  let looks = 0;
  await assert.rejects(settles(here, 5, async () => `${++looks} rooms`), { message: "after 5 seconds of the server's: 6 rooms" });
  await settles(here, 5, async () => (++looks < 9 ? "not yet" : null));
});

test("what never comes fails after so many steps", async () => {
  assert.equal(await upTo(3, async (step) => (step === 2 ? "here" : null)), "here");
  await assert.rejects(upTo(3, async () => null), { message: "3 times, and nothing has come of it" });
});
