// Who came online and who went is stored nowhere, and yet whoever was away for a moment is not left with what was true before.

import assert from "node:assert/strict";
import { test } from "node:test";
import { arrives, lately } from "../support/wait-for.js";
import { becomes } from "../support/socketio-clients.js";
import { person } from "../support/users.js";
import { roomcast, startRoomcast } from "../support/server.js";
import { openSocket } from "../support/ws-queue.js";
import { comesBack, contents, conversation, join, listener, lose, stayAway } from "./clients.js";

const settings = { PRESENCE_GRACE: "100ms" };
const AUDIENCES = {
  everyone: roomcast({ ...settings, PRESENCE_AUDIENCE: "everyone" }),
  contacts: roomcast({ ...settings, PRESENCE_AUDIENCE: "contacts" }),
  none: roomcast({ ...settings, PRESENCE_AUDIENCE: "none" }),
};

test("a connection is recovered however many people came meanwhile, and hears of the newest of them", async (t) => {
  const server = AUDIENCES.everyone;
  const { id, say } = await conversation(server, "ben");
  const [anna, ben] = [await listener(t, server, "anna", "/messenger"), await listener(t, server, "ben", "/messenger")];
  await join(ben, id);
  const comeBack = stayAway(ben);
  await lose(ben);
  const people = Array.from({ length: 1100 }, (_, i) => `somebody ${i}`);
  const raw = (sub) => openSocket(`${server.ws}/api/v1/ws/connect?token=${server.token({ sub })}`);
  const sockets = [];
  t.after(() => sockets.forEach((socket) => socket.close()));
  const come = async (subs) => {
    const told = becomes(anna, subs.at(-1), "online");
    for (const sub of subs) sockets.push(await raw(sub));
    await told;
  };
  await come(people.slice(0, -1));
  // Those who come at the same moment are told in no order.
  await come(people.slice(-1));
  await say("missed");
  ben.heard.length = 0;
  assert.equal(await comeBack(), true);
  await join(ben, id);
  const told = ben.heard.filter(([name]) => name === "user:status-changed").map(([, { userId }]) => userId);
  // A moment later everybody is told that ben came.
  const names = told.filter((sub) => people.includes(sub));
  assert.ok(names.length <= 1000, `${names.length}`);
  assert.equal(names.at(-1), people.at(-1));
  assert.deepEqual(contents(ben), ["missed"]);
});

// What a client was told last of each other person.
function known(socket) {
  const told = socket.heard.filter(([name]) => name === "user:status-changed").map(([, { userId, status }]) => [userId, status]);
  return Object.fromEntries(told.filter(([userId]) => ["carl", "dora", "emil"].includes(userId)));
}

const EXPECTED = {
  everyone: { carl: "offline", dora: "online", emil: "online" },
  contacts: { carl: "offline", dora: "online" },
  none: {},
};

for (const [audience, server] of Object.entries(AUDIENCES)) {
  test(`a connection that is recovered hears who came and who went meanwhile, where ${audience} may know`, async (t) => {
    const { id } = await conversation(server, "ben", "carl", "dora");
    const { id: other } = await person(server, "fred").ask("POST", "/api/conversations", { participantIds: ["emil"] });
    // Contacts are users who have both acted in a space.
    const act = (sub, space) => person(server, sub).ask("POST", `/api/conversations/${space}/messages`, { content: "Here" });
    await Promise.all([act("ben", id), act("carl", id), act("dora", id), act("emil", other)]);
    const open = (sub) => listener(t, server, sub, "/messenger");
    const [anna, ben, fred] = [await open("anna"), await open("ben"), await open("fred")];
    const seen = (watcher, sub, status) => (audience === "none" ? undefined : becomes(watcher, sub, status));

    const here = seen(ben, "carl", "online");
    const carl = await open("carl");
    await here;
    const comeBack = stayAway(ben);
    await lose(ben);
    const meanwhile = [seen(anna, "carl", "offline"), seen(anna, "dora", "online"), seen(fred, "emil", "online")];
    carl.disconnect();
    await Promise.all([open("dora"), open("emil")]);
    await Promise.all(meanwhile);

    ben.heard.length = 0;
    assert.equal(await comeBack(), true);
    // It is told before the answer to whatever is asked next.
    await join(ben, id);
    assert.deepEqual(known(ben), EXPECTED[audience]);
  });
}

// How a server ends before it starts again, and who may know who is online.
const ENDS = {
  "is killed": ["everyone", () => {}],
  "is killed twice within a moment": [
    "contacts",
    async (server, back) => {
      const once = back();
      await server.killAndRestart();
      await once;
    },
  ],
  "is told to stop": [
    "everyone",
    async (server) => {
      server.running.child.kill("SIGTERM");
      await server.running.exited;
    },
  ],
};

for (const [ends, [audience, end]] of Object.entries(ENDS)) {
  test(`when the server ${ends} and starts again, who comes back was never away, and who does not has gone`, async (t) => {
    // Its clients are let go over a time that is longer than the grace.
    const server = await startRoomcast({ ...settings, PRESENCE_AUDIENCE: audience, DRAIN_SECONDS: "1", LOG_LEVEL: "off" });
    t.after(() => server.stop());
    const names = ["anna", "ben", "carl", "dora", "emil"];
    const anna = person(server, "anna");
    const { id: roomId } = await anna.ask("POST", "/shared/chat/rooms", { name: "Team", memberIds: [...names.slice(1), "fred", "greta"] });
    // Anna and greta are contacts when both have acted in the room.
    await person(server, "greta").ask("POST", `/shared/chat/rooms/${roomId}/messages`, { content: "Here" });
    const sockets = {};
    const come = async (sub) => {
      // Whoever is let go tries until the server is there again.
      sockets[sub] = await listener(t, server, sub, "/chat", { reconnectionDelay: 200, reconnectionDelayMax: 200 });
      assert.equal((await sockets[sub].emitWithAck("join_room", { roomId })).ok, true);
    };
    for (const sub of names) await come(sub);
    const ids = Object.fromEntries(names.map((sub) => [sub, sockets[sub].id]));
    const hears = (hearer, name, sub) => {
      const event = new Promise((resolve) => sockets[hearer].on(name, ({ userId }) => userId === sub && resolve()));
      return arrives(event, () => `${hearer} has no ${name} of ${sub}; ${lately(sockets[hearer].heard)}`);
    };
    const about = (hearer, sub) => sockets[hearer].heard.filter(([, what]) => what?.userId === sub).map(([name]) => name);

    // These two are not here when it ends, and dora never comes back.
    const comeBack = stayAway(sockets.ben);
    stayAway(sockets.dora);
    const lost = ["ben", "dora"].flatMap((sub) => [hears("anna", "user:offline", sub), hears("anna", "member:left", sub)]);
    await Promise.all([lose(sockets.ben), lose(sockets.dora), ...lost]);
    // She comes while ben is away.
    const came = hears("anna", "user:online", "greta");
    await come("greta");
    await came;
    // This one is here, and does not come back either.
    stayAway(sockets.carl);
    for (const { heard } of Object.values(sockets)) heard.length = 0;

    const gone = [hears("anna", "user:offline", "carl"), hears("anna", "member:left", "carl")];
    const back = () => {
      const recovered = ["anna", "emil", "greta"].map((sub) => comesBack(sockets[sub]));
      return Promise.all(recovered).then((all) => assert.deepEqual(all, [true, true, true]));
    };
    await end(server, back);
    const again = back();
    await server.killAndRestart();
    await again;
    // Who looks now sees who was here a moment ago, by the ids with which the sockets go on.
    const fred = await listener(t, server, "fred", "/chat");
    await fred.emitWithAck("join_room", { roomId });
    const seen = fred.heard.filter(([name, { userId }]) => name === "user:online" && userId !== "fred");
    const here = Object.fromEntries(seen.map(([, { userId, socketId }]) => [userId, socketId]));
    assert.deepEqual(here, { anna: ids.anna, carl: ids.carl, emil: ids.emil, greta: sockets.greta.id });
    const news = [hears("ben", "user:offline", "dora"), hears("ben", "user:online", "greta")];
    assert.equal(await comeBack(), true);
    await Promise.all(news);
    // Ben's own return is sent to ben, too, in a moment or already.
    const missed = (sub, ...live) => about("ben", sub).filter((name) => !["member:joined", ...live].includes(name));
    assert.deepEqual([missed("dora"), missed("greta"), missed("ben", "user:online")], [["user:offline"], ["user:online"], []]);

    await Promise.all(gone);
    // Who came lately is told again: it might not have arrived.
    const changes = (sub) => about("anna", sub).filter((name) => name !== "user:online").sort();
    assert.deepEqual(["emil", "greta", "carl"].map(changes), [[], [], ["member:left", "user:offline"]]);
    assert.equal(about("anna", "carl").filter((name) => name.startsWith("user:")).at(-1), "user:offline");
  });
}
