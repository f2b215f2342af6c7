// `examples/rust-embedded` emits events to stock clients. Clients that were disconnected receive the persisted events later.

import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { test } from "node:test";
import { io } from "socket.io-client";
import { binary, freePort } from "../support/process.js";
import { SECRET } from "../support/server.js";
import { sign } from "../support/tokens.js";
import { waitFor } from "../support/wait-for.js";
import { waitUntil } from "../support/wait-until.js";
import { start, startCommand } from "./program.js";

// Starts the program, which `cargo xtask test` has built already.
async function startProgram(t, folder, port) {
  const command = (await startCommand("rust-embedded")).replace("cargo run --release", binary("rust-embedded", "RUST_EMBEDDED"));
  const env = { HOST: "127.0.0.1", PORT: String(port), JWT_SECRET: SECRET, DATABASE_URL: `sqlite://${folder}/roomcast.db` };
  const started = await start(t, "rust-embedded", { command, env });
  await started.prints(/listens on/);
  return started;
}

async function client(t, port, sub) {
  const socket = io(`http://127.0.0.1:${port}`, { auth: { token: sign({ sub }, SECRET) }, forceNew: true });
  t.after(() => socket.close());
  socket.done = [];
  socket.on("job:done", ({ job }) => socket.done.push(job));
  await waitFor(once(socket, "connect"), () => `${sub} is not connected`);
  return socket;
}

const times = (done, job) => done.filter((one) => one === job).length;
const waitForJobs = (socket, isEnough) => waitUntil(() => (isEnough(socket.done) ? null : `the finished jobs are ${socket.done}`));

test("stored events reach a client that was disconnected while the program was killed", async (t) => {
  const folder = await mkdtemp(path.join(tmpdir(), "rust-embedded-"));
  t.after(() => rm(folder, { recursive: true, force: true }));
  const port = await freePort();
  const first = await startProgram(t, folder, port);
  const [anna, ben] = [await client(t, port, "anna"), await client(t, port, "ben")];
  const [progress] = await waitFor(once(anna, "job:progress"), () => "no progress event has arrived");
  assert.ok([0, 25, 50, 75].includes(progress.percent));
  await waitForJobs(ben, (done) => done.length > 0);

  // Ben is disconnected while two jobs finish and the program is killed.
  ben.io.reconnection(false);
  ben.io.engine.close();
  const before = ben.done.length;
  await waitForJobs(anna, (done) => done.length >= before + 2);
  await first.kill();
  const second = await startProgram(t, folder, port);
  await waitForJobs(anna, (done) => times(done, 1) === 2);
  const back = once(ben, "connect");
  ben.connect();
  await waitFor(back, () => "ben has not reconnected");
  assert.equal(ben.recovered, true);
  for (const socket of [anna, ben]) await waitForJobs(socket, (done) => times(done, 2) === 2);
  // Anna connected before ben, and has reconnected automatically.
  const expected = anna.done.slice(anna.done.indexOf(ben.done[0]));
  const length = Math.min(expected.length, ben.done.length);
  assert.deepEqual(ben.done.slice(0, length), expected.slice(0, length));

  second.signal("SIGINT");
  assert.deepEqual(await second.exited, { code: 0, signal: null });
});
