// Plays every scenario with the stock clients against the complete server. player/client-matrix.js has the clients and their variants.

import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { after, describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { CONTRACTS } from "../support/contracts.js";
import { startServer } from "../support/server.js";
import { CLIENTS, supportsStep, unsupportedReason, variantsFor } from "./player/client-matrix.js";
import { stopPython } from "./player/python-client.js";
import { play } from "./player/runner.js";

const folder = path.dirname(fileURLToPath(import.meta.url));

const SCENARIOS = Object.keys(CONTRACTS).flatMap((contract) =>
  readdirSync(path.join(folder, contract))
    .filter((name) => name.endsWith(".json"))
    .map((name) => ({ contract, file: `${contract}/${name}`, ...JSON.parse(readFileSync(path.join(folder, contract, name), "utf8")) })),
);

after(stopPython);

for (const [contract, { namespace: ownNamespace }] of Object.entries(CONTRACTS)) {
  describe(contract, () => {
    for (const scenario of SCENARIOS.filter((scenario) => scenario.contract === contract)) {
      const steps = JSON.stringify(scenario.steps);
      const usesSocketIo = steps.includes('"connect":"socketio"');
      // The trip contract greets every socket in `/`. The greeting is a step only in the scenarios that contain it.
      const greeting = steps.includes('"event":"connected"') ? [] : ["connected"];
      const ignores = [...greeting, ...(scenario.ignores ?? [])];
      for (const variant of usesSocketIo ? variantsFor(ownNamespace) : [null]) {
        const title = variant ? `${scenario.title} (${variant.name}, ${variant.transport}, ${variant.namespace})` : scenario.title;
        test(title, { skip: variant ? unsupportedReason(variant, scenario.file) : false }, async () => {
          const server = await startServer({ ...variant?.client.settings, ...scenario.settings });
          try {
            await play(scenario, server, { ...variant, ignores });
          } finally {
            await server.stop();
          }
        });
      }
    }
  });
}

test("each unsupported step and scenario of a client exists in the scenarios", () => {
  for (const [name, { unsupported }] of Object.entries(CLIENTS)) {
    for (const gap of unsupported) {
      const needed = SCENARIOS.some(({ file, steps }) => file === gap.scenario || steps.some((step) => !supportsStep({ unsupported: [gap] }, step)));
      assert.ok(needed, `${name}: ${JSON.stringify(gap)}`);
    }
  }
});
