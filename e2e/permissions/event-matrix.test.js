// Sends every client event of every contract as a member, as the space's admin, as a removed member, and as a stranger. For outsiders:
// - The reply is the same for an object that exists, for one that was removed, and for one that never existed.
// - No member receives an event because of their requests.
// - They receive no event of the members' changes.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { CONTRACTS as SERVED } from "../support/contracts.js";
import { normalized, RecordingClients } from "../support/recording-client.js";
import { sharedServer } from "../support/server.js";
import { API_KEY, emitMarker, user } from "../support/users.js";
import { CONTRACTS, RAW } from "./event-matrix.js";
import { FIXTURES, OUTSIDERS } from "./fixtures.js";

const settings = { ROOMCAST_API_KEY: API_KEY, MAX_CONNECTIONS_PER_USER: "0", SOCKETIO_MAX_CONNECTIONS_PER_USER: "0" };
const server = sharedServer(settings);
const serverThatKeepsConnections = sharedServer({ ...settings, WS_CLOSE_ON_FORBIDDEN: "false" });

const names = (events) => events.map(([name]) => name);

// The outcome of an acknowledgement, as the matrix names it.
function ackOutcome(ack) {
  if (Array.isArray(ack)) return ack.length === 0 ? "[]" : ack.every((item) => typeof item === "string") ? "list" : ack[0].status;
  if (ack.ok) return "ok";
  return ack.code ?? ack.status;
}

// The ids that an outsider uses: of an object that exists, of one that was removed, and of one that never existed.
async function idsForOutsiders(on, fixture, object, clients) {
  const { createGone, unknownId } = FIXTURES[fixture];
  return [object.id, ...(createGone ? [await createGone(on, clients)] : []), unknownId];
}

// The names of the events that a member receives for a change of the object. Earlier events are removed from all records.
async function eventsOfChange(on, object, member, outsiders) {
  let received;
  for (const step of [() => {}, object.change]) {
    await step();
    await emitMarker(on, "bob", ...OUTSIDERS);
    received = names(await member.untilMarker());
    for (const outsider of outsiders) await outsider.untilMarker();
  }
  return received;
}

// Changes the object. Asserts that the member receives the expected events and nothing else, and that the outsiders receive nothing.
async function assertChangeIsPrivate(on, object, member, outsiders, expected) {
  await object.change();
  await emitMarker(on, "bob", ...OUTSIDERS);
  assert.deepEqual(names(await member.untilMarker()), expected, "the events of the member");
  for (const outsider of outsiders) assert.deepEqual(await outsider.untilMarker(), [], "the events of an outsider");
}

for (const [contract, { namespace: own, events, joinRequest, joinsAutomatically }] of Object.entries(CONTRACTS)) {
  for (const namespace of [own, "/"]) {
    describe(`${contract}, in ${namespace}`, () => {
      for (const event of events) {
        const title = `${event.name} with ${JSON.stringify(event.args("id"))}`;

        for (const [role, sub] of [["member", "bob"], ["admin", "alice"]]) {
          test(`${title} as a ${role}: ${event.outcome[role]}`, async (t) => {
            const clients = new RecordingClients(server, t);
            const object = await FIXTURES[event.fixture].create(server, clients);
            const client = await clients.open(sub, namespace);
            assert.equal(ackOutcome(await client.request(event.name, event.args(object.id))), event.outcome[role]);
          });
        }

        test(`${title} as an outsider: ${event.outcome.outside}`, async (t) => {
          const clients = new RecordingClients(server, t);
          const object = await FIXTURES[event.fixture].create(server, clients);
          const ids = await idsForOutsiders(server, event.fixture, object, clients);
          for (const sub of OUTSIDERS) await user(server, sub).request("POST", "/api/notifications/read-all");
          const member = await clients.open("bob", namespace);
          if (!joinsAutomatically && object.id) {
            const [name, argument] = joinRequest(object.space ?? object.id);
            await member.request(name, [argument]);
          }
          const outsiders = [];
          for (const sub of OUTSIDERS) outsiders.push(await clients.open(sub, namespace));

          const expected = await eventsOfChange(server, object, member, outsiders);

          for (const outsider of outsiders) {
            const acks = new Set();
            const received = new Set();
            for (const id of ids) {
              const ack = await outsider.request(event.name, event.args(id));
              assert.equal(ackOutcome(ack), event.outcome.outside);
              acks.add(normalized(ack, id));
              received.add(normalized(await outsider.replies(), id));
              outsider.emit(event.name, event.args(id));
              received.add(`without an acknowledgement: ${normalized(await outsider.replies(), id)}`);
            }
            assert.equal(acks.size, 1, [...acks].join("\n"));
            assert.equal(received.size, 2, [...received].join("\n"));
            await assertChangeIsPrivate(server, object, member, outsiders, expected);
          }
        });
      }
    });
  }
}

// These events concern the connection's own token only. Their tests are in limits/token-expiry.test.js.
const OWN_TOKEN_EVENTS = ["auth:refresh", "auth_refresh"];

test("the matrix has exactly the client events of each contract", () => {
  const matrix = { ...CONTRACTS, workspace: { namespace: null, events: RAW } };
  for (const [contract, { namespace, events }] of Object.entries(matrix)) {
    assert.equal(namespace, SERVED[contract].namespace);
    const expected = [...new Set(SERVED[contract].clientEvents)].filter((name) => !OWN_TOKEN_EVENTS.includes(name)).sort();
    assert.deepEqual([...new Set(events.map(({ name }) => name))].sort(), expected, contract);
  }
});

describe("workspace, on the raw WebSocket", () => {
  for (const event of RAW) {
    const title = `${event.name} for a ${event.fixture}`;

    test(`${title} as a member: ${event.member}`, async (t) => {
      const clients = new RecordingClients(server, t);
      const object = await FIXTURES[event.fixture].create(server, clients);
      const client = await clients.raw("bob");
      await join(client, object);
      client.send(event.envelope(object.id));
      assert.equal(rawOutcome(await client.replies(), event.member), event.member);
    });

    test(`${title} as an outsider: ${event.outside}`, async (t) => {
      const clients = new RecordingClients(server, t);
      const object = await FIXTURES[event.fixture].create(server, clients);
      for (const sub of OUTSIDERS) {
        const replies = new Set();
        for (const id of await idsForOutsiders(server, event.fixture, object, clients)) {
          const client = await clients.raw(sub);
          client.send(event.envelope(id));
          const received = await client.replies();
          assert.equal(rawOutcome(received, event.outside), event.outside);
          replies.add(normalized(received, id));
        }
        assert.equal(replies.size, 1, [...replies].join("\n"));
      }
    });

    test(`${title} as an outsider, with WS_CLOSE_ON_FORBIDDEN=false`, async (t) => {
      const clients = new RecordingClients(serverThatKeepsConnections, t);
      const object = await FIXTURES[event.fixture].create(serverThatKeepsConnections, clients);
      const member = await clients.raw("bob");
      await join(member, object);
      const outsiders = [];
      for (const sub of OUTSIDERS) outsiders.push(await clients.raw(sub));
      const ids = await idsForOutsiders(serverThatKeepsConnections, event.fixture, object, clients);

      const expected = await eventsOfChange(serverThatKeepsConnections, object, member, outsiders);

      for (const outsider of outsiders) {
        const replies = new Set();
        for (const id of ids) {
          outsider.send(event.envelope(id));
          replies.add(normalized(await outsider.replies(), id));
        }
        assert.equal(replies.size, 1, [...replies].join("\n"));
        await assertChangeIsPrivate(serverThatKeepsConnections, object, member, outsiders, expected);
      }
    });
  }
});

// Joins the room of an object, if it has one.
async function join(client, { room }) {
  if (!room) return;
  client.send({ type: "join_room", room });
  assert.equal(rawOutcome(await client.replies(), "joined_room"), "joined_room");
}

// `close` if the server sent an error and closed the connection with 4403. Otherwise the expected type if it was received, or the type of the first
// envelope.
function rawOutcome(received, expected) {
  const last = received.at(-1);
  if (last?.[0] === "closed") return last[1].code === 4403 && names(received).at(-2) === "error" ? "close" : `closed with ${last[1].code}`;
  return names(received).includes(expected) ? expected : names(received)[0];
}
