// The engine's example server for protocol tests: an Engine.IO echo, Socket.IO with the namespaces `/` and `/custom`, and a raw WebSocket echo.

import { after, before } from "node:test";
import { binary, startProcess } from "./process.js";

// A heartbeat interval that no test reaches. With the example's short interval a slow machine would lose connections.
export const LONG_HEARTBEATS = { PING_INTERVAL: "25000", PING_TIMEOUT: "20000" };

export function startConformanceServer(env = {}) {
  return startProcess(binary("examples/conformance", "CONFORMANCE"), [], env);
}

// One server for the tests of a file or of a `describe`. A hook before the first test fills in the returned object.
export function conformanceServer(env = {}) {
  const server = {};
  let running;
  before(async () => {
    running = await startConformanceServer(env);
    Object.assign(server, { port: running.port, url: running.url, ws: running.ws, running });
  });
  after(() => running?.stop());
  return server;
}
