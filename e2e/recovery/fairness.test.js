// The in-memory event history is shared fairly: a user who causes more events than it holds does not evict the events of other users.

import assert from "node:assert/strict";
import { test } from "node:test";
import { sharedServer } from "../support/server.js";
import { user } from "../support/users.js";
import { connectRecordingClient, createConversation, joinConversation, loseConnection, messageContents, preventReconnect, waitForMessage } from "./clients.js";

const KEEP = 200;
const server = sharedServer({ JOURNAL_KEEP: `${KEEP}`, JOURNAL_MEMORY: "64KB" });

// A disconnected client that has missed three messages of anna. `reconnect` lets it reconnect.
async function missThreeMessages(t, sub) {
  const { id, send } = await createConversation(server, sub);
  const socket = await connectRecordingClient(t, server, sub, "/messenger", { transports: ["websocket"] });
  await joinConversation(socket, id);
  await send("received");
  await waitForMessage(socket, "received");
  const reconnect = preventReconnect(socket);
  await loseConnection(socket);
  for (const content of ["one", "two", "three"]) await send(content);
  return { socket, reconnect: reconnect, id };
}

async function assertRecovered({ socket, reconnect }) {
  assert.equal(await reconnect(), true);
  await waitForMessage(socket, "three");
  assert.deepEqual(messageContents(socket), ["received", "one", "two", "three"]);
}

test("a user who changes a profile in many households evicts no other user's events", async (t) => {
  const mallory = user(server, "mallory");
  for (let number = 0; number < 50; number++) await mallory.request("POST", "/households", { name: `Household ${number}` });
  const away = await missThreeMessages(t, "ben");
  for (let number = 0; number < 20; number++) await mallory.request("PUT", "/users/mallory", { name: `Mallory ${number}` });
  await assertRecovered(away);
});

test("a user who renames a large space evicts no other user's events, also when the server is killed", async (t) => {
  const eve = user(server, "eve");
  const { id } = await eve.request("POST", "/api/v1/projects", { name: "Large" });
  for (let number = 0; number < 40; number++) await eve.request("POST", `/api/v1/projects/${id}/members`, { userId: `member-${number}` });
  const away = await missThreeMessages(t, "carl");
  for (let number = 0; number < 2 * KEEP; number++) await eve.request("PUT", `/api/v1/projects/${id}`, { name: `Large ${number}` });
  await server.killAndRestart();
  await assertRecovered(away);
});

// How a user adds `sub` to a new space, and where the user then causes many events: there, or in another space.
const ADDITIONS = {
  "adds another to a project and renames it": async (attacker, sub) => {
    const { id } = await attacker.request("POST", "/api/v1/projects", { name: "Trap" });
    await attacker.request("POST", `/api/v1/projects/${id}/members`, { userId: sub });
    return id;
  },
  "adds another to a project and renames a second one": async (attacker, sub) => {
    const { id } = await attacker.request("POST", "/api/v1/projects", { name: "Trap" });
    await attacker.request("POST", `/api/v1/projects/${id}/members`, { userId: sub });
    return (await attacker.request("POST", "/api/v1/projects", { name: "Loud" })).id;
  },
  "begins a conversation with another and renames a project": async (attacker, sub) => {
    await attacker.request("POST", "/api/conversations", { participantIds: [sub] });
    return (await attacker.request("POST", "/api/v1/projects", { name: "Loud" })).id;
  },
};

for (const [number, [name, add]] of Object.entries(ADDITIONS).entries()) {
  test(`a user who ${name} many times does not end the recovery of the added user`, async (t) => {
    const attacker = user(server, `attacker-${number}`);
    const away = await missThreeMessages(t, `added-${number}`);
    const loud = await add(attacker, `added-${number}`);
    for (let count = 0; count < 2 * KEEP; count++) await attacker.request("PUT", `/api/v1/projects/${loud}`, { name: `Loud ${count}` });
    await assertRecovered(away);
  });
}

test("a client in a room of the user who causes most events learns that events are missing", async (t) => {
  const { id, send } = await createConversation(server, "dora");
  const dora = await connectRecordingClient(t, server, "dora", "/messenger", { transports: ["websocket"] });
  await joinConversation(dora, id);
  await send("received");
  await waitForMessage(dora, "received");
  const reconnect = preventReconnect(dora);
  await loseConnection(dora);
  for (let number = 0; number < 2 * KEEP; number++) await send(`${number}`);
  assert.equal(await reconnect(), false);
});
