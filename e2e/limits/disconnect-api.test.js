// The disconnect API of the back end closes exactly the named connections, for every client library.

import assert from "node:assert/strict";
import { test } from "node:test";
import { rest } from "../support/http.js";
import { sharedServer } from "../support/server.js";
import { client, client2, connected, nextEvent } from "../support/socketio-clients.js";
import { API_KEY } from "../support/users.js";
import { openWebSocket } from "../support/ws-queue.js";

const server = sharedServer({ ROOMCAST_API_KEY: API_KEY, ALLOW_EIO3: "true" });

async function disconnect(body) {
  const response = await rest("POST", `${server.url}/api/v1/disconnect`, { token: API_KEY, body });
  assert.deepEqual([response.status, response.json], [200, { ok: true }]);
}

// Sends a request that the server answers while the connection is open.
const assertStillConnected = async (socket) => assert.equal((await socket.emitWithAck("trip:leave", { tripId: "1" })).ok, true);

for (const transport of ["websocket", "polling"]) {
  test(`a connection id closes this connection over ${transport}, and no other of the user`, async (t) => {
    const open = () => connected(client(t, server.url, { auth: { token: server.token({ sub: "anna" }) }, transports: [transport] }));
    const [closed, kept] = [await open(), await open()];
    const disconnected = nextEvent(closed, "disconnect");
    await disconnect({ connections: [closed.id, "no id", "AAAAAAAAAAAAAAAAAAAA"] });
    assert.equal((await disconnected)[0], "io server disconnect");
    await assertStillConnected(kept);
  });
}

test("a connection id closes a client of Socket.IO 2, whose id is the session id", async (t) => {
  const kept = await connected(client(t, server.url, { auth: { token: server.token({ sub: "ben" }) } }));
  const old = await connected(client2(t, server.url, { query: { token: server.token({ sub: "ben" }) }, transports: ["websocket"] }));
  const disconnected = nextEvent(old, "disconnect");
  await disconnect({ connections: [old.id] });
  assert.equal((await disconnected)[0], "io server disconnect");
  await assertStillConnected(kept);
});

test("deleting a user closes all connections of the user", async (t) => {
  const kept = await connected(client(t, server.url, { auth: { token: server.token({ sub: "gina" }) } }));
  for (const [sub, by] of [["emma", { sub: "emma" }], ["fred", { sub: "root", role: "admin" }]]) {
    const token = server.token({ sub });
    const sockets = [];
    for (const transports of [["websocket"], ["polling"]]) sockets.push(await connected(client(t, server.url, { auth: { token }, transports })));
    const raw = await openWebSocket(`${server.ws}/api/v1/ws/connect?token=${token}`);
    await raw.next();
    const disconnected = sockets.map((socket) => nextEvent(socket, "disconnect"));
    assert.equal((await rest("DELETE", `${server.url}/users/${sub}`, { token: server.token(by) })).status, 200);
    for (const [reason] of await Promise.all(disconnected)) assert.equal(reason, "io server disconnect");
    assert.deepEqual(await raw.closed, { code: 4403, reason: "The user was deleted" });
  }
  await assertStillConnected(kept);
});

test("a user id closes all connections of the user, and a raw WebSocket receives the reason", async (t) => {
  const token = server.token({ sub: "carl" });
  const other = await connected(client(t, server.url, { auth: { token: server.token({ sub: "dora" }) } }));
  const sockets = [];
  for (const transports of [["websocket"], ["polling"]]) {
    for (const namespace of ["", "/chat"]) sockets.push(await connected(client(t, `${server.url}${namespace}`, { auth: { token }, transports })));
  }
  const raw = await openWebSocket(`${server.ws}/api/v1/ws/connect?token=${token}`);
  await raw.next();
  const disconnected = sockets.map((socket) => nextEvent(socket, "disconnect"));
  await disconnect({ users: ["carl"], reason: "Signed out everywhere" });
  for (const [reason] of await Promise.all(disconnected)) assert.equal(reason, "io server disconnect");
  assert.deepEqual(await raw.closed, { code: 4403, reason: "Signed out everywhere" });
  await assertStillConnected(other);
});
