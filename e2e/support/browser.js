// A headless Chromium with its own profile. `cargo xtask test` installs Chromium if it is missing.

import { existsSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { after, before } from "node:test";
import { chromium } from "playwright-core";
import { CHECK_INTERVAL_MS, MAX_CHECKS } from "./wait-for.js";

// Chromium has no sandbox for root. Background networking is off, so that the only requests are those of the page.
const FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-dev-shm-usage"];

// The milliseconds that the browser and each element of a page have to appear.
const TIMEOUT_MS = MAX_CHECKS * CHECK_INTERVAL_MS;

// One browser for the tests of a file. A hook before the first test fills in the `context` of the returned object.
export function startBrowser() {
  const shared = {};
  let profile;
  before(async () => {
    profile = await mkdtemp(path.join(tmpdir(), "roomcast-browser-"));
    shared.context = await chromium.launchPersistentContext(profile, { executablePath: findChromium(), args: FLAGS, timeout: TIMEOUT_MS });
    shared.context.setDefaultTimeout(TIMEOUT_MS);
  });
  after(async () => {
    await shared.context?.close();
    if (profile) await rm(profile, { recursive: true, force: true });
  });
  return shared;
}

function findChromium() {
  const folders = process.env.PATH.split(path.delimiter);
  const found = folders.map((folder) => path.join(folder, "chromium")).find(existsSync);
  if (!found) throw new Error("chromium is not installed: `cargo xtask test --only e2e` installs it");
  return found;
}
