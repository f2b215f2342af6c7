// A client that has missed far more than an outbox and the in-memory history hold receives all of it. The server sends it in slices as the client reads,
// so that the server's memory does not grow with the gap.

import assert from "node:assert/strict";
import { test } from "node:test";
import { rest } from "../support/http.js";
import { openRawClient } from "../support/raw-client.js";
import { sharedServer } from "../support/server.js";
import { TRANSPORTS, waitForUpgrade } from "../support/socketio-clients.js";
import { API_KEY, user } from "../support/users.js";
import { lastEvents, waitFor } from "../support/wait-for.js";
import { connectRecordingClient, loseConnection, preventReconnect } from "./clients.js";

const OUTBOX = 64 << 10;
// A gap is 40 times the size of an outbox, and of the events in memory.
const SIZE = 8 << 10;
const GAP = (40 * OUTBOX) / SIZE;

const server = sharedServer({ ROOMCAST_API_KEY: API_KEY, OUTBOX_LIMIT: "64KB", JOURNAL_MEMORY: "64KB" });

async function emit(to, event, data) {
  const response = await rest("POST", `${server.url}/api/v1/emit`, { token: API_KEY, body: { to, event, data } });
  assert.equal(response.status, 200);
  return response.json.position;
}

const filler = "x".repeat(SIZE);
const emitMany = async (to, from, count) => {
  for (let number = from; number < from + count; number++) await emit(to, "large", { number, filler });
};
const numbers = (count, from = 0) => Array.from({ length: count }, (_, i) => from + i);

// Records the numbers that a client receives. `until` waits for one of them.
function recordNumbers(socket) {
  const received = [];
  socket.on("large", ({ number }) => received.push(number));
  const until = (wanted) => {
    const arrived = new Promise((resolve) => {
      const check = () => {
        if (!received.includes(wanted)) return;
        socket.off("large", check);
        resolve();
      };
      socket.on("large", check);
      check();
    });
    return waitFor(arrived, () => `number ${wanted} has not arrived; ${lastEvents(received)}`);
  };
  return { received, until };
}

// Lets a client receive number 0 and lose its connection, and then emits the numbers from 1 to `count`. `before` runs after the disconnect. Resolves with
// the received numbers, the wait for one of them, and a function that lets the client reconnect.
async function missNumbers(ben, sub, count, before = () => {}) {
  const { received, until } = recordNumbers(ben);
  await emitMany({ users: [sub] }, 0, 1);
  await until(0);
  const reconnect = preventReconnect(ben);
  await loseConnection(ben);
  before();
  await emitMany({ users: [sub] }, 1, count);
  return { received, until, reconnect: reconnect };
}

for (const [transport, transports] of Object.entries(TRANSPORTS)) {
  test(`a client over ${transport} receives all missed events, and then the events sent during the replay`, async (t) => {
    const sub = `ben-${transport}`;
    const ben = await connectRecordingClient(t, server, sub, "", { transports });
    if (transport === "upgrade") await waitForUpgrade(ben);
    const { received, until, reconnect: reconnect } = await missNumbers(ben, sub, GAP);
    const back = reconnect();
    await emitMany({ users: [sub] }, GAP + 1, 20);
    assert.equal(await back, true);
    await emitMany({ users: [sub] }, GAP + 21, 1);
    await until(GAP + 21);
    assert.deepEqual(received, numbers(GAP + 22));
  });
}

test("a client that loses its connection several times during the replay continues at its offset each time", async (t) => {
  const ben = await connectRecordingClient(t, server, "restless", "", { transports: ["websocket"] });
  const { received, until, reconnect: reconnect } = await missNumbers(ben, "restless", GAP);
  for (let times = 1; times <= 5; times++) {
    assert.equal(await reconnect(), true);
    await until(30 * times);
    preventReconnect(ben);
    await loseConnection(ben);
  }
  assert.equal(await reconnect(), true);
  await until(GAP);
  assert.deepEqual(received, numbers(GAP + 1));
});

test("a raw client that sends `since` receives all missed events of a room when it joins", async () => {
  const anna = user(server, "anna");
  const { id } = await anna.request("POST", "/api/v1/projects", { name: "Site" });
  await anna.request("POST", `/api/v1/projects/${id}/members`, { userId: "raw" });
  const room = `project:${id}`;
  const since = await emit({ rooms: [room] }, "large", { number: -1 });
  await emitMany({ rooms: [room] }, 0, GAP);
  const ben = await openRawClient(server, server.token({ sub: "raw", name: "raw" }), since);
  ben.sendEnvelope({ type: "join_room", room });
  await emitMany({ rooms: [room] }, GAP, 1);
  const received = await ben.readUntil(({ data }) => data?.number === GAP);
  assert.deepEqual(received.filter(({ type }) => type === "large").map(({ data }) => data.number), numbers(GAP + 1));
  assert.ok(received.some(({ type }) => type === "joined_room"));
  assert.ok(received.every(({ type }) => type !== "resync"));
  ben.close();
});

test("the sync response has the missed events in pages", async () => {
  const ben = user(server, "pages");
  const sync = (since) => ben.request("GET", `/api/v1/sync?${new URLSearchParams({ since })}`);
  let { position } = await ben.request("GET", "/api/v1/sync");
  await emitMany({ users: ["pages"] }, 0, GAP);
  const received = [];
  let pages = 0;
  for (let more = true; more; pages++) {
    const page = await sync(position);
    assert.equal(page.resync, false);
    assert.ok(page.events.length > 0 && JSON.stringify(page).length < 2 * OUTBOX, "a page has at most what an outbox may hold");
    received.push(...page.events.map(({ args: [{ number }] }) => number));
    assert.equal(page.position, page.events.at(-1).id);
    ({ position, hasMore: more } = page);
  }
  assert.deepEqual(received, numbers(GAP));
  assert.ok(pages >= 20, `${pages} pages`);
});

test("the server's memory does not grow with the size of the gap", async (t) => {
  const gap = async (sub, count) => {
    const ben = await connectRecordingClient(t, server, sub, "", { transports: ["websocket"] });
    let before;
    const { received, until, reconnect: reconnect } = await missNumbers(ben, sub, count, () => (before = server.running.memory()));
    assert.equal(await reconnect(), true);
    await until(count);
    assert.equal(received.length, count + 1);
    return server.running.memory() - before;
  };
  // The process allocates memory for the first gap and keeps it.
  await gap("first", GAP);
  await gap("short", GAP);
  const grown = await gap("long", 4 * GAP);
  assert.ok(grown < GAP * SIZE, `the memory has grown by ${grown} bytes for ${4 * GAP * SIZE} missed bytes`);
});

test("events that a client missed before the server was killed are replayed from the database", async (t) => {
  const ben = await connectRecordingClient(t, server, "survivor", "", { transports: ["websocket"] });
  const { received, until, reconnect: reconnect } = await missNumbers(ben, "survivor", GAP);
  await server.killAndRestart();
  assert.equal(await reconnect(), true);
  await until(GAP);
  assert.deepEqual(received, numbers(GAP + 1));
});
