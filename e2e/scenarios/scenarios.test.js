// Every transcript, played with the stock clients against the whole server. Who plays which and how is in player/client-matrix.js.

import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { after, describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { CONTRACTS } from "../support/contracts.js";
import { startServer } from "../support/server.js";
import { canExpress, CLIENTS, waysThrough, whyNot } from "./player/client-matrix.js";
import { endPython } from "./player/python-client.js";
import { play } from "./player/runner.js";

const folder = path.dirname(fileURLToPath(import.meta.url));

const TRANSCRIPTS = Object.keys(CONTRACTS).flatMap((contract) =>
  readdirSync(path.join(folder, contract))
    .filter((name) => name.endsWith(".json"))
    .map((name) => ({ contract, file: `${contract}/${name}`, ...JSON.parse(readFileSync(path.join(folder, contract, name), "utf8")) })),
);

after(endPython);

for (const [contract, { namespace: alone }] of Object.entries(CONTRACTS)) {
  describe(contract, () => {
    for (const transcript of TRANSCRIPTS.filter((transcript) => transcript.contract === contract)) {
      const steps = JSON.stringify(transcript.steps);
      const connects = steps.includes('"connect":"socketio"');
      const greets = steps.includes('"event":"connected"');
      for (const way of connects ? waysThrough(alone) : [null]) {
        const title = way ? `${transcript.title} (${way.name}, ${way.transport}, ${way.namespace})` : transcript.title;
        test(title, { skip: way ? whyNot(way, transcript.file) : false }, async () => {
          const server = await startServer({ ...way?.client.settings, ...transcript.settings });
          try {
            await play(transcript, server, { ...way, greets });
          } finally {
            await server.stop();
          }
        });
      }
    }
  });
}

test("nothing is said to be beyond a client that no transcript asks of it", () => {
  for (const [name, { cannot }] of Object.entries(CLIENTS)) {
    for (const gap of cannot) {
      const needed = TRANSCRIPTS.some(({ file, steps }) => file === gap.transcript || steps.some((step) => !canExpress({ cannot: [gap] }, step)));
      assert.ok(needed, `${name}: ${JSON.stringify(gap)}`);
    }
  }
});
