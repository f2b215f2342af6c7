// The engine's example that serves the protocol suites: an Engine.IO echo, Socket.IO with `/` and `/custom`, and a raw echo.

import { after, before } from "node:test";
import { binary, start } from "./process.js";

// Heartbeats that no test waits for, where a slow machine would otherwise lose connections.
export const CALM = { PING_INTERVAL: "25000", PING_TIMEOUT: "20000" };

export function startConformance(env = {}) {
  return start(binary("examples/conformance", "CONFORMANCE"), [], env);
}

// One server for the tests of a file (or of a `describe`). What is returned is filled in before the first test.
export function conformance(env = {}) {
  const server = {};
  let running;
  before(async () => {
    running = await startConformance(env);
    Object.assign(server, { port: running.port, url: running.url, ws: running.ws, running });
  });
  after(() => running?.stop());
  return server;
}
