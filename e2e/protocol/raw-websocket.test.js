// A plain WebSocket, without Engine.IO: what is sent is what arrives.

import assert from "node:assert/strict";
import { test } from "node:test";
import { conformanceServer, LONG_HEARTBEATS } from "../support/conformance-server.js";
import { get } from "../support/http.js";
import { connectionOutcome, openWebSocket } from "../support/ws-queue.js";

const server = conformanceServer(LONG_HEARTBEATS);

test("messages come back as they were, without a greeting", async () => {
  const socket = await openWebSocket(`${server.ws}/raw`);
  socket.send("hello", "", Buffer.from([1, 2]), "2", "€");
  for (const message of ["hello", "", Buffer.from([1, 2]), "2", "€"]) assert.deepEqual(await socket.next(), message);
  assert.equal((await socket.close(1000)).code, 1000);
});

test("ten thousand messages come back in order", async () => {
  const socket = await openWebSocket(`${server.ws}/raw?token=x`);
  for (let i = 0; i < 10_000; i++) socket.send(String(i));
  for (let i = 0; i < 10_000; i++) assert.equal(await socket.next(), String(i));
  await socket.close();
});

test("nothing but a WebSocket is served there, and nothing below it", async () => {
  assert.equal((await get(`${server.url}/raw`)).status, 426);
  const below = await connectionOutcome(`${server.ws}/raw/below`);
  assert.deepEqual([below.opened, below.status], [false, 404]);
});
