// Typing never sticks: whatever becomes of the typist, others are told the end of it, once, and soon.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { openCuttableProxy } from "../support/cuttable-proxy.js";
import { rest } from "../support/http.js";
import { RecordingClients } from "../support/recording-client.js";
import { sharedServer } from "../support/server.js";
import { TRANSPORTS } from "../support/socketio-clients.js";
import { API_KEY, emitMarker, user, waitForSocketCount } from "../support/users.js";

// Nobody's grace is over here: the end of typing does not wait for it.
const server = sharedServer({ ROOMCAST_API_KEY: API_KEY, PRESENCE_GRACE: "1h", ALLOW_EIO3: "true" });

const CONTRACTS = {
  studio: {
    namespace: "/chat",
    list: "/shared/chat/rooms",
    body: (bob) => ({ name: "Team", memberIds: [bob] }),
    members: "members",
    listen: ["join_room", "leave_room"],
    words: ["user:typing", "user:stop_typing"],
    argument: (id) => ({ roomId: id }),
  },
  messenger: {
    namespace: "/messenger",
    list: "/api/conversations",
    body: (bob) => ({ participantIds: [bob] }),
    members: "participants",
    listen: ["join:conversation", "leave:conversation"],
    words: ["typing:start", "typing:stop"],
    argument: (id) => ({ conversationId: id }),
  },
};

// What ends it: `end` is given everything that there is.
const ENDS = {
  "says so": ({ typist, stop, argument }) => typist.request(stop, [argument]),
  "leaves the room": ({ typist, leave, argument }) => typist.request(leave, [argument]),
  "closes the tab": ({ typist }) => typist.close(),
  "is cut off": ({ typist }) => typist.socket.io.engine.transport.ws?.terminate() ?? typist.close(),
  "is removed": ({ bob, space, members }) => user(server, "alice").request("DELETE", `${space}/${members}/${bob}`),
  "leaves by REST": ({ bob, space, members }) => user(server, bob).request("DELETE", `${space}/${members}/${bob}`),
  "is deleted": ({ bob }) => user(server, bob).request("DELETE", `/users/${bob}`),
  "is disconnected by a back end": async ({ bob }) => {
    const response = await rest("POST", `${server.url}/api/v1/disconnect`, { token: API_KEY, body: { users: [bob] } });
    assert.equal(response.status, 200);
  },
};

let scenes = 0;

const names = (received) => received.map(([name]) => name);

for (const [contract, { namespace: own, list, body, members, listen, words: [start, stop], argument: of }] of Object.entries(CONTRACTS)) {
  const made = async (t) => {
    const sockets = new RecordingClients(server, t);
    // A user of its own for each test, because a deleted user does not come back with a token of that second.
    const bob = `bob-${++scenes}`;
    const { id } = await user(server, "alice").request("POST", list, body(bob));
    const argument = of(id);
    const alice = await sockets.open("alice", own);
    await alice.request(listen[0], [argument]);
    return { sockets, alice, bob, argument, stop, leave: listen[1], space: `${list}/${id}`, members };
  };
  const typed = async ({ alice, argument }, typist) => {
    assert.equal((await typist.request(start, [argument])).ok, true);
    await alice.next(([name]) => name === start);
  };
  // All that is heard of typing up to here.
  const typing = async (client) => {
    await emitMarker(server, "alice");
    return names(await client.untilMarker()).filter((name) => name === start || name === stop);
  };

  describe(contract, () => {
    for (const [how, end] of Object.entries(ENDS)) {
      for (const [transport, transports] of Object.entries(TRANSPORTS)) {
        for (const namespace of [own, "/"]) {
          test(`whoever ${how}, by ${transport} in ${namespace}, has stopped`, async (t) => {
            const scene = await made(t);
            const typist = await scene.sockets.open(scene.bob, namespace, { transports });
            await typist.request(listen[0], [scene.argument]);
            await typed(scene, typist);
            await end({ ...scene, typist });
            await scene.alice.next(([name]) => name === stop);
            assert.deepEqual(await typing(scene.alice), []);
          });
        }
      }
    }

    test("whoever types in a second tab goes on when the first is closed", async (t) => {
      const scene = await made(t);
      const [first, second] = [await scene.sockets.open(scene.bob, own), await scene.sockets.open(scene.bob, own)];
      for (const tab of [first, second]) {
        await tab.request(listen[0], [scene.argument]);
        await typed(scene, tab);
      }
      first.close();
      await waitForSocketCount(server, scene.bob, 1);
      assert.deepEqual(await typing(scene.alice), []);
      second.close();
      await scene.alice.next(([name]) => name === stop);
    });

    test("whoever falls silent has stopped after six seconds, and may begin again", async (t) => {
      const scene = await made(t);
      const through = await openCuttableProxy(t, server);
      const typist = await scene.sockets.open(scene.bob, own, { through });
      await typed(scene, typist);
      through.cut();
      await scene.alice.next(([name]) => name === stop);
      await typed(scene, await scene.sockets.open(scene.bob, own));
    });

    test("a storm of tabs that type and go leaves nobody typing", async (t) => {
      const scene = await made(t);
      const storms = Object.values(TRANSPORTS).flatMap((transports) =>
        [4, 2].map(async (version) => {
          for (let time = 0; time < 8; time++) {
            const tab = await scene.sockets.open(scene.bob, own, { transports, version });
            tab.emit(start, [scene.argument]);
            if (time % 2 === 0) await tab.request(start, [scene.argument]);
            tab.close();
          }
        }),
      );
      await Promise.all(storms);
      await waitForSocketCount(server, scene.bob, 0);
      assert.equal((await typing(scene.alice)).at(-1), stop);
    });
  });
}
