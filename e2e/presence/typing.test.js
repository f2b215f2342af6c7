// Typing never sticks: whatever becomes of the typist, others are told the end of it, once, and soon.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { TRAVELS } from "../support/socketio-clients.js";
import { Sockets } from "../support/recording-client.js";
import { rest } from "../support/http.js";
import { API_KEY, mark, person, socketsAre } from "../support/users.js";
import { roomcast } from "../support/server.js";
import { wire } from "../support/cuttable-proxy.js";

// Nobody's grace is over here: the end of typing does not wait for it.
const server = roomcast({ ROOMCAST_API_KEY: API_KEY, PRESENCE_GRACE: "1h", ALLOW_EIO3: "true" });

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
  "says so": ({ typist, stop, argument }) => typist.ask(stop, [argument]),
  "leaves the room": ({ typist, leave, argument }) => typist.ask(leave, [argument]),
  "closes the tab": ({ typist }) => typist.close(),
  "is cut off": ({ typist }) => typist.socket.io.engine.transport.ws?.terminate() ?? typist.close(),
  "is removed": ({ bob, space, members }) => person(server, "alice").ask("DELETE", `${space}/${members}/${bob}`),
  "leaves by REST": ({ bob, space, members }) => person(server, bob).ask("DELETE", `${space}/${members}/${bob}`),
  "is deleted": ({ bob }) => person(server, bob).ask("DELETE", `/users/${bob}`),
  "is disconnected by a back end": async ({ bob }) => {
    const answer = await rest("POST", `${server.url}/api/v1/disconnect`, { token: API_KEY, body: { users: [bob] } });
    assert.equal(answer.status, 200);
  },
};

let scenes = 0;

const names = (heard) => heard.map(([name]) => name);

for (const [contract, { namespace: own, list, body, members, listen, words: [start, stop], argument: of }] of Object.entries(CONTRACTS)) {
  const made = async (t) => {
    const sockets = new Sockets(server, t);
    // A user of its own for each test, because a deleted user does not come back with a token of that second.
    const bob = `bob-${++scenes}`;
    const { id } = await person(server, "alice").ask("POST", list, body(bob));
    const argument = of(id);
    const alice = await sockets.open("alice", own);
    await alice.ask(listen[0], [argument]);
    return { sockets, alice, bob, argument, stop, leave: listen[1], space: `${list}/${id}`, members };
  };
  const typed = async ({ alice, argument }, typist) => {
    assert.equal((await typist.ask(start, [argument])).ok, true);
    await alice.next(([name]) => name === start);
  };
  // All that is heard of typing up to here.
  const typing = async (ear) => {
    await mark(server, "alice");
    return names(await ear.toMark()).filter((name) => name === start || name === stop);
  };

  describe(contract, () => {
    for (const [how, end] of Object.entries(ENDS)) {
      for (const [travel, transports] of Object.entries(TRAVELS)) {
        for (const namespace of [own, "/"]) {
          test(`whoever ${how}, by ${travel} in ${namespace}, has stopped`, async (t) => {
            const scene = await made(t);
            const typist = await scene.sockets.open(scene.bob, namespace, { transports });
            await typist.ask(listen[0], [scene.argument]);
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
        await tab.ask(listen[0], [scene.argument]);
        await typed(scene, tab);
      }
      first.close();
      await socketsAre(server, scene.bob, 1);
      assert.deepEqual(await typing(scene.alice), []);
      second.close();
      await scene.alice.next(([name]) => name === stop);
    });

    test("whoever falls silent has stopped after six seconds, and may begin again", async (t) => {
      const scene = await made(t);
      const through = await wire(t, server);
      const typist = await scene.sockets.open(scene.bob, own, { through });
      await typed(scene, typist);
      through.cut();
      await scene.alice.next(([name]) => name === stop);
      await typed(scene, await scene.sockets.open(scene.bob, own));
    });

    test("a storm of tabs that type and go leaves nobody typing", async (t) => {
      const scene = await made(t);
      const storms = Object.values(TRAVELS).flatMap((transports) =>
        [4, 2].map(async (version) => {
          for (let time = 0; time < 8; time++) {
            const tab = await scene.sockets.open(scene.bob, own, { transports, version });
            tab.tell(start, [scene.argument]);
            if (time % 2 === 0) await tab.ask(start, [scene.argument]);
            tab.close();
          }
        }),
      );
      await Promise.all(storms);
      await socketsAre(server, scene.bob, 0);
      assert.equal((await typing(scene.alice)).at(-1), stop);
    });
  });
}
