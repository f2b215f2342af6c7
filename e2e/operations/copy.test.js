// `roomcast copy`: a server moves to another database, and clients that were connected before are recovered after it without loss.

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { test } from "node:test";
import { promisify } from "node:util";
import { connectRecordingClient, createConversation, joinConversation, loseConnection, messageContents, preventReconnect, waitForMessage } from "../recovery/clients.js";
import { startPostgres } from "../support/postgres-server.js";
import { binary, freePort } from "../support/process.js";
import { startServer } from "../support/server.js";
import { waitFor } from "../support/wait-for.js";

const run = promisify(execFile);

// Runs `roomcast copy`, with the target in DATABASE_URL. Resolves with what it prints.
async function copy(from, to) {
  const running = run(binary("roomcast", "ROOMCAST"), ["copy", "--from", from], { env: { DATABASE_URL: to }, cwd: tmpdir() });
  const { stdout } = await waitFor(running, () => "roomcast copy is still running");
  return stdout;
}

test("a client is recovered without loss after a copy to PostgreSQL and after one back to SQLite", async (t) => {
  const postgres = await startPostgres(t);
  const folder = await mkdtemp(path.join(tmpdir(), "roomcast-copy-"));
  t.after(() => rm(folder, { recursive: true, force: true }));
  const databases = [`sqlite://${folder}/first.db`, postgres.url, `sqlite://${folder}/last.db`];
  const port = await freePort();
  const start = (database) => startServer({ DATABASE_URL: database }, { port });

  let server = await start(databases[0]);
  t.after(() => server.stop());
  const { id, send } = await createConversation(server, "ben");
  const ben = await connectRecordingClient(t, server, "ben");
  await joinConversation(ben, id);
  const before = { id: ben.id, pid: ben._pid };
  const sent = [];
  const sendNext = async () => send(sent[sent.push(`message ${sent.length}`) - 1]);
  await sendNext();
  await waitForMessage(ben, sent[0]);

  for (const [number, signal] of [[0, "SIGTERM"], [1, "SIGKILL"]]) {
    const [from, to] = databases.slice(number);
    const reconnect = preventReconnect(ben);
    await loseConnection(ben);
    for (let missed = 0; missed < 20; missed++) await sendNext();
    await assert.rejects(copy(from, to), ({ stderr }) => /is in use by .*; stop that server first, and copy again\n$/.test(stderr));
    server.child.kill(signal);
    await server.exited;
    assert.match(await copy(from, to), /^messages +\d+$/m);
    await server.stop();
    server = await start(to);
    assert.equal(await reconnect(), true, `the client is recovered on ${to}`);
    assert.deepEqual({ id: ben.id, pid: ben._pid }, before);
    await sendNext();
    await waitForMessage(ben, sent.at(-1));
    assert.deepEqual(messageContents(ben), sent);
  }
});
