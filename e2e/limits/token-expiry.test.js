// What happens to a connection when its token expires. Rust tests check the timing with a fake clock. These tests use stock clients with tokens that
// expire after a few seconds.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { openEngineSocket } from "../support/engineio.js";
import { openRawClient } from "../support/raw-client.js";
import { sharedServer } from "../support/server.js";
import { client, connected, nextEvent } from "../support/socketio-clients.js";
import { seconds } from "../support/tokens.js";
import { retry } from "../support/wait-until.js";

const keepServer = sharedServer({});
const closeServer = sharedServer({ TOKEN_END: "close" });

const NAMESPACES = ["/", "/household", "/trips", "/chat", "/messenger"];

const shortToken = (server, sub) => server.token({ sub, exp: seconds(4) });
const longerToken = (server, sub) => server.token({ sub, exp: seconds(6) });
const longToken = (server, sub) => server.token({ sub, exp: seconds(3600) });

async function openRaw(server, token) {
  const socket = await openRawClient(server, token);
  const request = (message) => (socket.sendEnvelope(message), socket.nextJson());
  return Object.assign(socket, { request });
}

const openSocketIo = (t, server, namespace, token, options = {}) =>
  connected(client(t, `${server.url}${namespace === "/" ? "" : namespace}`, { auth: { token }, transports: ["websocket"], ...options }));

describe("with TOKEN_END=keep", { concurrency: true }, () => {
  for (const namespace of NAMESPACES) {
    test(`a connection that has refreshed its token in ${namespace} is warned and closed when it expires; another one stays open`, async (t) => {
      const open = await openSocketIo(t, keepServer, namespace, shortToken(keepServer, "anna"));
      const closing = await openSocketIo(t, keepServer, namespace, longToken(keepServer, "anna"));
      const [expiring, closed, warnings] = [nextEvent(closing, "auth:expiring"), nextEvent(closing, "disconnect"), []];
      open.on("auth:expiring", (warning) => warnings.push(warning));
      const token = longerToken(keepServer, "anna");
      const { ok, expiresAt } = await closing.emitWithAck("auth:refresh", { token });
      assert.equal(ok, true);
      const [warning] = await expiring;
      assert.equal(warning.expiresAt, expiresAt);
      assert.ok(warning.expiresIn <= 60, `${warning.expiresIn}`);
      assert.deepEqual((await closed)[0], "io server disconnect");
      // The token of the other connection has expired before.
      assert.equal((await open.emitWithAck("auth:refresh", { token: longToken(keepServer, "anna") })).ok, true);
      assert.deepEqual(warnings, []);
    });
  }

  test("a raw WebSocket that has refreshed its token is warned, and closed with 4401 when it expires; another one stays open", async () => {
    const open = await openRaw(keepServer, shortToken(keepServer, "anna"));
    const closing = await openRaw(keepServer, longToken(keepServer, "anna"));
    const refreshed = await closing.request({ type: "auth_refresh", data: { token: longerToken(keepServer, "anna") } });
    assert.equal(refreshed.type, "auth_refreshed");
    const expiring = await closing.nextJson();
    assert.deepEqual([expiring.type, expiring.data.expires_at], ["auth_expiring", refreshed.data.expires_at]);
    assert.deepEqual(await closing.closed, { code: 4401, reason: "The token has expired" });
    assert.equal((await open.request({ type: "ping" })).type, "pong");
  });
});

describe("with TOKEN_END=close", { concurrency: true }, () => {
  test("a connection is warned, and closed when its token expires, unless it refreshes the token", async (t) => {
    const closing = client(t, `${closeServer.url}/trips`, { auth: { token: shortToken(closeServer, "anna") }, transports: ["websocket"] });
    // The server sends the warning for such a short token at once.
    const [expiring, closed] = [nextEvent(closing, "auth:expiring"), nextEvent(closing, "disconnect")];
    await connected(closing);
    const open = await openSocketIo(t, closeServer, "/trips", shortToken(closeServer, "anna"));
    const endless = await openSocketIo(t, closeServer, "/trips", closeServer.token({ sub: "anna" }));
    assert.equal((await open.emitWithAck("auth:refresh", { token: longToken(closeServer, "anna") })).ok, true);
    const [warning] = await expiring;
    assert.ok(warning.expiresIn <= 4 && Date.parse(warning.expiresAt) > 0, JSON.stringify(warning));
    assert.equal((await closed)[0], "io server disconnect");
    for (const socket of [open, endless]) assert.equal((await socket.emitWithAck("trip:leave", { tripId: "1" })).ok, true);
  });

  test("a raw WebSocket is closed with 4401, and a Socket.IO connection as well after its last namespace", async () => {
    const plain = await openRaw(closeServer, shortToken(closeServer, "anna"));
    const engine = await openEngineSocket(closeServer, { path: "/socket.io/" });
    const isWarning = (packet) => packet.includes('"auth:expiring"');
    for (const namespace of ["/chat", "/messenger"]) {
      engine.send(`40${namespace},${JSON.stringify({ token: shortToken(closeServer, "anna") })}`);
      const packet = await retry(10, async () => {
        const next = await engine.next();
        return isWarning(next) ? null : next;
      });
      assert.ok(packet.startsWith(`40${namespace},`), packet);
    }
    assert.equal((await plain.nextJson()).type, "auth_expiring");
    assert.deepEqual([await plain.closed, plain.unread], [{ code: 4401, reason: "The token has expired" }, []]);
    assert.deepEqual(await engine.closed, { code: 4401, reason: "The token has expired" });
    assert.deepEqual(engine.unread.filter((packet) => !isWarning(packet)).sort(), ["41/chat,", "41/messenger,"]);
  });

  test("a namespace is closed when its token expires, and another namespace of the connection stays open", async (t) => {
    const closing = await openSocketIo(t, closeServer, "/chat", shortToken(closeServer, "anna"), { forceNew: false });
    const other = closing.io.socket("/trips", { auth: { token: longToken(closeServer, "anna") } });
    await connected(other);
    await nextEvent(closing, "disconnect");
    assert.equal((await other.emitWithAck("trip:leave", { tripId: "1" })).ok, true);
  });
});
