// A real browser without a screen, with a profile of its own. `cargo xtask test` installs Chromium where there is none.

import { existsSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { after, before } from "node:test";
import { chromium } from "playwright-core";
import { APART, LOOKS } from "./wait-for.js";

// No sandbox: Chromium has none for root. And it asks nobody for anything by itself.
const FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-dev-shm-usage"];

// The milliseconds after which the browser, or what a test looks for on a page, counts as missing.
const PATIENCE = LOOKS * APART;

// One browser for the tests of a file. What is returned is filled in before the first test.
export function browser() {
  const shared = {};
  let profile;
  before(async () => {
    profile = await mkdtemp(path.join(tmpdir(), "roomcast-browser-"));
    shared.context = await chromium.launchPersistentContext(profile, { executablePath: program(), args: FLAGS, timeout: PATIENCE });
    shared.context.setDefaultTimeout(PATIENCE);
  });
  after(async () => {
    await shared.context?.close();
    if (profile) await rm(profile, { recursive: true, force: true });
  });
  return shared;
}

function program() {
  const folders = process.env.PATH.split(path.delimiter);
  const found = folders.map((folder) => path.join(folder, "chromium")).find(existsSync);
  if (!found) throw new Error("there is no chromium: `cargo xtask test --only e2e` installs it");
  return found;
}
