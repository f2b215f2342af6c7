// After every attack: is the server still there for others?

import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import { Polling } from "./engineio.js";
import { openSocket } from "./ws-queue.js";

// A newcomer is served over long-polling and over WebSocket by the example.
export async function servesOthers(server) {
  assert.ok(server.running.alive, `the server has ended: ${server.running.said}`);
  const session = await Polling.open(server);
  await session.post("4hello");
  assert.deepEqual(await session.receive(1), ["4hello"]);
  const socket = await openSocket(`${server.ws}/raw`);
  socket.send("hello");
  assert.equal(await socket.next(), "hello");
  await socket.close();
}

// How many connections, files and the like the process has open.
export const descriptors = (server) => readdirSync(`/proc/${server.running.pid}/fd`).length;

export const MEGABYTE = 1 << 20;

// Fails if the server's own memory is more than `megabytes` above what it was. Inputs: what `memory()` said before.
export function staysFlat(server, before, megabytes, what = "") {
  const grown = (server.running.memory() - before) / MEGABYTE;
  assert.ok(grown < megabytes, `${what} the server has grown by ${grown.toFixed(1)} MB`);
}
