// Writes the pictures of docs/operations/console.md: `node console/screenshots.js [FOLDER] [SECONDS]`. The traffic of the clients lasts for the given seconds.

import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { chromium } from "playwright-core";
import { startServer } from "../support/server.js";
import { API_KEY } from "../support/users.js";
import { startTraffic } from "./traffic.js";

const WIDTHS = [1280, 400];
const folder = process.argv[2] ?? fileURLToPath(new URL("../../docs/images/console", import.meta.url));
const seconds = Number(process.argv[3] ?? 60);

const server = await startServer({ ROOMCAST_API_KEY: API_KEY, RATE_LIMITS: "on", PRESENCE_AUDIENCE: undefined, LOG_FORMAT: "json" });
const devServer = await startServer({ JWT_SECRET: undefined, HOST: undefined });
const profile = await mkdtemp(path.join(tmpdir(), "roomcast-pictures-"));
const context = await chromium.launchPersistentContext(profile, { executablePath: "/usr/bin/chromium", args: ["--no-sandbox", "--disable-gpu"] });
try {
  await mkdir(folder, { recursive: true });
  const traffic = await startTraffic(server);
  for (let count = 0; count < seconds * 5; count++) {
    await traffic.step(count);
    // Waves look more like real traffic.
    await pause(120 + 100 * Math.sin(count / 25));
  }
  await takePictures();
  traffic.stop();
} finally {
  await context.close();
  await Promise.all([server.stop(), devServer.stop()]);
  await rm(profile, { recursive: true, force: true });
}

async function takePictures() {
  const page = await context.newPage();
  await picture(page, "sign-in", `${server.url}/console/sign-in`);
  await page.getByLabel("API key").fill(API_KEY);
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.waitForURL("**/console");
  const connection = await firstLink(page, "/connections?user=anna");
  const room = await firstLink(page, "/rooms?kind=household");
  const pages = {
    overview: "",
    users: "/users",
    user: "/users/anna",
    connections: "/connections",
    connection,
    rooms: "/rooms",
    room,
    errors: "/errors",
    settings: "/settings?show=changed",
  };
  for (const [name, target] of Object.entries(pages)) await picture(page, name, `${server.url}/console${target}`);
  await page.emulateMedia({ colorScheme: "dark" });
  await picture(page, "overview-dark", `${server.url}/console`, [1280]);
  await page.emulateMedia({ colorScheme: "light" });
  await startPage(page);
}

// The path of the first entry of a list.
async function firstLink(page, list) {
  await page.goto(`${server.url}/console${list}`);
  const link = await page.locator("tbody a").first().getAttribute("href");
  return link.replace("/console", "");
}

async function startPage(page) {
  for (const width of WIDTHS) {
    await page.setViewportSize({ width, height: 800 });
    await page.goto(`http://localhost:${devServer.port}/`);
    await page.getByText("connected", { exact: true }).waitFor();
    await page.getByRole("button", { name: "Send an event" }).click();
    await page.locator("#events li", { hasText: "hello" }).first().waitFor();
    await page.screenshot({ path: path.join(folder, `start-${width}.png`), fullPage: true });
  }
}

async function picture(page, name, url, widths = WIDTHS) {
  for (const width of widths) {
    await page.setViewportSize({ width, height: 800 });
    await page.goto(url);
    if (await page.locator("#charts").count()) await page.locator(".u-over").nth(3).waitFor();
    await page.screenshot({ path: path.join(folder, `${name}-${width}.png`), fullPage: true });
  }
}
