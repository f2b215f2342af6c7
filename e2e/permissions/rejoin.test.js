// A client asks again for a room that its socket is in: the answer needs no transaction, and keeps its place before a removal and behind a leave.

import assert from "node:assert/strict";
import { test } from "node:test";
import { get } from "../support/http.js";
import { RecordingClients } from "../support/recording-client.js";
import { sharedServer } from "../support/server.js";
import { API_KEY, emitMarker, user } from "../support/users.js";
import { waitFor } from "../support/wait-for.js";
import { CONTRACTS } from "./event-matrix.js";
import { THINGS } from "./fixtures.js";

const server = sharedServer({ ROOMCAST_API_KEY: API_KEY, METRICS: "open" });

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
    const sockets = new RecordingClients(server, t);
    const { id } = await THINGS[about].there(server, sockets);
    const bob = await sockets.open("bob", namespace);
    const [name, argument] = asks(id);
    const first = await bob.request(name, [argument]);
    assert.equal(first.ok, true);
    const before = await decided();
    const acks = await Promise.all(Array.from({ length: ROUNDS }, () => bob.request(name, [argument])));
    for (const ack of acks) assert.deepEqual(ack, first);
    // Commands that the server runs by its own clock count, too.
    const commands = (await decided()) - before;
    assert.ok(commands < ROUNDS / 2, `${commands} commands for ${ROUNDS} joins`);
  });
}

test("a join behind a leave that is on its way is a join", async (t) => {
  const sockets = new RecordingClients(server, t);
  const { id, change } = await THINGS.household.there(server, sockets);
  const bob = await sockets.open("bob", "/household");
  const order = [];
  const ask = async (name) => {
    const ack = await bob.request(name, [{ householdId: id }]);
    order.push(name);
    assert.equal(ack.ok, true);
  };
  const asked = Array.from({ length: 50 }, () => ["join:household", "leave:household", "join:household"]).flat();
  await Promise.all(asked.map(ask));
  assert.deepEqual(order, asked);
  await change();
  await emitMarker(server, "bob");
  assert.ok((await bob.untilMarker()).some(([name]) => name === "household:updated"), "the last word was a join");
});

test("a member who asks for the room without a pause is confirmed before the removal and never after it", async (t) => {
  const sockets = new RecordingClients(server, t);
  const alice = user(server, "alice");
  for (let round = 0; round < 20; round++) {
    const { id } = await THINGS.household.there(server, sockets);
    const bob = await sockets.open("bob", "/household");
    const log = [];
    const hear = bob.record.bind(bob);
    bob.record = (name, what) => {
      if (name === "household:member_left") log.push("removed");
      hear(name, what);
    };
    let confirm;
    const confirmed = new Promise((resolve) => (confirm = resolve));
    // By callback: several packets of one read are handed over in their order, and a promise would resume behind all of them.
    const ask = (refused) => {
      bob.socket.emit("join:household", { householdId: id }, (ack) => {
        log.push(ack.ok ? "ok" : ack.code);
        if (!ack.ok) return refused();
        confirm();
        ask(refused);
      });
    };
    // Several at once, so that one is always on its way; the removal begins when they are.
    const asking = Array.from({ length: 8 }, () => new Promise(ask));
    await waitFor(confirmed, () => "no join is confirmed");
    await alice.request("DELETE", `/households/${id}/members/bob`);
    await waitFor(Promise.all(asking), () => `the joins are still confirmed or unanswered: ${log.slice(-20).join(" ")}`);
    await emitMarker(server, "bob");
    await bob.untilMarker();
    assert.ok(log.includes("removed"), "the removal is told");
    assert.ok(!log.slice(log.indexOf("removed")).includes("ok"), log.join(" "));
    bob.close();
  }
});

test("workspace: each join is answered with the users in the room", async (t) => {
  const sockets = new RecordingClients(server, t);
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
