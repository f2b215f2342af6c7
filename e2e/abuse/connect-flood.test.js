// An address that connects too often is rejected with a retry time, in the format of each transport. Other addresses are accepted.

import assert from "node:assert/strict";
import { test } from "node:test";
import { sharedServer } from "../support/server.js";
import { connectionOutcome, openWebSocket } from "../support/ws-queue.js";

const server = sharedServer({ RATE_LIMITS: undefined });
const strict = sharedServer({ RATE_LIMITS: undefined, FRONTEND_URLS: "https://app.example" });

// Opens a Socket.IO WebSocket. Resolves with the rejection, or closes the socket at once.
async function attempt({ ws }, options) {
  try {
    const socket = await openWebSocket(`${ws}/socket.io/?EIO=4&transport=websocket`, options);
    await socket.close();
    return { opened: true };
  } catch (error) {
    return { opened: false, status: error.status };
  }
}

test("an address is rejected after a hundred connections in ten seconds, and another address is accepted", async () => {
  // Every loopback address belongs to this machine, so one client can have several addresses.
  const from = (localAddress) => ({ localAddress });
  const raw = () => `${server.ws}/api/v1/ws/connect?token=${server.token({ sub: "anna" })}`;
  let rejected;
  for (let count = 0; count < 200 && !rejected; count++) {
    const end = await connectionOutcome(`${server.ws}/api/v1/ws/connect`, from("127.0.0.2"));
    if (end.code !== 4401) rejected = end;
  }
  // The server rejects the connection before the upgrade, so it keeps no descriptor.
  assert.deepEqual([rejected?.opened, rejected?.status, rejected?.error.headers["retry-after"]], [false, 429, "1"]);
  assert.match(rejected.text, /again in 1 s/);
  // The budget regains an attempt every 100 ms, which may have passed.
  let engine;
  for (let count = 0; count < 50 && engine?.status !== 429; count++) engine = await attempt(server, from("127.0.0.2"));
  assert.deepEqual([engine.opened, engine.status], [false, 429]);
  const other = await openWebSocket(raw(), from("127.0.0.3"));
  assert.equal(JSON.parse(await other.next()).type, "connected");
  await other.close();
});

test("rejected connections of another origin count against the limit of the address", async () => {
  const options = { localAddress: "127.0.0.4", origin: "https://elsewhere.example" };
  const outcomes = [];
  while (outcomes.length < 200 && outcomes.at(-1)?.status !== 429) outcomes.push(await connectionOutcome(`${strict.ws}/api/v1/ws/connect`, options));
  assert.equal(outcomes.at(-1).status, 429);
  assert.deepEqual([...new Set(outcomes.slice(0, -1).map(({ code }) => code))], [4403]);
});
