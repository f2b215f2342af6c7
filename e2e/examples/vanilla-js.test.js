// Two users share the task list of `examples/vanilla-js` in a real browser.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import path from "node:path";
import { test } from "node:test";
import { startBrowser } from "../support/browser.js";
import { rest } from "../support/http.js";
import { freePort } from "../support/process.js";
import { sharedServer } from "../support/server.js";
import { waitForValue } from "./pages.js";
import { start, startCommand } from "./program.js";

const server = sharedServer();
const chromium = startBrowser();

// The file that the CDN serves. The browser compares it with the integrity attribute of the page.
const client = path.join(path.dirname(createRequire(import.meta.url).resolve("socket.io-client/package.json")), "dist/socket.io.min.js");

// Opens the page in a new tab, and records its requests and errors.
async function open(address) {
  const page = await chromium.context.newPage();
  const requests = [];
  const errors = [];
  page.on("request", (request) => requests.push(`${request.method()} ${new URL(request.url()).pathname}`));
  page.on("pageerror", (error) => errors.push(error.message));
  const body = await readFile(client);
  await page.route("https://cdn.socket.io/4.8.3/socket.io.min.js", (route) =>
    route.fulfill({ body, contentType: "text/javascript", headers: { "access-control-allow-origin": "*" } }),
  );
  await page.goto(address);
  return Object.assign(page, { requests, errors });
}

async function logIn(page, token) {
  await page.getByLabel("Token").fill(token);
  await page.getByRole("button", { name: "Log in" }).click();
}

const titles = (page) => page.getByRole("listitem").allTextContents().then((rows) => rows.map((row) => row.replace(/Delete$/, "")));

test("two users see each other's changes, and a restart of the server loses none", async (t) => {
  const port = await freePort();
  const command = (await startCommand("vanilla-js")).replace("8000", port);
  const files = await start(t, "vanilla-js", { command, env: { PYTHONUNBUFFERED: "1" } });
  await files.prints(/Serving HTTP/);
  const address = `http://localhost:${port}/?server=${server.url}`;

  const anna = await open(address);
  await logIn(anna, "not a token");
  await anna.getByText("Authentication error: token_invalid").waitFor();
  await logIn(anna, server.token({ sub: "anna", name: "Anna" }));
  await anna.getByRole("heading", { name: "Our home" }).waitFor();
  await anna.getByLabel("New task").fill("Buy milk");
  await anna.getByRole("button", { name: "Add" }).click();
  await anna.getByRole("checkbox", { name: "Buy milk" }).waitFor();

  const invitation = new URL(await anna.getByRole("link").getAttribute("href"), address).href;
  const ben = await open(invitation);
  const token = server.token({ sub: "ben", name: "Ben" });
  await logIn(ben, token);
  await ben.getByRole("checkbox", { name: "Buy milk" }).check();
  await waitForValue(() => anna.getByRole("checkbox", { name: "Buy milk" }).isChecked(), true);
  await ben.getByLabel("New task").fill("<b>Bake</b> a cake");
  await ben.getByRole("button", { name: "Add" }).click();
  await waitForValue(() => titles(anna), ["Buy milk", "<b>Bake</b> a cake"]);
  await anna.getByRole("button", { name: "Delete" }).last().click();
  await waitForValue(() => titles(ben), ["Buy milk"]);

  // The browser is offline during the changes, so that it certainly misses them.
  await chromium.context.setOffline(true);
  await server.killAndRestart();
  for (const page of [anna, ben]) await page.getByText("Connection lost").waitFor();
  const [{ id }] = (await rest("GET", `${server.url}/households`, { token })).json;
  for (const title of ["Water the plants", "Walk the dog"]) {
    const { status } = await rest("POST", `${server.url}/households/${id}/tasks`, { token, body: { title } });
    assert.equal(status, 201);
  }
  anna.requests.length = 0;
  await chromium.context.setOffline(false);
  for (const page of [anna, ben]) await waitForValue(() => titles(page), ["Buy milk", "Water the plants", "Walk the dog"]);
  await anna.getByText("Connected", { exact: true }).waitFor();
  const loads = anna.requests.filter((request) => !request.endsWith("/socket.io/"));
  assert.deepEqual(loads, [], "the missed events come over the recovered connection");

  await ben.reload();
  await waitForValue(() => titles(ben), ["Buy milk", "Water the plants", "Walk the dog"]);
  assert.deepEqual([anna.errors, ben.errors], [[], []]);
});
