// The memory for missed events is shared fairly: a user who causes more events than it holds evicts no other user's events.

import assert from "node:assert/strict";
import { test } from "node:test";
import { person } from "../support/users.js";
import { roomcast } from "../support/server.js";
import { contents, conversation, hears, join, listener, lose, stayAway } from "./clients.js";

const KEEP = 200;
const server = roomcast({ JOURNAL_KEEP: `${KEEP}`, JOURNAL_MEMORY: "64KB" });

// A client that has missed three messages of anna's, and a function that lets it reconnect.
async function missing(t, sub) {
  const { id, say } = await conversation(server, sub);
  const socket = await listener(t, server, sub, "/messenger", { transports: ["websocket"] });
  await join(socket, id);
  await say("heard");
  await hears(socket, "heard");
  const comeBack = stayAway(socket);
  await lose(socket);
  for (const content of ["one", "two", "three"]) await say(content);
  return { socket, comeBack, id };
}

async function recovered({ socket, comeBack }) {
  assert.equal(await comeBack(), true);
  await hears(socket, "three");
  assert.deepEqual(contents(socket), ["heard", "one", "two", "three"]);
}

test("a user who changes a profile in many households evicts no other user's events", async (t) => {
  const mallory = person(server, "mallory");
  for (let number = 0; number < 50; number++) await mallory.ask("POST", "/households", { name: `Household ${number}` });
  const away = await missing(t, "ben");
  for (let number = 0; number < 20; number++) await mallory.ask("PUT", "/users/mallory", { name: `Mallory ${number}` });
  await recovered(away);
});

test("a user who renames a large space evicts no other user's events, also when the server is killed", async (t) => {
  const eve = person(server, "eve");
  const { id } = await eve.ask("POST", "/api/v1/projects", { name: "Large" });
  for (let number = 0; number < 40; number++) await eve.ask("POST", `/api/v1/projects/${id}/members`, { userId: `member-${number}` });
  const away = await missing(t, "carl");
  for (let number = 0; number < 2 * KEEP; number++) await eve.ask("PUT", `/api/v1/projects/${id}`, { name: `Large ${number}` });
  await server.killAndRestart();
  await recovered(away);
});

// How a user adds `sub` to a new space, and where the user then causes many events: there, or in another space.
const ADDITIONS = {
  "adds another to a project and renames it": async (attacker, sub) => {
    const { id } = await attacker.ask("POST", "/api/v1/projects", { name: "Trap" });
    await attacker.ask("POST", `/api/v1/projects/${id}/members`, { userId: sub });
    return id;
  },
  "adds another to a project and renames a second one": async (attacker, sub) => {
    const { id } = await attacker.ask("POST", "/api/v1/projects", { name: "Trap" });
    await attacker.ask("POST", `/api/v1/projects/${id}/members`, { userId: sub });
    return (await attacker.ask("POST", "/api/v1/projects", { name: "Loud" })).id;
  },
  "begins a conversation with another and renames a project": async (attacker, sub) => {
    await attacker.ask("POST", "/api/conversations", { participantIds: [sub] });
    return (await attacker.ask("POST", "/api/v1/projects", { name: "Loud" })).id;
  },
};

for (const [number, [name, add]] of Object.entries(ADDITIONS).entries()) {
  test(`a user who ${name} many times does not end the recovery of the added user`, async (t) => {
    const attacker = person(server, `attacker-${number}`);
    const away = await missing(t, `added-${number}`);
    const loud = await add(attacker, `added-${number}`);
    for (let count = 0; count < 2 * KEEP; count++) await attacker.ask("PUT", `/api/v1/projects/${loud}`, { name: `Loud ${count}` });
    await recovered(away);
  });
}

test("a client in a room of the user who causes most events learns that events are missing", async (t) => {
  const { id, say } = await conversation(server, "dora");
  const dora = await listener(t, server, "dora", "/messenger", { transports: ["websocket"] });
  await join(dora, id);
  await say("heard");
  await hears(dora, "heard");
  const comeBack = stayAway(dora);
  await lose(dora);
  for (let number = 0; number < 2 * KEEP; number++) await say(`${number}`);
  assert.equal(await comeBack(), false);
});
