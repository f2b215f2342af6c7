// Presence events are not stored. A client that reconnects still receives the presence changes that it missed.

import assert from "node:assert/strict";
import { test } from "node:test";
import { sharedServer, startServer } from "../support/server.js";
import { waitForStatus } from "../support/socketio-clients.js";
import { user } from "../support/users.js";
import { lastEvents, waitFor } from "../support/wait-for.js";
import { openWebSocket } from "../support/ws-queue.js";
import { connectRecordingClient, createConversation, joinConversation, loseConnection, messageContents, nextConnect, preventReconnect } from "./clients.js";

const settings = { PRESENCE_GRACE: "100ms" };
const AUDIENCES = {
  everyone: sharedServer({ ...settings, PRESENCE_AUDIENCE: "everyone" }),
  contacts: sharedServer({ ...settings, PRESENCE_AUDIENCE: "contacts" }),
  none: sharedServer({ ...settings, PRESENCE_AUDIENCE: "none" }),
};

test("a connection is recovered after 1,100 missed presence events, and receives the newest of them", async (t) => {
  const server = AUDIENCES.everyone;
  const { id, send } = await createConversation(server, "ben");
  const [anna, ben] = [await connectRecordingClient(t, server, "anna", "/messenger"), await connectRecordingClient(t, server, "ben", "/messenger")];
  await joinConversation(ben, id);
  const reconnect = preventReconnect(ben);
  await loseConnection(ben);
  const users = Array.from({ length: 1100 }, (_, i) => `user ${i}`);
  const raw = (sub) => openWebSocket(`${server.ws}/api/v1/ws/connect?token=${server.token({ sub })}`);
  const sockets = [];
  t.after(() => sockets.forEach((socket) => socket.close()));
  const goOnline = async (subs) => {
    const online = waitForStatus(anna, subs.at(-1), "online");
    for (const sub of subs) sockets.push(await raw(sub));
    await online;
  };
  await goOnline(users.slice(0, -1));
  // The events of users who come online in the same round have no order.
  await goOnline(users.slice(-1));
  await send("missed");
  ben.received.length = 0;
  assert.equal(await reconnect(), true);
  await joinConversation(ben, id);
  const changed = ben.received.filter(([name]) => name === "user:status-changed").map(([, { userId }]) => userId);
  // The event for ben's own return may follow.
  const names = changed.filter((sub) => users.includes(sub));
  assert.ok(names.length <= 1000, `${names.length}`);
  assert.equal(names.at(-1), users.at(-1));
  assert.deepEqual(messageContents(ben), ["missed"]);
});

// The last status of each other user that a client received.
function lastStatuses(socket) {
  const changes = socket.received.filter(([name]) => name === "user:status-changed").map(([, { userId, status }]) => [userId, status]);
  return Object.fromEntries(changes.filter(([userId]) => ["carl", "dora", "emil"].includes(userId)));
}

const EXPECTED = {
  everyone: { carl: "offline", dora: "online", emil: "online" },
  contacts: { carl: "offline", dora: "online" },
  none: {},
};

for (const [audience, server] of Object.entries(AUDIENCES)) {
  test(`a recovered connection receives the missed presence changes with PRESENCE_AUDIENCE=${audience}`, async (t) => {
    const { id } = await createConversation(server, "ben", "carl", "dora");
    const { id: other } = await user(server, "fred").request("POST", "/api/conversations", { participantIds: ["emil"] });
    // Contacts are users who have both acted in a space.
    const act = (sub, space) => user(server, sub).request("POST", `/api/conversations/${space}/messages`, { content: "Here" });
    await Promise.all([act("ben", id), act("carl", id), act("dora", id), act("emil", other)]);
    const open = (sub) => connectRecordingClient(t, server, sub, "/messenger");
    const [anna, ben, fred] = [await open("anna"), await open("ben"), await open("fred")];
    const seen = (watcher, sub, status) => (audience === "none" ? undefined : waitForStatus(watcher, sub, status));

    const online = seen(ben, "carl", "online");
    const carl = await open("carl");
    await online;
    const reconnect = preventReconnect(ben);
    await loseConnection(ben);
    const changes = [seen(anna, "carl", "offline"), seen(anna, "dora", "online"), seen(fred, "emil", "online")];
    carl.disconnect();
    await Promise.all([open("dora"), open("emil")]);
    await Promise.all(changes);

    ben.received.length = 0;
    assert.equal(await reconnect(), true);
    // The replay arrives before the acknowledgement of the next request.
    await joinConversation(ben, id);
    assert.deepEqual(lastStatuses(ben), EXPECTED[audience]);
  });
}

// How the server ends before it restarts, and the presence audience.
const ENDS = {
  "is killed": ["everyone", () => {}],
  "is killed twice in a row": [
    "contacts",
    async (server, back) => {
      const once = back();
      await server.killAndRestart();
      await once;
    },
  ],
  "receives SIGTERM": [
    "everyone",
    async (server) => {
      server.running.child.kill("SIGTERM");
      await server.running.exited;
    },
  ],
};

for (const [ends, [audience, end]] of Object.entries(ENDS)) {
  test(`after the server ${ends} and restarts, users who reconnect stay online, and the others go offline`, async (t) => {
    // The drain takes longer than the presence grace period.
    const server = await startServer({ ...settings, PRESENCE_AUDIENCE: audience, DRAIN_SECONDS: "1", LOG_LEVEL: "off" });
    t.after(() => server.stop());
    const names = ["anna", "ben", "carl", "dora", "emil"];
    const anna = user(server, "anna");
    const { id: roomId } = await anna.request("POST", "/shared/chat/rooms", { name: "Team", memberIds: [...names.slice(1), "fred", "greta"] });
    // Anna and greta are contacts when both have acted in the room.
    await user(server, "greta").request("POST", `/shared/chat/rooms/${roomId}/messages`, { content: "Here" });
    const sockets = {};
    const connect = async (sub) => {
      // The clients try to reconnect until the server has restarted.
      sockets[sub] = await connectRecordingClient(t, server, sub, "/chat", { reconnectionDelay: 200, reconnectionDelayMax: 200 });
      assert.equal((await sockets[sub].emitWithAck("join_room", { roomId })).ok, true);
    };
    for (const sub of names) await connect(sub);
    const ids = Object.fromEntries(names.map((sub) => [sub, sockets[sub].id]));
    const receives = (receiver, name, sub) => {
      const event = new Promise((resolve) => sockets[receiver].on(name, ({ userId }) => userId === sub && resolve()));
      return waitFor(event, () => `${receiver} has not received ${name} of ${sub}; ${lastEvents(sockets[receiver].received)}`);
    };
    const about = (receiver, sub) => sockets[receiver].received.filter(([, payload]) => payload?.userId === sub).map(([name]) => name);

    // Ben and dora are disconnected when the server ends, and dora never reconnects.
    const reconnect = preventReconnect(sockets.ben);
    preventReconnect(sockets.dora);
    const lost = ["ben", "dora"].flatMap((sub) => [receives("anna", "user:offline", sub), receives("anna", "member:left", sub)]);
    await Promise.all([loseConnection(sockets.ben), loseConnection(sockets.dora), ...lost]);
    // Greta comes online while ben is disconnected.
    const online = receives("anna", "user:online", "greta");
    await connect("greta");
    await online;
    // Carl is connected when the server ends, and never reconnects.
    preventReconnect(sockets.carl);
    for (const { received } of Object.values(sockets)) received.length = 0;

    const left = [receives("anna", "user:offline", "carl"), receives("anna", "member:left", "carl")];
    const back = () => {
      const recovered = ["anna", "emil", "greta"].map((sub) => nextConnect(sockets[sub]));
      return Promise.all(recovered).then((all) => assert.deepEqual(all, [true, true, true]));
    };
    await end(server, back);
    const again = back();
    await server.killAndRestart();
    await again;
    // A user who joins now receives the users who were online before the restart, with the ids of the recovered sockets.
    const fred = await connectRecordingClient(t, server, "fred", "/chat");
    await fred.emitWithAck("join_room", { roomId });
    const seen = fred.received.filter(([name, { userId }]) => name === "user:online" && userId !== "fred");
    const onlineIds = Object.fromEntries(seen.map(([, { userId, socketId }]) => [userId, socketId]));
    assert.deepEqual(onlineIds, { anna: ids.anna, carl: ids.carl, emil: ids.emil, greta: sockets.greta.id });
    const news = [receives("ben", "user:offline", "dora"), receives("ben", "user:online", "greta")];
    assert.equal(await reconnect(), true);
    await Promise.all(news);
    // The server sends ben's own return to ben as well, sooner or later.
    const missed = (sub, ...live) => about("ben", sub).filter((name) => !["member:joined", ...live].includes(name));
    assert.deepEqual([missed("dora"), missed("greta"), missed("ben", "user:online")], [["user:offline"], ["user:online"], []]);

    await Promise.all(left);
    // The server repeats recent `user:online` events, because they may not have arrived before the end.
    const changes = (sub) => about("anna", sub).filter((name) => name !== "user:online").sort();
    assert.deepEqual(["emil", "greta", "carl"].map(changes), [[], [], ["member:left", "user:offline"]]);
    assert.equal(about("anna", "carl").filter((name) => name.startsWith("user:")).at(-1), "user:offline");
  });
}
