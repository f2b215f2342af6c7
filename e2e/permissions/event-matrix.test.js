// Every word of every contract as a member, as the space's admin, as somebody who was removed and as a stranger. Whoever is outside must not be
// able to tell what is there from what is gone and what never was; must not be heard by its people; and must hear nothing of what they do.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { CONTRACTS as SERVED } from "../support/contracts.js";
import { normalized, RecordingClients } from "../support/recording-client.js";
import { sharedServer } from "../support/server.js";
import { API_KEY, emitMarker, user } from "../support/users.js";
import { CONTRACTS, RAW } from "./event-matrix.js";
import { OUTSIDE, THINGS } from "./fixtures.js";

const settings = { ROOMCAST_API_KEY: API_KEY, MAX_CONNECTIONS_PER_USER: "0", SOCKETIO_MAX_CONNECTIONS_PER_USER: "0" };
const server = sharedServer(settings);
const patient = sharedServer({ ...settings, WS_CLOSE_ON_FORBIDDEN: "false" });

const names = (received) => received.map(([name]) => name);

// What an acknowledgement comes to, as the table says it.
function outcome(ack) {
  if (Array.isArray(ack)) return ack.length === 0 ? "[]" : ack.every((item) => typeof item === "string") ? "list" : ack[0].status;
  if (ack.ok) return "ok";
  return ack.code ?? ack.status;
}

// The ids under which an outsider asks: of what is there, of what is gone, and of what never was.
async function ids(on, about, there, sockets) {
  const { gone, never } = THINGS[about];
  return [there.id, ...(gone ? [await gone(on, sockets)] : []), never];
}

// What its people hear of a change; what came before that is forgotten.
async function heardUsually(on, there, people, outsiders) {
  let usual;
  for (const step of [() => {}, there.change]) {
    await step();
    await emitMarker(on, "bob", ...OUTSIDE);
    usual = names(await people.untilMarker());
    for (const outsider of outsiders) await outsider.untilMarker();
  }
  return usual;
}

// Has a change made, and checks what is heard of it: by its people as much as `usual`, and by outsiders nothing.
async function changesAreTheirsAlone(on, there, people, outsiders, usual) {
  await there.change();
  await emitMarker(on, "bob", ...OUTSIDE);
  assert.deepEqual(names(await people.untilMarker()), usual, "what its people hear");
  for (const outsider of outsiders) assert.deepEqual(await outsider.untilMarker(), [], "what is heard outside");
}

for (const [contract, { namespace: own, words, asks, unasked }] of Object.entries(CONTRACTS)) {
  for (const namespace of [own, "/"]) {
    describe(`${contract}, in ${namespace}`, () => {
      for (const word of words) {
        const what = `${word.name} with ${JSON.stringify(word.args("id"))}`;

        for (const [role, sub] of [["member", "bob"], ["admin", "alice"]]) {
          test(`${what} as a ${role}: ${word.outcome[role]}`, async (t) => {
            const sockets = new RecordingClients(server, t);
            const there = await THINGS[word.about].there(server, sockets);
            const client = await sockets.open(sub, namespace);
            assert.equal(outcome(await client.request(word.name, word.args(there.id))), word.outcome[role]);
          });
        }

        test(`${what} from outside: ${word.outcome.outside}`, async (t) => {
          const sockets = new RecordingClients(server, t);
          const there = await THINGS[word.about].there(server, sockets);
          const asked = await ids(server, word.about, there, sockets);
          for (const sub of OUTSIDE) await user(server, sub).request("POST", "/api/notifications/read-all");
          const member = await sockets.open("bob", namespace);
          if (!unasked && there.id) await member.request(...pair(asks(there.space ?? there.id)));
          const outsiders = [];
          for (const sub of OUTSIDE) outsiders.push(await sockets.open(sub, namespace));

          const usual = await heardUsually(server, there, member, outsiders);

          for (const outsider of outsiders) {
            const acks = new Set();
            const received = new Set();
            for (const id of asked) {
              const ack = await outsider.request(word.name, word.args(id));
              assert.equal(outcome(ack), word.outcome.outside);
              acks.add(normalized(ack, id));
              received.add(normalized(await outsider.replies(), id));
              outsider.emit(word.name, word.args(id));
              received.add(`without an acknowledgement: ${normalized(await outsider.replies(), id)}`);
            }
            assert.equal(acks.size, 1, [...acks].join("\n"));
            assert.equal(received.size, 2, [...received].join("\n"));
            await changesAreTheirsAlone(server, there, member, outsiders, usual);
          }
        });
      }
    });
  }
}

// Of the connection's own token, and of nothing that others have; limits/token-expiry.test.js has them.
const OF_ONESELF = ["auth:refresh", "auth_refresh"];

test("a contract that is in the table has every word there that clients may say, and no other", () => {
  const table = { ...CONTRACTS, workspace: { namespace: null, words: RAW } };
  const words = ({ words }) => [...new Set(words.map((word) => word.name ?? word))].sort();
  for (const [contract, rows] of Object.entries(table)) {
    assert.equal(rows.namespace, SERVED[contract].namespace);
    assert.deepEqual(words(rows), words(SERVED[contract]).filter((word) => !OF_ONESELF.includes(word)), contract);
  }
});

const pair = ([name, argument]) => [name, [argument]];

describe("workspace, on the raw WebSocket", () => {
  for (const word of RAW) {
    const what = `${word.name} ${word.about}`;

    test(`${what} as a member: ${word.member}`, async (t) => {
      const sockets = new RecordingClients(server, t);
      const there = await THINGS[word.about].there(server, sockets);
      const client = await sockets.raw("bob");
      await join(client, there);
      client.send(word.envelope(there.id));
      assert.equal(ended(await client.replies(), word.member), word.member);
    });

    test(`${what} from outside: ${word.outside}`, async (t) => {
      const sockets = new RecordingClients(server, t);
      const there = await THINGS[word.about].there(server, sockets);
      for (const sub of OUTSIDE) {
        const replies = new Set();
        for (const id of await ids(server, word.about, there, sockets)) {
          const client = await sockets.raw(sub);
          client.send(word.envelope(id));
          const received = await client.replies();
          assert.equal(ended(received, word.outside), word.outside);
          replies.add(normalized(received, id));
        }
        assert.equal(replies.size, 1, [...replies].join("\n"));
      }
    });

    test(`${what} from outside, where the connection stays open`, async (t) => {
      const sockets = new RecordingClients(patient, t);
      const there = await THINGS[word.about].there(patient, sockets);
      const member = await sockets.raw("bob");
      await join(member, there);
      const outsiders = [];
      for (const sub of OUTSIDE) outsiders.push(await sockets.raw(sub));
      const asked = await ids(patient, word.about, there, sockets);

      const usual = await heardUsually(patient, there, member, outsiders);

      for (const outsider of outsiders) {
        const replies = new Set();
        for (const id of asked) {
          outsider.send(word.envelope(id));
          replies.add(normalized(await outsider.replies(), id));
        }
        assert.equal(replies.size, 1, [...replies].join("\n"));
        await changesAreTheirsAlone(patient, there, member, outsiders, usual);
      }
    });
  }
});

// Comes to hear a thing, if it has a room.
async function join(client, { room }) {
  if (!room) return;
  client.send({ type: "join_room", room });
  assert.equal(ended(await client.replies(), "joined_room"), "joined_room");
}

// `close` if the connection was refused and closed; else what was heard first of the kind that was wanted, or of any.
function ended(received, wanted) {
  const last = received.at(-1);
  if (last?.[0] === "closed") return last[1].code === 4403 && names(received).at(-2) === "error" ? "close" : `closed with ${last[1].code}`;
  return names(received).includes(wanted) ? wanted : names(received)[0];
}
