// A client joins a room that its socket has already joined. The reply needs no transaction, and keeps its order relative to a removal and a leave.

import assert from "node:assert/strict";
import { test } from "node:test";
import { get } from "../support/http.js";
import { RecordingClients } from "../support/recording-client.js";
import { sharedServer } from "../support/server.js";
import { API_KEY, emitMarker, user } from "../support/users.js";
import { waitFor } from "../support/wait-for.js";
import { CONTRACTS } from "./event-matrix.js";
import { FIXTURES } from "./fixtures.js";

const server = sharedServer({ ROOMCAST_API_KEY: API_KEY, METRICS: "open" });

const ROUNDS = 200;

// The number of commands that the writer has executed.
async function executedCommands() {
  const { text } = await get(`${server.url}/metrics`);
  return Number(text.match(/^roomcast_writer_batch_commands_sum (\d+)/m)[1]);
}

// The other two contracts always read from the store: studio returns the online members, and a trip may be about to be deleted.
for (const contract of ["household", "messenger"]) {
  const { namespace, fixture, joinRequest } = CONTRACTS[contract];
  test(`${contract}: a repeated join is acknowledged without the writer`, async (t) => {
    const clients = new RecordingClients(server, t);
    const { id } = await FIXTURES[fixture].create(server, clients);
    const bob = await clients.open("bob", namespace);
    const [name, argument] = joinRequest(id);
    const first = await bob.request(name, [argument]);
    assert.equal(first.ok, true);
    const before = await executedCommands();
    const acks = await Promise.all(Array.from({ length: ROUNDS }, () => bob.request(name, [argument])));
    for (const ack of acks) assert.deepEqual(ack, first);
    // The commands of the server's own timers count as well.
    const commands = (await executedCommands()) - before;
    assert.ok(commands < ROUNDS / 2, `${commands} commands for ${ROUNDS} joins`);
  });
}

test("a join right after a leave joins the room again", async (t) => {
  const clients = new RecordingClients(server, t);
  const { id, change } = await FIXTURES.household.create(server, clients);
  const bob = await clients.open("bob", "/household");
  const order = [];
  const request = async (name) => {
    const ack = await bob.request(name, [{ householdId: id }]);
    order.push(name);
    assert.equal(ack.ok, true);
  };
  const requests = Array.from({ length: 50 }, () => ["join:household", "leave:household", "join:household"]).flat();
  await Promise.all(requests.map(request));
  assert.deepEqual(order, requests);
  await change();
  await emitMarker(server, "bob");
  assert.ok((await bob.untilMarker()).some(([name]) => name === "household:updated"), "the last request was a join");
});

test("a member who repeats a join is acknowledged before the removal, and never after it", async (t) => {
  const clients = new RecordingClients(server, t);
  const alice = user(server, "alice");
  for (let round = 0; round < 20; round++) {
    const { id } = await FIXTURES.household.create(server, clients);
    const bob = await clients.open("bob", "/household");
    const log = [];
    const record = bob.record.bind(bob);
    bob.record = (name, args) => {
      if (name === "household:member_left") log.push("removed");
      record(name, args);
    };
    let confirm;
    const confirmed = new Promise((resolve) => (confirm = resolve));
    // A callback runs between two packets of one read. A promise would resume after all of them.
    const join = (onRejected) => {
      bob.socket.emit("join:household", { householdId: id }, (ack) => {
        log.push(ack.ok ? "ok" : ack.code);
        if (!ack.ok) return onRejected();
        confirm();
        join(onRejected);
      });
    };
    // Eight chains of joins, so that a join is always in flight. The removal begins after the first acknowledgement.
    const chains = Array.from({ length: 8 }, () => new Promise(join));
    await waitFor(confirmed, () => "no join is acknowledged");
    await alice.request("DELETE", `/households/${id}/members/bob`);
    await waitFor(Promise.all(chains), () => `no join is rejected: ${log.slice(-20).join(" ")}`);
    await emitMarker(server, "bob");
    await bob.untilMarker();
    assert.ok(log.includes("removed"), "bob has not received the removal");
    assert.ok(!log.slice(log.indexOf("removed")).includes("ok"), log.join(" "));
    bob.close();
  }
});

test("workspace: the reply to a repeated join has the users in the room", async (t) => {
  const clients = new RecordingClients(server, t);
  for (const kind of ["project", "channel", "task"]) {
    const { room } = await FIXTURES[kind].create(server, clients);
    const bob = await clients.raw("bob");
    for (let round = 0; round < 3; round++) {
      bob.send({ type: "join_room", room });
      const [, joined] = await bob.next(([type]) => type === "joined_room");
      assert.deepEqual([joined.data.members_online.map(({ username }) => username), joined.data.members_online_count], [["bob"], 1], `${kind}, ${round}`);
    }
    bob.close();
  }
});
