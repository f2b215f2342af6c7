// Asserts that the server is healthy during and after an attack.

import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import { PollingSession } from "./engineio.js";
import { openWebSocket } from "./ws-queue.js";

// Asserts that the example server accepts new clients over long-polling and over WebSocket, and echoes their messages.
export async function assertServesNewClients(server) {
  assert.ok(server.running.alive, `the server has exited: ${server.running.output}`);
  const session = await PollingSession.open(server);
  await session.post("4hello");
  assert.deepEqual(await session.receive(1), ["4hello"]);
  const socket = await openWebSocket(`${server.ws}/raw`);
  socket.send("hello");
  assert.equal(await socket.next(), "hello");
  await socket.close();
}

// The number of file descriptors, such as connections and files, that the process has open.
export const openDescriptors = (server) => readdirSync(`/proc/${server.running.pid}/fd`).length;

export const MEGABYTE = 1 << 20;

// Asserts that the server's memory has grown by less than `megabytes` since `before`, an earlier result of `memory()`.
export function assertMemoryStable(server, before, megabytes, description = "") {
  const grown = (server.running.memory() - before) / MEGABYTE;
  assert.ok(grown < megabytes, `${description} the server has grown by ${grown.toFixed(1)} MB`);
}
