// How long a connection outlives its token. What the clock has to do with it is tested with a clock of its own, in Rust; here tokens of a moment
// are shown by stock clients, and their ends are waited for.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { openEngineSocket } from "../support/engineio.js";
import { openRawClient } from "../support/raw-client.js";
import { sharedServer } from "../support/server.js";
import { client, connected, nextEvent } from "../support/socketio-clients.js";
import { seconds } from "../support/tokens.js";
import { retry } from "../support/wait-until.js";

const keeping = sharedServer({});
const closing = sharedServer({ TOKEN_END: "close" });

const NAMESPACES = ["/", "/household", "/trips", "/chat", "/messenger"];

const brief = (server, sub) => server.token({ sub, exp: seconds(4) });
const later = (server, sub) => server.token({ sub, exp: seconds(6) });
const long = (server, sub) => server.token({ sub, exp: seconds(3600) });

async function raw(server, token) {
  const socket = await openRawClient(server, token);
  const request = (message) => (socket.sendEnvelope(message), socket.nextJson());
  return Object.assign(socket, { request });
}

const io = (t, server, namespace, token, options = {}) =>
  connected(client(t, `${server.url}${namespace === "/" ? "" : namespace}`, { auth: { token }, transports: ["websocket"], ...options }));

describe("with TOKEN_END=keep", { concurrency: true }, () => {
  for (const namespace of NAMESPACES) {
    test(`whoever has shown a newer token in ${namespace} is warned and ends with it, whoever has not stays`, async (t) => {
      const stays = await io(t, keeping, namespace, brief(keeping, "anna"));
      const goes = await io(t, keeping, namespace, long(keeping, "anna"));
      const [expiring, gone, warned] = [nextEvent(goes, "auth:expiring"), nextEvent(goes, "disconnect"), []];
      stays.on("auth:expiring", (said) => warned.push(said));
      const token = later(keeping, "anna");
      const { ok, expiresAt } = await goes.emitWithAck("auth:refresh", { token });
      assert.equal(ok, true);
      const [said] = await expiring;
      assert.equal(said.expiresAt, expiresAt);
      assert.ok(said.expiresIn <= 60, `${said.expiresIn}`);
      assert.deepEqual((await gone)[0], "io server disconnect");
      // The other's token ended before.
      assert.equal((await stays.emitWithAck("auth:refresh", { token: long(keeping, "anna") })).ok, true);
      assert.deepEqual(warned, []);
    });
  }

  test("the same on the raw WebSocket, with 4401", async () => {
    const stays = await raw(keeping, brief(keeping, "anna"));
    const goes = await raw(keeping, long(keeping, "anna"));
    const refreshed = await goes.request({ type: "auth_refresh", data: { token: later(keeping, "anna") } });
    assert.equal(refreshed.type, "auth_refreshed");
    const expiring = await goes.nextJson();
    assert.deepEqual([expiring.type, expiring.data.expires_at], ["auth_expiring", refreshed.data.expires_at]);
    assert.deepEqual(await goes.closed, { code: 4401, reason: "The token has expired" });
    assert.equal((await stays.request({ type: "ping" })).type, "pong");
  });
});

describe("with TOKEN_END=close", { concurrency: true }, () => {
  test("a connection is warned and ends with its token, unless a newer one has been shown", async (t) => {
    const goes = client(t, `${closing.url}/trips`, { auth: { token: brief(closing, "anna") }, transports: ["websocket"] });
    // The server warns at once of the end of so short a token.
    const [expiring, gone] = [nextEvent(goes, "auth:expiring"), nextEvent(goes, "disconnect")];
    await connected(goes);
    const stays = await io(t, closing, "/trips", brief(closing, "anna"));
    const endless = await io(t, closing, "/trips", closing.token({ sub: "anna" }));
    assert.equal((await stays.emitWithAck("auth:refresh", { token: long(closing, "anna") })).ok, true);
    const [said] = await expiring;
    assert.ok(said.expiresIn <= 4 && Date.parse(said.expiresAt) > 0, JSON.stringify(said));
    assert.equal((await gone)[0], "io server disconnect");
    for (const socket of [stays, endless]) assert.equal((await socket.emitWithAck("trip:leave", { tripId: "1" })).ok, true);
  });

  test("a raw WebSocket is closed with 4401, and one of Socket.IO behind its last namespace, too", async () => {
    const plain = await raw(closing, brief(closing, "anna"));
    const engine = await openEngineSocket(closing, { path: "/socket.io/" });
    const isWarning = (packet) => packet.includes('"auth:expiring"');
    for (const namespace of ["/chat", "/messenger"]) {
      engine.send(`40${namespace},${JSON.stringify({ token: brief(closing, "anna") })}`);
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

  test("a namespace whose token has ended goes, and another of the same connection stays", async (t) => {
    const goes = await io(t, closing, "/chat", brief(closing, "anna"), { forceNew: false });
    const other = goes.io.socket("/trips", { auth: { token: long(closing, "anna") } });
    await connected(other);
    await nextEvent(goes, "disconnect");
    assert.equal((await other.emitWithAck("trip:leave", { tripId: "1" })).ok, true);
  });
});
