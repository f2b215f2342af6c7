// What was confirmed is on disk and reaches everybody who may see it, once and in one order, whatever the network and the machine do. A short run;
// `cargo xtask ledger --long` is the long one.

import assert from "node:assert/strict";
import { test } from "node:test";
import { PythonDevice } from "./python.js";
import { run } from "./run.js";

const SHORT = { seed: 1, messages: 2000, kills: 3, cuts: 60 };

test("nothing that was confirmed is lost, doubled, reordered or told to strangers, through cuts and kills", async (t) => {
  const outcome = await run(SHORT);
  t.diagnostic(JSON.stringify(outcome));
  assert.deepEqual(outcome.wrong, []);
  assert.equal(outcome.acked, SHORT.messages);
  assert.equal(outcome.kills, SHORT.kills);
  assert.ok(outcome.cuts >= SHORT.cuts, `${outcome.cuts} cuts`);
  assert.ok(outcome.figures.recovered > 0, "nobody came back as who they were");
});

test("a Python that ends at once is noticed", async () => {
  const device = new PythonDevice("http://127.0.0.1:1", { sub: 1, token: "", room: 1, transports: ["websocket"], travel: "python" }, "false");
  await assert.rejects(device.ready, /python 1 ended with 1/);
  await assert.rejects(device.hasHeardAll(), /python 1 ended with 1/);
  const missing = new PythonDevice("http://127.0.0.1:1", { sub: 2, token: "", room: 1, transports: ["websocket"], travel: "python" }, "/nowhere/python");
  await assert.rejects(missing.ready, /ENOENT/);
});
