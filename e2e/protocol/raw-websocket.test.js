// The raw WebSocket echo of the example server, without Engine.IO.

import assert from "node:assert/strict";
import { test } from "node:test";
import { conformanceServer, LONG_HEARTBEATS } from "../support/conformance-server.js";
import { get } from "../support/http.js";
import { connectionOutcome, openWebSocket } from "../support/ws-queue.js";

const server = conformanceServer(LONG_HEARTBEATS);

test("messages are echoed unchanged, without a greeting", async () => {
  const socket = await openWebSocket(`${server.ws}/raw`);
  socket.send("hello", "", Buffer.from([1, 2]), "2", "€");
  for (const message of ["hello", "", Buffer.from([1, 2]), "2", "€"]) assert.deepEqual(await socket.next(), message);
  assert.equal((await socket.close(1000)).code, 1000);
});

test("10,000 messages are echoed in order", async () => {
  const socket = await openWebSocket(`${server.ws}/raw?token=x`);
  for (let i = 0; i < 10_000; i++) socket.send(String(i));
  for (let i = 0; i < 10_000; i++) assert.equal(await socket.next(), String(i));
  await socket.close();
});

test("a GET without upgrade is answered with 426, and a path below with 404", async () => {
  assert.equal((await get(`${server.url}/raw`)).status, 426);
  const below = await connectionOutcome(`${server.ws}/raw/below`);
  assert.deepEqual([below.opened, below.status], [false, 404]);
});
