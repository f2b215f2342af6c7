// rust_socketio, the client for Rust (e2e/rust). Its `t` has few values, so requests of one session often have the same value.

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import path from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { conformanceServer, LONG_HEARTBEATS } from "../support/conformance-server.js";
import { waitFor } from "../support/wait-for.js";

const program = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "../rust/target/debug/roomcast-e2e-rust");
const server = conformanceServer(LONG_HEARTBEATS);

const MESSAGES = 10;
const expected = Array.from({ length: 2 * MESSAGES }, (_, index) => index >> 1);

for (const [transport, times] of [["polling", 50], ["websocket", 5], ["any", 5]]) {
  test(`${times} clients over ${transport} receive every message once and in order`, async (t) => {
    // A client that is still running after a failure is stopped with the test.
    const end = new AbortController();
    t.after(() => end.abort());
    for (let time = 0; time < times; time += 1) {
      const run = promisify(execFile)(program, [server.url, transport, String(MESSAGES)], { signal: end.signal });
      const { stdout } = await waitFor(run, () => `client ${time} is still running`);
      assert.deepEqual(JSON.parse(stdout), expected, `client ${time}`);
    }
  });
}
