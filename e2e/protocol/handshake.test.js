// How an Engine.IO session begins, and how a handshake is rejected.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { conformanceServer, LONG_HEARTBEATS } from "../support/conformance-server.js";
import { openEngineSocket, PollingSession } from "../support/engineio.js";
import { get, http, post } from "../support/http.js";
import { connectionOutcome } from "../support/ws-queue.js";

const server = conformanceServer(LONG_HEARTBEATS);
const shortHeartbeat = conformanceServer();

const errors = {
  transportUnknown: { code: 0, message: "Transport unknown" },
  sessionUnknown: { code: 1, message: "Session ID unknown" },
  badMethod: { code: 2, message: "Bad handshake method" },
  badRequest: { code: 3, message: "Bad request" },
  unsupported: { code: 5, message: "Unsupported protocol version" },
};

async function assertRejected(method, query, error) {
  const response = await http(method, `${server.url}/engine.io/?${query}`);
  assert.equal(response.status, 400);
  assert.match(response.headers["content-type"], /^application\/json/);
  assert.equal(response.text, JSON.stringify(error), "the error is compact JSON with a numeric code");
}

describe("a session over long-polling", () => {
  test("begins with a packet that has five settings in order", async () => {
    const response = await get(`${shortHeartbeat.url}/engine.io/?EIO=4&transport=polling`);
    assert.equal(response.status, 200);
    assert.equal(response.headers["content-type"], "text/plain; charset=UTF-8");
    assert.equal(response.text[0], "0");
    const handshake = JSON.parse(response.text.slice(1));
    assert.deepEqual(Object.keys(handshake), ["sid", "upgrades", "pingInterval", "pingTimeout", "maxPayload"]);
    assert.match(handshake.sid, /^[A-Za-z0-9_-]{20}$/);
    assert.deepEqual(handshake, { sid: handshake.sid, upgrades: ["websocket"], pingInterval: 300, pingTimeout: 200, maxPayload: 1_000_000 });
  });

  test("is served on every path below the prefix", async () => {
    for (const path of ["/engine.io/deep/er/", "/socket.io/x"]) {
      assert.equal((await get(`${server.url}${path}?EIO=4&transport=polling`)).status, 200, path);
    }
  });

  test("has a unique id", async () => {
    const sids = new Set();
    for (let i = 0; i < 50; i++) sids.add((await PollingSession.open(server)).sid);
    assert.equal(sids.size, 50);
  });

  test("uses the last value of a repeated parameter, and ignores `t`", async () => {
    assert.equal((await get(`${server.url}/engine.io/?EIO=3&EIO=4&transport=x&transport=polling&t=abc123`)).status, 200);
  });

  test("is rejected without version 4", async () => {
    await assertRejected("GET", "transport=polling", errors.unsupported);
    for (const eio of ["3", "5", "abc", "04", ""]) await assertRejected("GET", `EIO=${eio}&transport=polling`, errors.unsupported);
  });

  test("is rejected with an unknown transport", async () => {
    await assertRejected("GET", "EIO=4", errors.transportUnknown);
    for (const transport of ["abc", "", "webtransport", "Polling"]) await assertRejected("GET", `EIO=4&transport=${transport}`, errors.transportUnknown);
  });

  test("is rejected for an unknown transport before its version is checked", () => assertRejected("GET", "EIO=99&transport=abc", errors.transportUnknown));

  test("is rejected for a wrong method before its version is checked", () => assertRejected("POST", "EIO=99&transport=polling", errors.badMethod));

  test("begins with GET only", async () => {
    for (const method of ["POST", "PUT", "DELETE", "PATCH"]) await assertRejected(method, "EIO=4&transport=polling", errors.badMethod);
  });

  test("is rejected with an unknown session id", async () => {
    for (const sid of ["abc", "AAAAAAAAAAAAAAAAAAAA", "%00", "a".repeat(5000)]) {
      await assertRejected("GET", `EIO=4&transport=polling&sid=${sid}`, errors.sessionUnknown);
      await assertRejected("POST", `EIO=4&transport=polling&sid=${sid}`, errors.sessionUnknown);
    }
  });

  test("with the transport websocket and without an upgrade header is a bad request", () => assertRejected("GET", "EIO=4&transport=websocket", errors.badRequest));

  test("answers other methods with a status only, and continues", async () => {
    const session = await PollingSession.open(server);
    for (const method of ["PUT", "DELETE", "PATCH"]) {
      const response = await http(method, session.url);
      assert.deepEqual([response.status, response.text], [500, ""], method);
    }
    assert.equal((await session.post("4alive")).text, "ok");
    assert.deepEqual(await session.packets(), ["4alive"]);
  });

  test("cannot be polled with the transport websocket", async () => {
    const session = await PollingSession.open(server);
    const response = await get(session.url.replace("polling", "websocket"));
    assert.deepEqual([response.status, response.text], [400, JSON.stringify(errors.badRequest)]);
    assert.equal((await session.post("4alive")).text, "ok");
  });
});

describe("a session over WebSocket", () => {
  test("begins with the same packet, without upgrades", async () => {
    const socket = await openEngineSocket(shortHeartbeat);
    assert.deepEqual(Object.keys(socket.handshake), ["sid", "upgrades", "pingInterval", "pingTimeout", "maxPayload"]);
    assert.deepEqual(socket.handshake, { sid: socket.sid, upgrades: [], pingInterval: 300, pingTimeout: 200, maxPayload: 1_000_000 });
    await socket.close();
  });

  test("is rejected with status 400 and the message as plain text", async () => {
    for (const [query, { message }] of [
      ["EIO=4", errors.transportUnknown],
      ["EIO=4&transport=abc", errors.transportUnknown],
      ["EIO=4&transport=websocket&sid=unknown", errors.sessionUnknown],
      ["EIO=4&transport=polling", errors.badRequest],
    ]) {
      const { opened, status, text, error } = await connectionOutcome(`${server.ws}/engine.io/?${query}`);
      assert.deepEqual({ opened, status, text }, { opened: false, status: 400, text: message }, `${query}: ${error}`);
    }
  });

  test("of an unsupported version is rejected", async () => {
    for (const query of ["transport=websocket", "EIO=abc&transport=websocket", "EIO=3&transport=websocket"]) {
      const { opened, status } = await connectionOutcome(`${server.ws}/engine.io/?${query}`);
      assert.ok(!opened && (status === 400 || status === undefined), query);
    }
  });

  test("echoes the first subprotocol that the client offers", async () => {
    const socket = await openEngineSocket(server, { protocols: ["first", "second"] });
    assert.equal(socket.ws.protocol, "first");
    await socket.close();
  });

  test("needs a WebSocket handshake according to RFC 6455", async () => {
    const upgrade = { connection: "Upgrade", upgrade: "websocket", "sec-websocket-version": "13", "sec-websocket-key": "dGhlIHNhbXBsZSBub25jZQ==" };
    const request = (headers, method = "GET") => http(method, `${server.url}/engine.io/?EIO=4&transport=websocket`, { headers: { ...upgrade, ...headers } });
    const version = await request({ "sec-websocket-version": "12" });
    assert.deepEqual([version.status, version.headers["sec-websocket-version"]], [400, "13, 8"]);
    assert.equal((await request({ "sec-websocket-key": "short" })).status, 400);
    assert.equal((await request({}, "POST")).status, 400, "the session does not begin with GET");
  });
});

test("other paths are answered with 404", async () => {
  for (const path of ["/", "/engine.iox/?EIO=4&transport=polling", "/nothing"]) {
    assert.equal((await get(`${server.url}${path}`)).status, 404, path);
  }
});

test("the response to a poll has a length and must not be cached", async () => {
  const session = await PollingSession.open(server);
  const posted = await session.post("4x");
  const polled = await session.get();
  for (const response of [session.opening, posted, polled]) {
    assert.equal(response.headers["cache-control"], "no-store");
    assert.equal(response.headers["content-length"], String(response.body.length));
    assert.equal(response.headers["x-xss-protection"], undefined);
  }
  const old = await post(session.url, "4x", { headers: { "user-agent": "Mozilla/5.0 (Windows NT 6.3; Trident/7.0; rv:11.0)" } });
  assert.equal(old.headers["x-xss-protection"], "0", "old versions of Internet Explorer need this header");
});
