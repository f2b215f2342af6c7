// Clients that have missed far more than an outbox may hold, and more than the server has in memory: they receive all of it, in slices as they read, and
// the server's memory does not grow with it.

import assert from "node:assert/strict";
import { test } from "node:test";
import { arrives, lately } from "../support/wait-for.js";
import { TRAVELS, onWebSocket } from "../support/socketio-clients.js";
import { rest } from "../support/http.js";
import { API_KEY, person } from "../support/users.js";
import { openRaw } from "../support/raw-client.js";
import { roomcast } from "../support/server.js";
import { listener, lose, stayAway } from "./clients.js";

const OUTBOX = 64 << 10;
// A gap is 40 times the size of an outbox, and of the events in memory.
const SIZE = 8 << 10;
const GAP = (40 * OUTBOX) / SIZE;

const server = roomcast({ ROOMCAST_API_KEY: API_KEY, OUTBOX_LIMIT: "64KB", JOURNAL_MEMORY: "64KB" });

async function emit(to, event, data) {
  const answer = await rest("POST", `${server.url}/api/v1/emit`, { token: API_KEY, body: { to, event, data } });
  assert.equal(answer.status, 200);
  return answer.json.position;
}

const filler = "x".repeat(SIZE);
const tell = async (to, from, count) => {
  for (let number = from; number < from + count; number++) await emit(to, "large", { number, filler });
};
const numbers = (count, from = 0) => Array.from({ length: count }, (_, i) => from + i);

// The numbers that a client has heard, and a way to wait for one of them.
function listen(socket) {
  const heard = [];
  socket.on("large", ({ number }) => heard.push(number));
  const until = (wanted) => {
    const arrived = new Promise((resolve) => {
      const look = () => {
        if (!heard.includes(wanted)) return;
        socket.off("large", look);
        resolve();
      };
      socket.on("large", look);
      look();
    });
    return arrives(arrived, () => `number ${wanted} has not arrived; ${lately(heard)}`);
  };
  return { heard, until };
}

// Has a client receive number 0, lose its connection and stay away, while the numbers from 1 to `count` are sent. `before` runs when the connection is
// lost. Resolves with the received numbers, the wait for one of them, and a function that lets the client reconnect.
async function misses(ben, sub, count, before = () => {}) {
  const { heard, until } = listen(ben);
  await tell({ users: [sub] }, 0, 1);
  await until(0);
  const comeBack = stayAway(ben);
  await lose(ben);
  before();
  await tell({ users: [sub] }, 1, count);
  return { heard, until, comeBack };
}

for (const [travel, transports] of Object.entries(TRAVELS)) {
  test(`a client by ${travel} receives all that it has missed, and then what was sent meanwhile`, async (t) => {
    const sub = `ben-${travel}`;
    const ben = await listener(t, server, sub, "", { transports });
    if (travel === "upgrade") await onWebSocket(ben);
    const { heard, until, comeBack } = await misses(ben, sub, GAP);
    const back = comeBack();
    await tell({ users: [sub] }, GAP + 1, 20);
    assert.equal(await back, true);
    await tell({ users: [sub] }, GAP + 21, 1);
    await until(GAP + 21);
    assert.deepEqual(heard, numbers(GAP + 22));
  });
}

test("a client that loses its connection several times during the replay continues each time where it was", async (t) => {
  const ben = await listener(t, server, "restless", "", { transports: ["websocket"] });
  const { heard, until, comeBack } = await misses(ben, "restless", GAP);
  for (let times = 1; times <= 5; times++) {
    assert.equal(await comeBack(), true);
    await until(30 * times);
    stayAway(ben);
    await lose(ben);
  }
  assert.equal(await comeBack(), true);
  await until(GAP);
  assert.deepEqual(heard, numbers(GAP + 1));
});

test("a raw client that sends `since` receives all of it, room by room", async () => {
  const anna = person(server, "anna");
  const { id } = await anna.ask("POST", "/api/v1/projects", { name: "Site" });
  await anna.ask("POST", `/api/v1/projects/${id}/members`, { userId: "raw" });
  const room = `project:${id}`;
  const since = await emit({ rooms: [room] }, "large", { number: -1 });
  await tell({ rooms: [room] }, 0, GAP);
  const ben = await openRaw(server, server.token({ sub: "raw", name: "raw" }), since);
  ben.say({ type: "join_room", room });
  await tell({ rooms: [room] }, GAP, 1);
  const heard = await ben.upTo(({ data }) => data?.number === GAP);
  assert.deepEqual(heard.filter(({ type }) => type === "large").map(({ data }) => data.number), numbers(GAP + 1));
  assert.ok(heard.some(({ type }) => type === "joined_room"));
  assert.ok(heard.every(({ type }) => type !== "resync"));
  ben.close();
});

test("over HTTP the missed events come in pages", async () => {
  const ben = person(server, "pages");
  const ask = (since) => ben.ask("GET", `/api/v1/sync?${new URLSearchParams({ since })}`);
  let { position } = await ben.ask("GET", "/api/v1/sync");
  await tell({ users: ["pages"] }, 0, GAP);
  const heard = [];
  let pages = 0;
  for (let more = true; more; pages++) {
    const page = await ask(position);
    assert.equal(page.resync, false);
    assert.ok(page.events.length > 0 && JSON.stringify(page).length < 2 * OUTBOX, "a page has at most what an outbox may hold");
    heard.push(...page.events.map(({ args: [{ number }] }) => number));
    assert.equal(page.position, page.events.at(-1).id);
    ({ position, hasMore: more } = page);
  }
  assert.deepEqual(heard, numbers(GAP));
  assert.ok(pages >= 20, `${pages} pages`);
});

test("the server's memory does not grow with what a client has missed", async (t) => {
  const gap = async (sub, count) => {
    const ben = await listener(t, server, sub, "", { transports: ["websocket"] });
    let before;
    const { heard, until, comeBack } = await misses(ben, sub, count, () => (before = server.running.memory()));
    assert.equal(await comeBack(), true);
    await until(count);
    assert.equal(heard.length, count + 1);
    return server.running.memory() - before;
  };
  // With the first gap the process takes memory that it keeps.
  await gap("first", GAP);
  await gap("short", GAP);
  const grown = await gap("long", 4 * GAP);
  assert.ok(grown < GAP * SIZE, `by ${grown} bytes for ${4 * GAP * SIZE} that were missed`);
});

test("events that were missed before the server was killed are replayed from the database", async (t) => {
  const ben = await listener(t, server, "survivor", "", { transports: ["websocket"] });
  const { heard, until, comeBack } = await misses(ben, "survivor", GAP);
  await server.killAndRestart();
  assert.equal(await comeBack(), true);
  await until(GAP);
  assert.deepEqual(heard, numbers(GAP + 1));
});
