// rust_socketio, the client for Rust (e2e/rust). Its `t` has few values, so requests of one session often have the same.

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import path from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { CALM, conformance } from "../support/conformance.js";

const program = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "../rust/target/debug/roomcast-e2e-rust");
const server = conformance(CALM);

const MESSAGES = 10;
const expected = Array.from({ length: 2 * MESSAGES }, (_, index) => index >> 1);

for (const [transport, times] of [["polling", 50], ["websocket", 5], ["any", 5]]) {
  test(`by ${transport}, ${times} times, everything arrives once and in order`, async () => {
    for (let time = 0; time < times; time += 1) {
      const { stdout } = await promisify(execFile)(program, [server.url, transport, String(MESSAGES)]);
      assert.deepEqual(JSON.parse(stdout), expected, `time ${time}`);
    }
  });
}
