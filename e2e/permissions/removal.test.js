// Whoever is removed hears no more, at once and on every open socket: in every namespace, by every way to travel, from clients of every version.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { TRAVELS } from "../support/socketio-clients.js";
import { Sockets } from "../support/recording-client.js";
import { API_KEY, mark, person } from "../support/users.js";
import { roomcast } from "../support/server.js";
import { THINGS } from "./fixtures.js";
import { CONTRACTS } from "./event-matrix.js";

const server = roomcast({
  ROOMCAST_API_KEY: API_KEY,
  ALLOW_EIO3: "true",
  MAX_CONNECTIONS_PER_USER: "0",
  SOCKETIO_MAX_CONNECTIONS_PER_USER: "0",
});

// Each way in which a membership ends and the sockets stay open. A user who is deleted is disconnected: see limits/disconnect-api.test.js.
const ENDS = {
  "removed by an admin": (list) => person(server, "alice").ask("DELETE", `${list}/bob`),
  "who leaves by REST": (list) => person(server, "bob").ask("DELETE", `${list}/bob`),
};

// Every socket that bob can have in a contract: each way to travel, in both namespaces, and in both of one connection.
async function everySocket(sockets, own) {
  const ears = [];
  for (const transports of Object.values(TRAVELS)) {
    for (const version of [4, 2]) {
      for (const namespace of [own, "/"]) ears.push(await sockets.open("bob", namespace, { transports, version }));
    }
    ears.push(await sockets.open("bob", "/", { transports, over: await sockets.open("bob", own, { transports }) }));
  }
  return ears;
}

const names = (heard) => heard.map(([name]) => name);

for (const [contract, { namespace, about, members, asks, unasked }] of Object.entries(CONTRACTS)) {
  describe(contract, () => {
    for (const [how, end] of Object.entries(ENDS)) {
      test(`somebody ${how} hears nothing more, on no socket`, async (t) => {
        const sockets = new Sockets(server, t);
        const { id, change } = await THINGS[about].there(server, sockets);
        const [name, argument] = asks(id);
        const stays = await sockets.open("alice", namespace);
        const ears = await everySocket(sockets, namespace);
        for (const ear of unasked ? [] : [stays, ...ears]) assert.equal((await ear.ask(name, [argument])).ok, true);
        await change();
        await mark(server, "alice", "bob");
        const usual = names(await stays.toMark()).at(-1);
        for (const ear of ears) assert.ok(names(await ear.toMark()).includes(usual), `a member hears ${usual}`);

        await end(members(id));
        await mark(server, "alice", "bob");
        await stays.toMark();
        for (const ear of ears) await ear.toMark();

        await change();
        await mark(server, "alice", "bob");
        assert.deepEqual(names(await stays.toMark()), [usual]);
        for (const ear of ears) assert.deepEqual(await ear.toMark(), []);
        for (const ear of ears) assert.equal((await ear.ask(name, [argument])).code, "not_found");
      });
    }
  });
}

describe("workspace", () => {
  for (const kind of ["project", "channel", "task"]) {
    for (const [how, end] of Object.entries(ENDS)) {
      test(`somebody ${how} hears nothing more of a ${kind}, on no socket`, async (t) => {
        const sockets = new Sockets(server, t);
        const { around, room, change } = await THINGS[kind].there(server, sockets);
        const stays = await sockets.raw("alice");
        const ears = [await sockets.raw("bob"), await sockets.raw("bob")];
        for (const ear of [stays, ...ears]) {
          ear.send({ type: "join_room", room });
          assert.ok(names(await ear.answered()).includes("joined_room"));
        }
        await change();
        await mark(server, "alice", "bob");
        const usual = names(await stays.toMark()).at(-1);
        for (const ear of ears) assert.ok(names(await ear.toMark()).includes(usual), `a member hears ${usual}`);

        await end(`/api/v1/projects/${around}/members`);
        await mark(server, "alice", "bob");
        await stays.toMark();
        for (const ear of ears) await ear.toMark();

        await change();
        await mark(server, "alice", "bob");
        assert.deepEqual(names(await stays.toMark()), [usual]);
        for (const ear of ears) assert.deepEqual(await ear.toMark(), []);
        for (const ear of ears) {
          ear.send({ type: "join_room", room });
          assert.equal((await ear.answered()).at(-1)[1].code, 4403);
        }
      });
    }
  }
});

test("whoever was in a trip that is deleted hears nothing more of it", async (t) => {
  const sockets = new Sockets(server, t);
  const { id } = await THINGS.trip.there(server, sockets);
  const ears = await everySocket(sockets, "/trips");
  for (const ear of ears) assert.equal((await ear.ask("trip:join", [{ tripId: id }])).ok, true);
  await person(server, "alice").ask("DELETE", `/api/v1/trips/${id}`);
  await mark(server, "bob");
  for (const ear of ears) assert.deepEqual(names(await ear.toMark()).slice(-2), ["trip:updated", "trip:removed"]);
  for (const ear of ears) assert.equal((await ear.ask("trip:join", [{ tripId: id }])).code, "not_found");
});
