// Operators use the console in a real browser while clients are connected: what they read is what the server does.

import assert from "node:assert/strict";
import { test } from "node:test";
import { waitForValue } from "../examples/pages.js";
import { startBrowser } from "../support/browser.js";
import { rest } from "../support/http.js";
import { openRawClient } from "../support/raw-client.js";
import { sharedServer, startServer } from "../support/server.js";
import { client, connected, nextEvent } from "../support/socketio-clients.js";
import { API_KEY, user } from "../support/users.js";

const server = sharedServer({ ROOMCAST_API_KEY: API_KEY });
const chromium = startBrowser();

// Opens a page, and collects what the browser reports: errors of scripts, and what the policy of the page forbids.
async function newPage(t) {
  const page = await chromium.context.newPage();
  page.problems = [];
  page.on("pageerror", (error) => page.problems.push(error.message));
  page.on("console", (message) => message.type() === "error" && page.problems.push(message.text()));
  t.after(() => page.close());
  return page;
}

async function signIn(t) {
  const page = await newPage(t);
  await chromium.context.clearCookies();
  await page.goto(`${server.url}/console`);
  await page.getByLabel("API key").fill(API_KEY);
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.getByRole("heading", { name: "Overview" }).waitFor();
  return page;
}

const openSocket = (t, sub, transports = ["websocket"]) => connected(client(t, server.url, { auth: { token: server.token({ sub, name: sub }) }, transports }));

// The cells of a table's body, row by row.
const cells = (page) => page.locator("tbody tr").evaluateAll((rows) => rows.map((row) => [...row.cells].map((cell) => cell.innerText.trim())));

// The value of a number of the overview.
const tile = (page, name) => page.locator(".tile", { hasText: name }).locator(".value").textContent();

test("the overview counts the open connections, and draws its charts", async (t) => {
  await openSocket(t, "anna");
  await openSocket(t, "ben", ["polling"]);
  const page = await signIn(t);
  // The page updates itself.
  await waitForValue(() => tile(page, "Connections"), "2");
  assert.equal(await tile(page, "Users online"), "2");
  assert.match(await page.locator(".tile", { hasText: "Connections" }).textContent(), /1 WebSocket, 1 long-polling, 0 raw/);
  await page.locator(".chart canvas").nth(3).waitFor();
  await page.getByLabel("Update every 5 s").uncheck();
  assert.deepEqual(page.problems, []);
});

test("a wrong key does not sign in, and the session ends with the sign-out", async (t) => {
  const page = await newPage(t);
  await chromium.context.clearCookies();
  await page.goto(`${server.url}/console/users`);
  await page.getByLabel("API key").fill("a-wrong-key");
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.getByRole("alert").getByText("neither the API key nor a valid token").waitFor();
  await page.getByLabel("API key").fill(server.token({ sub: "olga", role: "admin" }));
  await page.keyboard.press("Enter");
  await page.getByRole("heading", { name: "Overview" }).waitFor();
  await page.getByText("olga", { exact: true }).waitFor();
  await page.getByRole("button", { name: "Sign out" }).click();
  await page.getByRole("heading", { name: "Sign in" }).waitFor();
  await page.goto(`${server.url}/console`);
  assert.equal(new URL(page.url()).pathname, "/console/sign-in");
});

test("an operator finds a user, sends a notification, and disconnects the user", async (t) => {
  const socket = await openSocket(t, "carla/ä");
  const page = await signIn(t);
  await page.getByRole("link", { name: "Users" }).click();
  await page.getByLabel("User id contains").fill("carla");
  await page.keyboard.press("Enter");
  await page.locator("tbody").getByRole("link", { name: "carla/ä" }).click();
  await page.getByRole("heading", { name: "User carla/ä" }).waitFor();
  assert.equal((await cells(page)).length, 1);

  const notification = nextEvent(socket, "notification:new");
  await page.getByLabel("Title").fill("Maintenance");
  await page.getByRole("button", { name: "Send" }).click();
  await page.getByRole("status").getByText("The notification was sent.").waitFor();
  assert.equal((await notification)[0].title, "Maintenance");
  await page.getByText("1 of 1").waitFor();

  const end = nextEvent(socket, "disconnect");
  await page.getByRole("button", { name: "Disconnect all connections" }).click();
  await page.getByRole("status").getByText("All connections of the user were closed.").waitFor();
  assert.equal((await end)[0], "io server disconnect");
  await waitForValue(async () => (await page.reload(), page.getByText("no open connection to this server").count()), 1);
  assert.deepEqual(page.problems, []);
});

test("an operator closes one of a user's connections, and the other stays open", async (t) => {
  const stays = await openSocket(t, "dora");
  const raw = await openRawClient(server, server.token({ sub: "dora" }));
  const page = await signIn(t);
  await page.goto(`${server.url}/console/connections?user=dora&transport=raw`);
  const [[id, user, namespace, transport]] = await cells(page);
  assert.deepEqual([user, namespace, transport], ["dora", "none", "raw WebSocket"]);
  await page.getByRole("link", { name: id }).click();
  await page.getByText("user:dora").waitFor();
  await page.getByLabel("Reason").fill("Time for a break");
  await page.getByRole("button", { name: "Close this connection" }).click();
  await page.getByRole("status").getByText("The connection was closed.").waitFor();
  assert.equal(String((await raw.closed).reason), "Time for a break");
  await page.goto(`${server.url}/console/connections?user=dora`);
  assert.deepEqual((await cells(page)).map(([id]) => id), [stays.id]);
});

test("the list of connections has each connection on one of its pages", async (t) => {
  const sockets = await Promise.all(Array.from({ length: 120 }, (_, index) => openSocket(t, `many-${index}`)));
  const page = await signIn(t);
  await page.goto(`${server.url}/console/connections?user=many-`);
  const listed = [];
  for (;;) {
    listed.push(...(await cells(page)).map(([id]) => id));
    const next = page.getByRole("link", { name: "Next page" });
    if (!(await next.count())) break;
    await next.click();
    await page.waitForLoadState();
  }
  assert.deepEqual(listed.sort(), sockets.map(({ id }) => id).sort());
});

test("the list of rooms leads to the members and to the connections that listen", async (t) => {
  const anna = user(server, "rooms-anna");
  const { id, inviteCode } = await anna.request("POST", "/households", { name: "Our home" });
  await user(server, "rooms-ben").request("POST", `/households/${id}/join`, { inviteCode });
  const socket = await openSocket(t, "rooms-anna");
  const page = await signIn(t);
  await page.goto(`${server.url}/console/rooms?kind=household&part=${id}`);
  assert.deepEqual(await cells(page), [[`household:${id}`, "Household", "1"]]);
  await page.getByRole("link", { name: `household:${id}` }).click();
  await page.getByRole("heading", { name: `Room household:${id}` }).waitFor();
  const [listens, ...members] = await cells(page);
  assert.deepEqual(listens.slice(0, 2), [socket.id, "rooms-anna"]);
  assert.deepEqual(members.map((cells) => cells.slice(0, 3)), [["rooms-anna", "rooms-anna", "admin"], ["rooms-ben", "rooms-ben", "member"]]);
});

test("the page of errors counts refused requests by code", async (t) => {
  for (let count = 0; count < 3; count++) await rest("GET", `${server.url}/households`, { token: "no-token" });
  const page = await signIn(t);
  await page.getByRole("link", { name: "Errors" }).click();
  const count = async () => (await cells(page)).find(([code]) => code === "token_invalid")?.[4];
  await waitForValue(async () => Number(await count()) >= 3, true);
  await page.locator("tr", { hasText: "token_invalid" }).getByText("The token cannot be verified.").waitFor();
  assert.deepEqual(page.problems, []);
});

test("the settings that differ from their defaults have their sources", async (t) => {
  const page = await signIn(t);
  await page.getByRole("link", { name: "Settings" }).click();
  await page.getByRole("link", { name: "Changed" }).click();
  await page.waitForURL("**?show=changed");
  const rows = new Map((await cells(page)).map(([name, ...rest]) => [name.split("\n")[0], rest.map((text) => text.replaceAll(/\s+/g, " "))]));
  assert.deepEqual(rows.get("LOG_LEVEL"), ["warn changed", "environment", "info"]);
  assert.deepEqual(rows.get("ROOMCAST_API_KEY"), ["(hidden) changed", "environment", "not set"]);
  assert.ok(!rows.has("PING_INTERVAL"));
});

test("every page fits into 400 pixels, and its table scrolls", async (t) => {
  await openSocket(t, "emil");
  const page = await signIn(t);
  await page.setViewportSize({ width: 400, height: 800 });
  for (const path of ["", "/users", "/users/emil", "/connections", "/rooms", "/errors", "/settings"]) {
    await page.goto(`${server.url}/console${path}`);
    const widths = await page.evaluate(() => [document.documentElement.scrollWidth, innerWidth]);
    assert.equal(widths[0], widths[1], `${path} is wider than the window`);
  }
});

test("the printed link signs in once, and the start page receives an event", async (t) => {
  const dev = await startServer({ JWT_SECRET: undefined, HOST: undefined });
  t.after(() => dev.stop());
  await waitForValue(() => /\/console\/sign-in\?code=\S+/.test(dev.output), true);
  const [link] = dev.output.match(/http:\/\/localhost:\d+\/console\/sign-in\?code=\S+/);
  const page = await newPage(t);
  await page.goto(link);
  await page.waitForURL("**/console");
  await page.getByRole("heading", { name: "Overview" }).waitFor();
  assert.deepEqual(page.problems, []);
  await chromium.context.clearCookies();
  await page.goto(link);
  await page.getByRole("alert").getByText("This link was used before.").waitFor();

  const start = await newPage(t);
  await start.goto(`http://localhost:${dev.port}/`);
  await start.getByRole("button", { name: "Send an event" }).click();
  await start.locator("#events li", { hasText: "An event from your back end" }).waitFor();
  const token = (await start.locator("#token").textContent()).trim();
  const socket = await connected(client(t, dev.url, { auth: { token }, transports: ["websocket"] }));
  const event = nextEvent(socket, "hello");
  await start.getByRole("button", { name: "Send an event" }).click();
  assert.deepEqual(await event, [{ text: "An event from your back end" }]);
  assert.deepEqual(start.problems, []);
});
