// The alert rules and the dashboard: promtool accepts every expression, and the server has each metric that they name.

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { parse } from "yaml";
import { waitFor } from "../support/wait-for.js";

const packaging = fileURLToPath(new URL("../../packaging/", import.meta.url));
const rules = path.join(packaging, "prometheus/roomcast.rules.yaml");

// A metric without a labelled sample is not on the page /metrics of a new server, so the list of all metrics comes from the reference page. `cargo xtask test`
// compares it with the code.
const reference = fileURLToPath(new URL("../../docs/reference/metrics.md", import.meta.url));

// Runs promtool. Rejects with what it prints about an error.
const promtool = (...args) => waitFor(promisify(execFile)("promtool", args), () => `promtool ${args.join(" ")} is still running`);

async function alerts() {
  const { groups } = parse(await readFile(rules, "utf8"));
  return groups.flatMap((group) => group.rules);
}

// The expressions of the dashboard, as Grafana sends them.
async function dashboardExpressions() {
  const { panels } = JSON.parse(await readFile(path.join(packaging, "grafana/roomcast.json"), "utf8"));
  const expressions = panels.flatMap((panel) => panel.targets ?? []).map((target) => target.expr);
  return expressions.map((expr) => expr.replaceAll("$__rate_interval", "1m").replaceAll("$instance", ".*").replaceAll("$job", "roomcast"));
}

// The names of the samples of a metric.
const SAMPLES = {
  counter: (name) => [name],
  gauge: (name) => [name],
  histogram: (name) => [`${name}_bucket`, `${name}_sum`, `${name}_count`],
};

test("promtool accepts the alert rules", async () => {
  const { stdout } = await promtool("check", "rules", "--lint-fatal", rules);
  assert.match(stdout, new RegExp(`SUCCESS: ${(await alerts()).length} rules found`));
});

test("promtool accepts every expression of the dashboard", async (t) => {
  const folder = await mkdtemp(path.join(tmpdir(), "roomcast-dashboard-"));
  t.after(() => rm(folder, { recursive: true, force: true }));
  const expressions = await dashboardExpressions();
  assert.ok(expressions.length > 20, `${expressions.length} expressions`);
  const file = path.join(folder, "rules.yaml");
  const check = (list) =>
    writeFile(file, JSON.stringify({ groups: [{ name: "dashboard", rules: list.map((expr, index) => ({ record: `panel:${index}`, expr })) }] })).then(() =>
      promtool("check", "rules", file),
    );
  await check(expressions);
  await assert.rejects(check(["sum by (le) (rate(roomcast_connections[1m])"]), /parse error/);
});

test("each metric of the rules and of the dashboard exists", async () => {
  const page = await readFile(reference, "utf8");
  const exists = new Set([...page.matchAll(/^\| `(\w+)` \| (\w+) \|/gm)].flatMap(([, name, type]) => SAMPLES[type](name)));
  assert.ok(exists.size > 20, page);
  const expressions = [...(await alerts()).map((alert) => alert.expr), ...(await dashboardExpressions())];
  const named = new Set(expressions.flatMap((expr) => expr.match(/\broomcast_\w+/g) ?? []));
  assert.ok(named.size > 20, [...named].join());
  assert.deepEqual([...named].filter((name) => !exists.has(name)), []);
});

test("each alert says what happened and what to do", async () => {
  for (const { alert, labels, annotations } of await alerts()) {
    assert.match(labels.severity, /^(critical|warning)$/, alert);
    assert.ok(annotations.summary && annotations.action, alert);
  }
});
