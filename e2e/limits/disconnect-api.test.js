// A back end ends connections: just those that it names, at once, whoever's library they are spoken with.

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

// Asks something that is answered for as long as the connection stands.
const assertAnswers = async (socket) => assert.equal((await socket.emitWithAck("trip:leave", { tripId: "1" })).ok, true);

for (const transport of ["websocket", "polling"]) {
  test(`a connection by its id, by ${transport}, and no other of the person`, async (t) => {
    const open = () => connected(client(t, server.url, { auth: { token: server.token({ sub: "anna" }) }, transports: [transport] }));
    const [goes, stays] = [await open(), await open()];
    const gone = nextEvent(goes, "disconnect");
    await disconnect({ connections: [goes.id, "no id", "AAAAAAAAAAAAAAAAAAAA"] });
    assert.equal((await gone)[0], "io server disconnect");
    await assertAnswers(stays);
  });
}

test("a client of Socket.IO 2, whose id is its session's", async (t) => {
  const stays = await connected(client(t, server.url, { auth: { token: server.token({ sub: "ben" }) } }));
  const old = await connected(client2(t, server.url, { query: { token: server.token({ sub: "ben" }) }, transports: ["websocket"] }));
  const gone = nextEvent(old, "disconnect");
  await disconnect({ connections: [old.id] });
  assert.equal((await gone)[0], "io server disconnect");
  await assertAnswers(stays);
});

test("a user whom the user or an admin deletes, on all connections", async (t) => {
  const stays = await connected(client(t, server.url, { auth: { token: server.token({ sub: "gina" }) } }));
  for (const [sub, by] of [["emma", { sub: "emma" }], ["fred", { sub: "root", role: "admin" }]]) {
    const token = server.token({ sub });
    const sockets = [];
    for (const transports of [["websocket"], ["polling"]]) sockets.push(await connected(client(t, server.url, { auth: { token }, transports })));
    const raw = await openWebSocket(`${server.ws}/api/v1/ws/connect?token=${token}`);
    await raw.next();
    const gone = sockets.map((socket) => nextEvent(socket, "disconnect"));
    assert.equal((await rest("DELETE", `${server.url}/users/${sub}`, { token: server.token(by) })).status, 200);
    for (const [reason] of await Promise.all(gone)) assert.equal(reason, "io server disconnect");
    assert.deepEqual(await raw.closed, { code: 4403, reason: "The user was deleted" });
  }
  await assertAnswers(stays);
});

test("a person, on all connections, and a raw WebSocket is told why", async (t) => {
  const token = server.token({ sub: "carl" });
  const other = await connected(client(t, server.url, { auth: { token: server.token({ sub: "dora" }) } }));
  const sockets = [];
  for (const transports of [["websocket"], ["polling"]]) {
    for (const namespace of ["", "/chat"]) sockets.push(await connected(client(t, `${server.url}${namespace}`, { auth: { token }, transports })));
  }
  const raw = await openWebSocket(`${server.ws}/api/v1/ws/connect?token=${token}`);
  await raw.next();
  const gone = sockets.map((socket) => nextEvent(socket, "disconnect"));
  await disconnect({ users: ["carl"], reason: "Signed out everywhere" });
  for (const [reason] of await Promise.all(gone)) assert.equal(reason, "io server disconnect");
  assert.deepEqual(await raw.closed, { code: 4403, reason: "Signed out everywhere" });
  await assertAnswers(other);
});
