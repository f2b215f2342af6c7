// The page about metrics lists every metric of the server with its type.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";
import { get } from "../support/http.js";
import { sharedServer } from "../support/server.js";

const server = sharedServer({ METRICS: "open" });

// The page lists these metrics by their suffixes, because each suffix has two prefixes.
const SUFFIXES = /^roomcast_(?:all_)?facts_(\w+)$/;

test("the documentation has a row for each metric", async () => {
  const page = await readFile(new URL("../../docs/operations/health-and-metrics.md", import.meta.url), "utf8");
  const { text } = await get(`${server.url}/metrics`);
  const metrics = [...text.matchAll(/^# TYPE (\w+) (\w+)$/gm)];
  assert.ok(metrics.length > 20, text);
  const missing = metrics.filter(([, name, type]) => {
    const suffix = name.match(SUFFIXES)?.[1];
    const row = suffix ? `| \`${suffix}\` |` : `| \`${name}${type === "counter" ? "_total" : ""}\` | ${type} |`;
    return !page.includes(row);
  });
  assert.deepEqual(missing.map(([line]) => line), []);
});
