// Two users chat in `examples/react-chat` in a real browser, with the development server and with the production build.

import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { test } from "node:test";
import { startBrowser } from "../support/browser.js";
import { rest } from "../support/http.js";
import { freePort } from "../support/process.js";
import { sharedServer } from "../support/server.js";
import { waitForValue } from "./pages.js";
import { start, startCommand } from "./program.js";

const server = sharedServer({ PRESENCE_AUDIENCE: undefined });
const chromium = startBrowser();

const COMMANDS = {
  "npm start": async () => `${await startCommand("react-chat")} -- --strictPort`,
  "the production build": async (t) => {
    const folder = await mkdtemp(path.join(tmpdir(), "react-chat-"));
    t.after(() => rm(folder, { recursive: true, force: true }));
    return `npm run build -- --emptyOutDir --outDir ${folder} && npx vite preview --outDir ${folder} --strictPort`;
  },
};

// Opens the page in a new tab, and records its requests and errors. While `dropsServerMessages` is true, the page receives nothing over its WebSocket.
async function open(address) {
  const page = await chromium.context.newPage();
  const requests = [];
  const errors = [];
  page.on("request", (request) => requests.push(new URL(request.url()).pathname));
  page.on("pageerror", (error) => errors.push(error.message));
  await page.routeWebSocket(/\/socket\.io\//, (browserSide) => {
    const serverSide = browserSide.connectToServer();
    page.isOnWebSocket = false;
    browserSide.onMessage((message) => {
      // The Engine.IO packet that ends long-polling.
      if (message === "5") page.isOnWebSocket = true;
      serverSide.send(message);
    });
    serverSide.onMessage((message) => page.dropsServerMessages || browserSide.send(message));
  });
  await page.goto(address);
  return Object.assign(page, { requests, errors, dropsServerMessages: false });
}

async function enter(page, label, text) {
  await page.getByLabel(label).fill(text);
  await page.getByLabel(label).press("Enter");
}

const messages = (page, kind = "") => page.locator(`li${kind}`).allTextContents().then((texts) => texts.map((text) => text.trim()));

for (const [name, command] of Object.entries(COMMANDS)) {
  test(`two users chat with ${name}, and a restart of the server loses no message`, async (t) => {
    const port = await freePort();
    const env = { VITE_ROOMCAST: server.url, NO_COLOR: "1" };
    const vite = await start(t, "react-chat", { command: `${await command(t)} --port ${port}`, env });
    await vite.prints(/Local:/);
    const address = `http://localhost:${port}`;
    const [anna, ben] = [await open(address), await open(address)];
    const users = [`anna-${port}`, `ben-${port}`];

    await enter(anna, "Token", "no token");
    await anna.getByText("This is not a token.").waitFor();
    await enter(anna, "Token", `${server.token({ sub: users[0] })}x`);
    await anna.getByText("Authentication error: token_invalid").waitFor();

    // A room that another user creates appears without a reload.
    await enter(ben, "Token", server.token({ sub: users[1], name: "Ben" }));
    await ben.getByLabel("New room").waitFor();
    await enter(anna, "Token", server.token({ sub: users[0], name: "Anna" }));
    await enter(anna, "New room", "Team");
    await anna.getByRole("heading", { name: "Team" }).waitFor();
    await enter(anna, "Invite a user id", users[1]);
    await ben.getByRole("button", { name: "Team" }).click();
    await waitForValue(() => anna.locator(".online").allTextContents(), ["Anna", "Ben"]);
    await waitForValue(() => ben.locator(".online").allTextContents(), ["Anna", "Ben"]);

    await ben.getByLabel("Message").pressSequentially("Hel");
    await anna.getByText("Ben typing …").waitFor();
    await enter(ben, "Message", "Hello");
    await waitForValue(() => messages(anna), ["Ben Hello"]);
    await anna.getByText("Ben typing …").waitFor({ state: "detached" });
    await waitForValue(() => messages(ben, ".stored"), ["Ben Hello"]);

    // The server is killed before it has read a message.
    process.kill(server.running.pid, "SIGSTOP");
    await enter(anna, "Message", "First try");
    await waitForValue(() => messages(anna, ".draft"), ["First try"]);
    await server.killAndRestart();
    for (const page of [anna, ben]) await waitForValue(() => messages(page, ".stored"), ["Ben Hello", "Anna First try"]);

    // The server is killed after it has stored a message, and before its sender knows that.
    await waitForValue(() => anna.isOnWebSocket, true);
    anna.dropsServerMessages = true;
    await enter(anna, "Message", "Only once");
    await waitForValue(() => messages(ben, ".stored"), ["Ben Hello", "Anna First try", "Anna Only once"]);
    assert.deepEqual(await messages(anna, ".draft"), ["Only once"]);

    // The browser cannot connect while Ben writes from another device.
    await chromium.context.setOffline(true);
    t.after(() => chromium.context.setOffline(false));
    await server.killAndRestart();
    anna.dropsServerMessages = false;
    for (const page of [anna, ben]) await page.getByText("Connection lost").waitFor();
    await enter(anna, "Message", "Is anyone here?");
    await waitForValue(() => messages(anna, ".draft"), ["Only once", "Is anyone here?"]);
    const token = server.token({ sub: users[1] });
    const [room] = (await rest("GET", `${server.url}/shared/chat/rooms`, { token })).json;
    const { status } = await rest("POST", `${server.url}/shared/chat/rooms/${room.id}/messages`, { token, body: { content: "From my phone" } });
    assert.equal(status, 201);
    anna.requests.length = 0;
    await chromium.context.setOffline(false);
    const all = ["Ben Hello", "Anna First try", "Anna Only once", "Ben From my phone", "Anna Is anyone here?"];
    for (const page of [anna, ben]) await waitForValue(() => messages(page, ".stored"), all);
    const loads = anna.requests.filter((request) => /\/(rooms|messages)$/.test(request));
    assert.deepEqual(loads, [], "the missed events come over the recovered connection");

    await anna.reload();
    await waitForValue(() => messages(anna, ".stored"), all);
    assert.deepEqual(await anna.locator("li.mine").count(), 3);
    assert.deepEqual([anna.errors, ben.errors], [[], []]);
    await Promise.all([anna.close(), ben.close()]);
  });
}
