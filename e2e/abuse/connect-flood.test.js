// Who knocks too often is told to wait, at every door in its own words, and others are let in.

import assert from "node:assert/strict";
import { test } from "node:test";
import { sharedServer } from "../support/server.js";
import { connectionOutcome, openWebSocket } from "../support/ws-queue.js";

const server = sharedServer({ RATE_LIMITS: undefined });
const strict = sharedServer({ RATE_LIMITS: undefined, FRONTEND_URLS: "https://app.example" });

// A WebSocket of Socket.IO: how it is refused, or else closed at once.
async function knock({ ws }, options) {
  try {
    const socket = await openWebSocket(`${ws}/socket.io/?EIO=4&transport=websocket`, options);
    await socket.close();
    return { opened: true };
  } catch (error) {
    return { opened: false, status: error.status };
  }
}

test("an address that connects a hundred times in ten seconds", async () => {
  // All of loopback is this machine's, so one client can have several addresses.
  const from = (localAddress) => ({ localAddress });
  const raw = () => `${server.ws}/api/v1/ws/connect?token=${server.token({ sub: "anna" })}`;
  let refused;
  for (let attempt = 0; attempt < 200 && !refused; attempt++) {
    const end = await connectionOutcome(`${server.ws}/api/v1/ws/connect`, from("127.0.0.2"));
    if (end.code !== 4401) refused = end;
  }
  // The server refuses it before the upgrade, so it keeps no descriptor.
  assert.deepEqual([refused?.opened, refused?.status, refused?.error.headers["retry-after"]], [false, 429, "1"]);
  assert.match(refused.text, /again in 1 s/);
  // An attempt comes back in a tenth of a second, which may have passed.
  let engine;
  for (let attempt = 0; attempt < 50 && engine?.status !== 429; attempt++) engine = await knock(server, from("127.0.0.2"));
  assert.deepEqual([engine.opened, engine.status], [false, 429]);
  const other = await openWebSocket(raw(), from("127.0.0.3"));
  assert.equal(JSON.parse(await other.next()).type, "connected");
  await other.close();
});

test("a page of another origin spends its address's attempts, too", async () => {
  const options = { localAddress: "127.0.0.4", origin: "https://elsewhere.example" };
  const ends = [];
  while (ends.length < 200 && ends.at(-1)?.status !== 429) ends.push(await connectionOutcome(`${strict.ws}/api/v1/ws/connect`, options));
  assert.equal(ends.at(-1).status, 429);
  assert.deepEqual([...new Set(ends.slice(0, -1).map(({ code }) => code))], [4403]);
});
