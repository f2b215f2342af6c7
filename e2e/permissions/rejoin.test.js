// A client asks again for a room that its socket is in: the answer needs no transaction, and keeps its place before a removal and behind a leave.

import assert from "node:assert/strict";
import { test } from "node:test";
import { arrives } from "../support/wait-for.js";
import { Sockets } from "../support/recording-client.js";
import { get } from "../support/http.js";
import { API_KEY, mark, person } from "../support/users.js";
import { roomcast } from "../support/server.js";
import { THINGS } from "./fixtures.js";
import { CONTRACTS } from "./event-matrix.js";

const server = roomcast({ ROOMCAST_API_KEY: API_KEY, METRICS: "open" });

const ROUNDS = 200;

// How many commands the writer has decided so far.
async function decided() {
  const { text } = await get(`${server.url}/metrics`);
  return Number(text.match(/^roomcast_writer_batch_commands_sum (\d+)/m)[1]);
}

// Of the other two, the studio answers with who of the members is online, and a trip may be in deletion: both ask the store.
for (const contract of ["household", "messenger"]) {
  const { namespace, about, asks } = CONTRACTS[contract];
  test(`${contract}: a room that the socket is in is confirmed without the writer`, async (t) => {
    const sockets = new Sockets(server, t);
    const { id } = await THINGS[about].there(server, sockets);
    const bob = await sockets.open("bob", namespace);
    const [name, argument] = asks(id);
    const first = await bob.ask(name, [argument]);
    assert.equal(first.ok, true);
    const before = await decided();
    const answers = await Promise.all(Array.from({ length: ROUNDS }, () => bob.ask(name, [argument])));
    for (const answer of answers) assert.deepEqual(answer, first);
    // Commands that the server runs by its own clock count, too.
    const commands = (await decided()) - before;
    assert.ok(commands < ROUNDS / 2, `${commands} commands for ${ROUNDS} joins`);
  });
}

test("a join behind a leave that is on its way is a join", async (t) => {
  const sockets = new Sockets(server, t);
  const { id, change } = await THINGS.household.there(server, sockets);
  const bob = await sockets.open("bob", "/household");
  const order = [];
  const ask = async (name) => {
    const answer = await bob.ask(name, [{ householdId: id }]);
    order.push(name);
    assert.equal(answer.ok, true);
  };
  const asked = Array.from({ length: 50 }, () => ["join:household", "leave:household", "join:household"]).flat();
  await Promise.all(asked.map(ask));
  assert.deepEqual(order, asked);
  await change();
  await mark(server, "bob");
  assert.ok((await bob.toMark()).some(([name]) => name === "household:updated"), "the last word was a join");
});

test("a member who asks for the room without a pause is confirmed before the removal and never after it", async (t) => {
  const sockets = new Sockets(server, t);
  const alice = person(server, "alice");
  for (let round = 0; round < 20; round++) {
    const { id } = await THINGS.household.there(server, sockets);
    const bob = await sockets.open("bob", "/household");
    const log = [];
    const hear = bob.hear.bind(bob);
    bob.hear = (name, what) => {
      if (name === "household:member_left") log.push("removed");
      hear(name, what);
    };
    let confirm;
    const confirmed = new Promise((resolve) => (confirm = resolve));
    // By callback: several packets of one read are handed over in their order, and a promise would resume behind all of them.
    const ask = (refused) => {
      bob.socket.emit("join:household", { householdId: id }, (answer) => {
        log.push(answer.ok ? "ok" : answer.code);
        if (!answer.ok) return refused();
        confirm();
        ask(refused);
      });
    };
    // Several at once, so that one is always on its way; the removal begins when they are.
    const asking = Array.from({ length: 8 }, () => new Promise(ask));
    await arrives(confirmed, () => "no join is confirmed");
    await alice.ask("DELETE", `/households/${id}/members/bob`);
    await arrives(Promise.all(asking), () => `the joins are still confirmed or unanswered: ${log.slice(-20).join(" ")}`);
    await mark(server, "bob");
    await bob.toMark();
    assert.ok(log.includes("removed"), "the removal is told");
    assert.ok(!log.slice(log.indexOf("removed")).includes("ok"), log.join(" "));
    bob.close();
  }
});

test("workspace: each join is answered with the users in the room", async (t) => {
  const sockets = new Sockets(server, t);
  for (const kind of ["project", "channel", "task"]) {
    const { room } = await THINGS[kind].there(server, sockets);
    const bob = await sockets.raw("bob");
    for (let round = 0; round < 3; round++) {
      bob.send({ type: "join_room", room });
      const [, joined] = await bob.next(([type]) => type === "joined_room");
      assert.deepEqual([joined.data.members_online.map(({ username }) => username), joined.data.members_online_count], [["bob"], 1], `${kind}, ${round}`);
    }
    bob.close();
  }
});
