// When a user stops typing for any reason, the other members receive the stop event once and soon.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { ControlledProxy } from "../support/controlled-proxy.js";
import { rest } from "../support/http.js";
import { RecordingClients } from "../support/recording-client.js";
import { sharedServer } from "../support/server.js";
import { TRANSPORTS } from "../support/socketio-clients.js";
import { API_KEY, emitMarker, user, waitForSocketCount } from "../support/users.js";

// The grace period never passes in these tests: the stop event does not wait for it.
const server = sharedServer({ ROOMCAST_API_KEY: API_KEY, PRESENCE_GRACE: "1h", ALLOW_EIO3: "true" });

const CONTRACTS = {
  studio: {
    namespace: "/chat",
    list: "/shared/chat/rooms",
    body: (bob) => ({ name: "Team", memberIds: [bob] }),
    members: "members",
    joinAndLeave: ["join_room", "leave_room"],
    startAndStop: ["user:typing", "user:stop_typing"],
    argument: (id) => ({ roomId: id }),
  },
  messenger: {
    namespace: "/messenger",
    list: "/api/conversations",
    body: (bob) => ({ participantIds: [bob] }),
    members: "participants",
    joinAndLeave: ["join:conversation", "leave:conversation"],
    startAndStop: ["typing:start", "typing:stop"],
    argument: (id) => ({ conversationId: id }),
  },
};

// The reasons why a user stops typing.
const REASONS = {
  "sends the stop event": ({ typist, stop, argument }) => typist.request(stop, [argument]),
  "leaves the room": ({ typist, leave, argument }) => typist.request(leave, [argument]),
  "disconnects": ({ typist }) => typist.close(),
  "loses the connection": ({ typist }) => typist.socket.io.engine.transport.ws?.terminate() ?? typist.close(),
  "is removed from the space": ({ bob, space, members }) => user(server, "alice").request("DELETE", `${space}/${members}/${bob}`),
  "leaves the space over REST": ({ bob, space, members }) => user(server, bob).request("DELETE", `${space}/${members}/${bob}`),
  "is deleted": ({ bob }) => user(server, bob).request("DELETE", `/users/${bob}`),
  "is disconnected by a back end": async ({ bob }) => {
    const response = await rest("POST", `${server.url}/api/v1/disconnect`, { token: API_KEY, body: { users: [bob] } });
    assert.equal(response.status, 200);
  },
};

let users = 0;

const names = (events) => events.map(([name]) => name);

for (const [contract, { namespace: own, list, body, members, joinAndLeave: [join, leave], startAndStop: [start, stop], argument: argumentOf }] of Object.entries(CONTRACTS)) {
  const createScene = async (t) => {
    const clients = new RecordingClients(server, t);
    // Each test has its own user, because a deleted user cannot return with a token of the same second.
    const bob = `bob-${++users}`;
    const { id } = await user(server, "alice").request("POST", list, body(bob));
    const argument = argumentOf(id);
    const alice = await clients.open("alice", own);
    await alice.request(join, [argument]);
    return { clients, alice, bob, argument, stop, leave, space: `${list}/${id}`, members };
  };
  const startTyping = async ({ alice, argument }, typist) => {
    assert.equal((await typist.request(start, [argument])).ok, true);
    await alice.next(([name]) => name === start);
  };
  // The start and stop events that a client has received so far.
  const typingEvents = async (client) => {
    await emitMarker(server, "alice");
    return names(await client.untilMarker()).filter((name) => name === start || name === stop);
  };

  describe(contract, () => {
    for (const [reason, end] of Object.entries(REASONS)) {
      for (const [transport, transports] of Object.entries(TRANSPORTS)) {
        for (const namespace of [own, "/"]) {
          test(`a user who ${reason}, over ${transport} in ${namespace}, stops typing`, async (t) => {
            const scene = await createScene(t);
            const typist = await scene.clients.open(scene.bob, namespace, { transports });
            await typist.request(join, [scene.argument]);
            await startTyping(scene, typist);
            await end({ ...scene, typist });
            await scene.alice.next(([name]) => name === stop);
            assert.deepEqual(await typingEvents(scene.alice), []);
          });
        }
      }
    }

    test("a user who types in two tabs stops when the second one is closed", async (t) => {
      const scene = await createScene(t);
      const [first, second] = [await scene.clients.open(scene.bob, own), await scene.clients.open(scene.bob, own)];
      for (const tab of [first, second]) {
        await tab.request(join, [scene.argument]);
        await startTyping(scene, tab);
      }
      first.close();
      await waitForSocketCount(server, scene.bob, 1);
      assert.deepEqual(await typingEvents(scene.alice), []);
      second.close();
      await scene.alice.next(([name]) => name === stop);
    });

    test("a user whose connection is silent stops after six seconds, and can start again", async (t) => {
      const scene = await createScene(t);
      const proxy = await ControlledProxy.start(t, server.port);
      const typist = await scene.clients.open(scene.bob, own, { through: proxy });
      await startTyping(scene, typist);
      proxy.silence();
      await scene.alice.next(([name]) => name === stop);
      await startTyping(scene, await scene.clients.open(scene.bob, own));
    });

    test("a user who opens, types in, and closes 48 tabs has stopped typing at the end", async (t) => {
      const scene = await createScene(t);
      const storms = Object.values(TRANSPORTS).flatMap((transports) =>
        [4, 2].map(async (version) => {
          for (let time = 0; time < 8; time++) {
            const tab = await scene.clients.open(scene.bob, own, { transports, version });
            tab.emit(start, [scene.argument]);
            if (time % 2 === 0) await tab.request(start, [scene.argument]);
            tab.close();
          }
        }),
      );
      await Promise.all(storms);
      await waitForSocketCount(server, scene.bob, 0);
      assert.equal((await typingEvents(scene.alice)).at(-1), stop);
    });
  });
}
