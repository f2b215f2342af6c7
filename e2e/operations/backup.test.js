// `roomcast backup` of a running server, and `roomcast restore`: the backup has everything that was acknowledged before it, and a server continues with it.

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { readdir } from "node:fs/promises";
import { test } from "node:test";
import { promisify } from "node:util";
import { connectRecordingClient, createConversation, joinConversation, loseConnection, messageContents, preventReconnect, waitForMessage } from "../recovery/clients.js";
import { binary, freePort } from "../support/process.js";
import { startServer } from "../support/server.js";
import { waitFor } from "../support/wait-for.js";

// Runs a command with the database of a server. Resolves with the parsed output.
async function command(server, ...args) {
  const env = { DATABASE_URL: `sqlite://${server.folder}/roomcast.db` };
  const running = promisify(execFile)(binary("roomcast", "ROOMCAST"), [...args, "--json"], { env, cwd: server.folder });
  const { stdout } = await waitFor(running, () => `roomcast ${args[0]} is still running`);
  return JSON.parse(stdout);
}

test("a backup under load has what was acknowledged before it, and a restored server recovers its clients", async (t) => {
  const port = await freePort();
  const server = await startServer({}, { port });
  t.after(() => server.stop());
  const { id, send } = await createConversation(server, "ben");
  const ben = await connectRecordingClient(t, server, "ben");
  await joinConversation(ben, id);
  const sent = [];
  const sendNext = async () => send(sent[sent.push(`message ${sent.length}`) - 1]);
  for (let count = 0; count < 20; count++) await sendNext();
  await waitForMessage(ben, sent.at(-1));

  // The client is away from here on, so that the restored server must replay.
  const reconnect = preventReconnect(ben);
  await loseConnection(ben);
  for (let count = 0; count < 20; count++) await sendNext();
  const before = sent.length;
  let copying = true;
  const backup = command(server, "backup", "copy.db").finally(() => (copying = false));
  while (copying) await sendNext();
  const { lastOffset } = await backup;
  assert.ok(lastOffset >= before, `${lastOffset} events, ${before} messages`);

  await assert.rejects(command(server, "restore", "copy.db", "--replace"), ({ stderr }) => /is in use by process \d+/.test(stderr));
  await server.running.stop();
  const { replaced } = await command(server, "restore", "copy.db", "--replace");
  assert.ok((await readdir(server.folder)).includes(replaced.split("/").at(-1)));
  // The same folder and port; the server was stopped already.
  await server.killAndRestart();
  assert.equal(await reconnect(), true, "the client is recovered");
  await waitForMessage(ben, sent[before - 1]);
  const received = messageContents(ben);
  assert.deepEqual(received.slice(0, before), sent.slice(0, before), "everything that was acknowledged before the backup, once and in order");
  assert.deepEqual(received, sent.slice(0, received.length), "nothing else");
});
