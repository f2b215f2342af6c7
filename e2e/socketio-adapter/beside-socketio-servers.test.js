// One Roomcast and one socket.io server with the Redis adapter of Node on one Redis, with stock clients on each: they are one cluster. What one server
// sends reaches the clients of both, and each can ask for, move, and disconnect the clients of the other.

import assert from "node:assert/strict";
import { test } from "node:test";
import { rest } from "../support/http.js";
import { metrics } from "../support/metrics.js";
import { startNodePeer } from "../support/node-peer.js";
import { withoutPositionArgument } from "../support/positions.js";
import { startRedis } from "../support/redis-server.js";
import { startServer } from "../support/server.js";
import { client, connected } from "../support/socketio-clients.js";
import { API_KEY, emitMarker, user } from "../support/users.js";
import { waitUntil } from "../support/wait-until.js";

// A Redis, a Roomcast and a socket.io server, which have found each other.
async function startCluster(t, env = {}) {
  const redis = await startRedis(t);
  const adapter = { REDIS_URL: redis.url, SOCKETIO_ADAPTER: "redis", SOCKETIO_ADAPTER_PREFIX: "team", ROOMCAST_API_KEY: API_KEY };
  const server = await startServer({ ...adapter, ...env });
  t.after(() => server.stop());
  const node = await startNodePeer(t, redis.url, { prefix: "team" });
  const cluster = { redis, server, node, t };
  await untilBothAreCounted(cluster);
  return cluster;
}

const untilBothAreCounted = ({ node }) =>
  node.run("await until(async () => (await io.of('/household').adapter.serverCount().catch(() => 0)) === 2)");

// A household of anna, with a stock client of anna and one of ben, who is no member.
async function openHousehold({ server, t }) {
  const anna = user(server, "anna");
  const household = await anna.request("POST", "/households", { name: "Home" });
  const open = async (sub) => {
    const socket = client(t, `${server.url}/household`, { auth: { token: server.token({ sub, name: sub }) }, transports: ["websocket"] });
    socket.events = [];
    socket.onAny((...event) => {
      if (typeof event.at(-1) === "function") event.pop()(`${sub} acknowledges`, "this argument is not forwarded");
      socket.events.push(withoutPositionArgument(event));
    });
    await connected(socket);
    return socket;
  };
  return { anna, household, room: `household:${household.id}`, sockets: { anna: await open("anna"), ben: await open("ben") } };
}

// The events of a client before the first one with this name.
async function eventsUntil(socket, last) {
  await waitUntil(() => (socket.events.some(([event]) => event === last) ? null : JSON.stringify(socket.events)));
  return socket.events.splice(0, socket.events.findIndex(([event]) => event === last) + 1).slice(0, -1);
}

const names = (events) => events.map(([event]) => event);

test("events of Roomcast reach the clients of the socket.io server", async (t) => {
  const cluster = await startCluster(t);
  const { server, node } = cluster;
  const { anna, room, household, sockets } = await openHousehold(cluster);
  await node.run(`await connect("member", { namespace: "/household", rooms: ["${room}", "user:anna"] })`);
  await node.run(`await connect("stranger", { namespace: "/household", rooms: ["user:ben"] })`);
  await node.run(`await connect("other", { namespace: "/chat", rooms: ["${room}"] })`);

  await anna.request("POST", `/households/${household.id}/tasks`, { title: "Dishes" });
  const emit = (to, event, data) => rest("POST", `${server.url}/api/v1/emit`, { token: API_KEY, body: { to, event, data } });
  await emit({ users: ["ben"] }, "to:ben", { only: "ben" });
  await emit({ everyone: true }, "to:everyone", [1, null]);
  await emitMarker(server, "anna", "ben");

  const own = await eventsUntil(sockets.anna, "mark");
  const member = await node.run("return eventsUntil('member', 'mark')");
  assert.deepEqual(names(member), ["task:created", "to:everyone"]);
  const received = (events, name) => events.find(([event]) => event === name);
  for (const name of names(member)) assert.deepEqual(received(member, name), received(own, name), name);
  assert.equal(member[0][1].title ?? member[0][1].task?.title, "Dishes");
  assert.deepEqual(names(await node.run("return eventsUntil('stranger', 'mark')")), ["to:ben", "to:everyone"]);
  await node.run("await until(() => clients.other.events.length)");
  assert.deepEqual(names(await node.run("return clients.other.events")), ["to:everyone"]);
});

test("broadcasts of the socket.io server reach the clients of Roomcast", async (t) => {
  const cluster = await startCluster(t);
  const { room, sockets } = await openHousehold(cluster);
  await cluster.node.run(`
    const nsp = io.of("/household");
    nsp.to("${room}").emit("to room", { bytes: Buffer.from([1, 255]) }, "text");
    nsp.to("user:ben").emit("to user");
    nsp.to("${sockets.anna.id}").emit("to id");
    nsp.except("user:anna").emit("except user");
    nsp.to(["${room}", "user:ben"]).except("${sockets.anna.id}").emit("except id");
    nsp.local.emit("local");
    io.of("/chat").emit("another namespace");
    nsp.emit("date", new Date(0));
    emitter.of("/household").to("user:ben").emit("of the emitter", [1]);
    nsp.emit("end");`);
  const [anna, ben] = [await eventsUntil(sockets.anna, "end"), await eventsUntil(sockets.ben, "end")];
  assert.deepEqual(names(anna), ["to room", "to id", "date"]);
  assert.deepEqual(anna[0], ["to room", { bytes: Buffer.from([1, 255]) }, "text"]);
  assert.deepEqual(anna[2], ["date", "1970-01-01T00:00:00.000Z"]);
  assert.deepEqual(names(ben), ["to user", "except user", "except id", "date", "of the emitter"]);
});

test("the socket.io server finds and moves the clients of Roomcast", async (t) => {
  const cluster = await startCluster(t);
  const { room, sockets } = await openHousehold(cluster);
  const { node } = cluster;
  const found = await node.run(`
    const sockets = await io.of("/household").fetchSockets();
    return sockets.map(({ id, rooms, data, handshake }) => ({ id, rooms: [...rooms].sort(), data, address: handshake.address }))`);
  const expected = [
    { id: sockets.anna.id, rooms: [sockets.anna.id, room, "user:anna"].sort(), data: { user: "anna" }, address: "127.0.0.1" },
    { id: sockets.ben.id, rooms: [sockets.ben.id, "user:ben"].sort(), data: { user: "ben" }, address: "127.0.0.1" },
  ];
  const byUser = (one, other) => one.data.user.localeCompare(other.data.user);
  assert.deepEqual(found.sort(byUser), expected);
  assert.equal(await node.run(`return (await io.of("/household").in("${room}").fetchSockets()).length`), 1);
  assert.equal(await node.run(`return (await io.of("/household").except("user:anna").fetchSockets()).length`), 1);
  assert.equal(await node.run(`return (await io.of("/chat").fetchSockets()).length`), 0);
  const rooms = await node.run(`return [...await io.of("/household").adapter.allRooms()].sort()`);
  assert.deepEqual(rooms, [...new Set(expected.flatMap((socket) => socket.rooms))].sort());

  await node.run(`
    const nsp = io.of("/household");
    nsp.in("user:ben").socketsJoin(["vip", "${room}"]);
    nsp.to("vip").emit("to vip");
    nsp.to("${room}").emit("to members");
    nsp.in("user:anna").socketsLeave("${room}");
    nsp.to("${room}").emit("still to members");
    nsp.socketsLeave("vip");
    nsp.to("vip").emit("nothing");
    nsp.emit("end");`);
  assert.deepEqual(names(await eventsUntil(sockets.ben, "end")), ["to vip"], "no other server makes a user a member");
  assert.deepEqual(names(await eventsUntil(sockets.anna, "end")), ["to members", "still to members"]);

  const ended = new Promise((resolve) => sockets.ben.once("disconnect", resolve));
  await node.run(`io.of("/household").in("user:ben").disconnectSockets(true)`);
  assert.equal(await ended, "io server disconnect");
  assert.ok(sockets.anna.connected);
});

test("clients of both servers acknowledge a broadcast of the socket.io server", async (t) => {
  const cluster = await startCluster(t);
  const { room, sockets } = await openHousehold(cluster);
  const { node } = cluster;
  await node.run(`await connect("cara", { namespace: "/household", rooms: ["${room}"], answer: "cara" })`);
  const ask = (to, timeout = 60_000) => node.run(`return io.of("/household").timeout(${timeout})${to}.emitWithAck("question", 1)`);
  assert.deepEqual((await ask("")).sort(), ["anna acknowledges", "ben acknowledges", "cara"]);
  assert.deepEqual((await ask(`.to("${room}")`)).sort(), ["anna acknowledges", "cara"]);
  assert.deepEqual(await ask(`.to("nothing")`), []);
  const code = `const [socket] = await io.of("/household").in("user:ben").fetchSockets(); return socket.timeout(60000).emitWithAck("question")`;
  assert.equal(await node.run(code), "ben acknowledges");

  const silent = client(t, `${cluster.server.url}/household`, { auth: { token: cluster.server.token({ sub: "ben", name: "ben" }) } });
  await connected(silent);
  await assert.rejects(ask("", 500), (error) => error.message === "operation has timed out" && error.responses.length <= 3);
  assert.ok(sockets.ben.events.length > 0);
});

test("Roomcast answers events for servers and counts as a server", async (t) => {
  const { node, server, redis } = await startCluster(t);
  assert.deepEqual(await node.run("return io.of('/household').serverSideEmitWithAck('question')"), [null]);
  assert.equal(await node.run("return io.of('/').adapter.serverCount()"), 2);
  await redis.command(["PUBLISH", "team#/household#", "garbage"]);
  await waitUntil(async () => {
    const page = await metrics(server);
    const garbage = page.counter("adapter_messages", 'state="garbage"');
    return garbage === 1 && page.gauge("adapter_connected") === 1 ? null : `${garbage} garbage`;
  });
  await server.stop();
  await node.run("await until(async () => (await io.of('/household').adapter.serverCount()) === 1)");
});

test("changes of membership and disconnects reach the socket.io server", async (t) => {
  const cluster = await startCluster(t);
  const { server, node } = cluster;
  const { anna, household, room } = await openHousehold(cluster);
  await node.run(`await connect("ben", { namespace: "/household", rooms: ["user:ben"] })`);
  const inRoom = (expected) => node.run(`await until(() => clients.ben.server.rooms.has("${room}") === ${expected})`);
  await user(server, "ben").request("POST", `/households/${household.id}/join`, { inviteCode: household.inviteCode });
  await inRoom(true);
  await anna.request("DELETE", `/households/${household.id}/members/ben`);
  await inRoom(false);
  const response = await rest("POST", `${server.url}/api/v1/disconnect`, { token: API_KEY, body: { users: ["ben"], reason: "Signed out" } });
  assert.equal(response.status, 200);
  await node.run("await until(() => clients.ben.disconnected)");
});

test("both directions work again after a restart of Redis, and no client is disconnected", async (t) => {
  const cluster = await startCluster(t);
  const { redis, server, node } = cluster;
  const { anna, household, room, sockets } = await openHousehold(cluster);
  await node.run(`await connect("member", { namespace: "/household", rooms: ["${room}"] })`);
  await redis.kill();
  await waitUntil(async () => ((await metrics(server)).gauge("adapter_connected") === 0 ? null : "still connected"));
  await anna.request("POST", `/households/${household.id}/tasks`, { title: "While Redis is away" });
  await redis.start();
  await waitUntil(async () => ((await metrics(server)).gauge("adapter_connected") === 1 ? null : "not connected"));
  await untilBothAreCounted(cluster);
  await node.run(`io.of("/household").to("${room}").emit("end")`);
  assert.deepEqual(names(await eventsUntil(sockets.anna, "end")), ["task:created"]);
  await anna.request("POST", `/households/${household.id}/tasks`, { title: "Afterwards" });
  await node.run(`await until(() => clients.member.events.some(([event, data]) => JSON.stringify(data ?? "").includes("Afterwards")))`);
  assert.ok(sockets.anna.connected && sockets.ben.connected);
});

test("a Redis that rejects or does not answer prevents the start with one line", async (t) => {
  const redis = await startRedis(t, { password: "sesame" });
  const env = { SOCKETIO_ADAPTER: "redis" };
  for (const [settings, expected] of [
    [{ REDIS_URL: redis.url.replace("sesame", "hunter2") }, `rejects the user or the password`],
    [{ REDIS_URL: "redis://u:hunter2@127.0.0.1:1" }, "cannot connect to Redis at 127.0.0.1:1"],
    [{ REDIS_URL: redis.url, REDIS_CA: "none.pem" }, "REDIS_CA=none.pem: the file cannot be read (No such file or directory"],
  ]) {
    // The port is open before the server joins the cluster, so the server may count as started.
    const output = await startServer({ ...env, ...settings }).then(
      async (server) => {
        await server.exited;
        await server.stop();
        return server.output;
      },
      (error) => error.message,
    );
    assert.ok(output.includes(expected), output);
    assert.ok(!output.includes("hunter2"), output);
  }
});
