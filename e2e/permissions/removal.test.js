// A removed member receives no more events: on every open socket, in every namespace, over every transport, and with every client version.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { RecordingClients } from "../support/recording-client.js";
import { sharedServer } from "../support/server.js";
import { TRANSPORTS } from "../support/socketio-clients.js";
import { API_KEY, emitMarker, user } from "../support/users.js";
import { CONTRACTS } from "./event-matrix.js";
import { FIXTURES } from "./fixtures.js";

const server = sharedServer({
  ROOMCAST_API_KEY: API_KEY,
  ALLOW_EIO3: "true",
  MAX_CONNECTIONS_PER_USER: "0",
  SOCKETIO_MAX_CONNECTIONS_PER_USER: "0",
});

// The ways in which a membership ends while the sockets stay open. A deleted user is disconnected: see limits/disconnect-api.test.js.
const REMOVALS = {
  "a member who is removed by an admin": (list) => user(server, "alice").request("DELETE", `${list}/bob`),
  "a member who leaves over REST": (list) => user(server, "bob").request("DELETE", `${list}/bob`),
};

// Every socket that bob can have in a contract: over each transport, in each of the two namespaces, and in both namespaces of one connection.
async function everySocket(clients, own) {
  const bobs = [];
  for (const transports of Object.values(TRANSPORTS)) {
    for (const version of [4, 2]) {
      for (const namespace of [own, "/"]) bobs.push(await clients.open("bob", namespace, { transports, version }));
    }
    bobs.push(await clients.open("bob", "/", { transports, over: await clients.open("bob", own, { transports }) }));
  }
  return bobs;
}

const names = (events) => events.map(([name]) => name);

for (const [contract, { namespace, fixture, members, joinRequest, joinsAutomatically }] of Object.entries(CONTRACTS)) {
  describe(contract, () => {
    for (const [removed, end] of Object.entries(REMOVALS)) {
      test(`${removed} receives no more events, on any socket`, async (t) => {
        const clients = new RecordingClients(server, t);
        const { id, change } = await FIXTURES[fixture].create(server, clients);
        const [name, argument] = joinRequest(id);
        const alice = await clients.open("alice", namespace);
        const bobs = await everySocket(clients, namespace);
        for (const bob of joinsAutomatically ? [] : [alice, ...bobs]) assert.equal((await bob.request(name, [argument])).ok, true);
        await change();
        await emitMarker(server, "alice", "bob");
        const changed = names(await alice.untilMarker()).at(-1);
        for (const bob of bobs) assert.ok(names(await bob.untilMarker()).includes(changed), `a member receives ${changed}`);

        await end(members(id));
        await emitMarker(server, "alice", "bob");
        await alice.untilMarker();
        for (const bob of bobs) await bob.untilMarker();

        await change();
        await emitMarker(server, "alice", "bob");
        assert.deepEqual(names(await alice.untilMarker()), [changed]);
        for (const bob of bobs) assert.deepEqual(await bob.untilMarker(), []);
        for (const bob of bobs) assert.equal((await bob.request(name, [argument])).code, "not_found");
      });
    }
  });
}

describe("workspace", () => {
  for (const kind of ["project", "channel", "task"]) {
    for (const [removed, end] of Object.entries(REMOVALS)) {
      test(`${removed} receives no more events of a ${kind}, on any socket`, async (t) => {
        const clients = new RecordingClients(server, t);
        const { project, room, change } = await FIXTURES[kind].create(server, clients);
        const alice = await clients.raw("alice");
        const bobs = [await clients.raw("bob"), await clients.raw("bob")];
        for (const bob of [alice, ...bobs]) {
          bob.send({ type: "join_room", room });
          assert.ok(names(await bob.replies()).includes("joined_room"));
        }
        await change();
        await emitMarker(server, "alice", "bob");
        const changed = names(await alice.untilMarker()).at(-1);
        for (const bob of bobs) assert.ok(names(await bob.untilMarker()).includes(changed), `a member receives ${changed}`);

        await end(`/api/v1/projects/${project}/members`);
        await emitMarker(server, "alice", "bob");
        await alice.untilMarker();
        for (const bob of bobs) await bob.untilMarker();

        await change();
        await emitMarker(server, "alice", "bob");
        assert.deepEqual(names(await alice.untilMarker()), [changed]);
        for (const bob of bobs) assert.deepEqual(await bob.untilMarker(), []);
        for (const bob of bobs) {
          bob.send({ type: "join_room", room });
          assert.equal((await bob.replies()).at(-1)[1].code, 4403);
        }
      });
    }
  }
});

test("a member of a deleted trip receives no more events of it", async (t) => {
  const clients = new RecordingClients(server, t);
  const { id } = await FIXTURES.trip.create(server, clients);
  const bobs = await everySocket(clients, "/trips");
  for (const bob of bobs) assert.equal((await bob.request("trip:join", [{ tripId: id }])).ok, true);
  await user(server, "alice").request("DELETE", `/api/v1/trips/${id}`);
  await emitMarker(server, "bob");
  for (const bob of bobs) assert.deepEqual(names(await bob.untilMarker()).slice(-2), ["trip:updated", "trip:removed"]);
  for (const bob of bobs) assert.equal((await bob.request("trip:join", [{ tripId: id }])).code, "not_found");
});
