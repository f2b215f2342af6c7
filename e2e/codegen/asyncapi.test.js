// The AsyncAPI document that `roomcast asyncapi` prints, validated with the official parser.

import assert from "node:assert/strict";
import { test } from "node:test";
import { Parser } from "@asyncapi/parser";
import { commandOutput } from "../support/process.js";

// Diagnostics up to this severity are errors and warnings. Higher values are hints.
const WARNING = 1;

test("the AsyncAPI document is valid, and each contract has a channel", async () => {
  const description = await commandOutput("asyncapi");
  const contracts = Object.keys(JSON.parse(description).channels);
  assert.ok(contracts.includes("household") && contracts.includes("workspace"));
  const { document, diagnostics } = await new Parser().parse(description);
  assert.deepEqual(diagnostics.filter(({ severity }) => severity <= WARNING), []);
  const channels = document.channels().all();
  assert.deepEqual(channels.map((channel) => channel.id()).toSorted(), contracts.toSorted());
  for (const channel of channels) {
    const actions = channel.operations().all().map((operation) => operation.action());
    assert.ok(actions.includes("send") && actions.includes("receive"), channel.id());
    for (const message of channel.messages().all()) assert.ok(message.name(), channel.id());
  }
});

test("the parser detects an invalid reference", async () => {
  const invalid = JSON.parse(await commandOutput("asyncapi"));
  invalid.operations["household.says"].channel.$ref = "#/channels/kitchen";
  const { diagnostics } = await new Parser().parse(JSON.stringify(invalid));
  assert.ok(diagnostics.some(({ severity }) => severity <= WARNING));
});
