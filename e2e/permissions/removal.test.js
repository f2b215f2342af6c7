// Whoever is removed hears no more, at once and on every open socket: in every namespace, by every way to travel, from clients of every version.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { RecordingClients } from "../support/recording-client.js";
import { sharedServer } from "../support/server.js";
import { TRANSPORTS } from "../support/socketio-clients.js";
import { API_KEY, emitMarker, user } from "../support/users.js";
import { CONTRACTS } from "./event-matrix.js";
import { THINGS } from "./fixtures.js";

const server = sharedServer({
  ROOMCAST_API_KEY: API_KEY,
  ALLOW_EIO3: "true",
  MAX_CONNECTIONS_PER_USER: "0",
  SOCKETIO_MAX_CONNECTIONS_PER_USER: "0",
});

// Each way in which a membership ends and the sockets stay open. A user who is deleted is disconnected: see limits/disconnect-api.test.js.
const ENDS = {
  "removed by an admin": (list) => user(server, "alice").request("DELETE", `${list}/bob`),
  "who leaves by REST": (list) => user(server, "bob").request("DELETE", `${list}/bob`),
};

// Every socket that bob can have in a contract: each way to travel, in both namespaces, and in both of one connection.
async function everySocket(sockets, own) {
  const clients = [];
  for (const transports of Object.values(TRANSPORTS)) {
    for (const version of [4, 2]) {
      for (const namespace of [own, "/"]) clients.push(await sockets.open("bob", namespace, { transports, version }));
    }
    clients.push(await sockets.open("bob", "/", { transports, over: await sockets.open("bob", own, { transports }) }));
  }
  return clients;
}

const names = (received) => received.map(([name]) => name);

for (const [contract, { namespace, about, members, asks, unasked }] of Object.entries(CONTRACTS)) {
  describe(contract, () => {
    for (const [how, end] of Object.entries(ENDS)) {
      test(`somebody ${how} hears nothing more, on no socket`, async (t) => {
        const sockets = new RecordingClients(server, t);
        const { id, change } = await THINGS[about].there(server, sockets);
        const [name, argument] = asks(id);
        const stays = await sockets.open("alice", namespace);
        const clients = await everySocket(sockets, namespace);
        for (const client of unasked ? [] : [stays, ...clients]) assert.equal((await client.request(name, [argument])).ok, true);
        await change();
        await emitMarker(server, "alice", "bob");
        const usual = names(await stays.untilMarker()).at(-1);
        for (const client of clients) assert.ok(names(await client.untilMarker()).includes(usual), `a member hears ${usual}`);

        await end(members(id));
        await emitMarker(server, "alice", "bob");
        await stays.untilMarker();
        for (const client of clients) await client.untilMarker();

        await change();
        await emitMarker(server, "alice", "bob");
        assert.deepEqual(names(await stays.untilMarker()), [usual]);
        for (const client of clients) assert.deepEqual(await client.untilMarker(), []);
        for (const client of clients) assert.equal((await client.request(name, [argument])).code, "not_found");
      });
    }
  });
}

describe("workspace", () => {
  for (const kind of ["project", "channel", "task"]) {
    for (const [how, end] of Object.entries(ENDS)) {
      test(`somebody ${how} hears nothing more of a ${kind}, on no socket`, async (t) => {
        const sockets = new RecordingClients(server, t);
        const { around, room, change } = await THINGS[kind].there(server, sockets);
        const stays = await sockets.raw("alice");
        const clients = [await sockets.raw("bob"), await sockets.raw("bob")];
        for (const client of [stays, ...clients]) {
          client.send({ type: "join_room", room });
          assert.ok(names(await client.replies()).includes("joined_room"));
        }
        await change();
        await emitMarker(server, "alice", "bob");
        const usual = names(await stays.untilMarker()).at(-1);
        for (const client of clients) assert.ok(names(await client.untilMarker()).includes(usual), `a member hears ${usual}`);

        await end(`/api/v1/projects/${around}/members`);
        await emitMarker(server, "alice", "bob");
        await stays.untilMarker();
        for (const client of clients) await client.untilMarker();

        await change();
        await emitMarker(server, "alice", "bob");
        assert.deepEqual(names(await stays.untilMarker()), [usual]);
        for (const client of clients) assert.deepEqual(await client.untilMarker(), []);
        for (const client of clients) {
          client.send({ type: "join_room", room });
          assert.equal((await client.replies()).at(-1)[1].code, 4403);
        }
      });
    }
  }
});

test("whoever was in a trip that is deleted hears nothing more of it", async (t) => {
  const sockets = new RecordingClients(server, t);
  const { id } = await THINGS.trip.there(server, sockets);
  const clients = await everySocket(sockets, "/trips");
  for (const client of clients) assert.equal((await client.request("trip:join", [{ tripId: id }])).ok, true);
  await user(server, "alice").request("DELETE", `/api/v1/trips/${id}`);
  await emitMarker(server, "bob");
  for (const client of clients) assert.deepEqual(names(await client.untilMarker()).slice(-2), ["trip:updated", "trip:removed"]);
  for (const client of clients) assert.equal((await client.request("trip:join", [{ tripId: id }])).code, "not_found");
});
