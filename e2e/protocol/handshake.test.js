// How an Engine.IO session begins, and how one is refused.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { conformanceServer, LONG_HEARTBEATS } from "../support/conformance-server.js";
import { openEngineSocket, PollingSession } from "../support/engineio.js";
import { get, http, post } from "../support/http.js";
import { connectionOutcome } from "../support/ws-queue.js";

const server = conformanceServer(LONG_HEARTBEATS);
const timed = conformanceServer();

const refusals = {
  transportUnknown: { code: 0, message: "Transport unknown" },
  sessionUnknown: { code: 1, message: "Session ID unknown" },
  badMethod: { code: 2, message: "Bad handshake method" },
  badRequest: { code: 3, message: "Bad request" },
  unsupported: { code: 5, message: "Unsupported protocol version" },
};

async function refuses(method, query, refusal) {
  const response = await http(method, `${server.url}/engine.io/?${query}`);
  assert.equal(response.status, 400);
  assert.match(response.headers["content-type"], /^application\/json/);
  assert.equal(response.text, JSON.stringify(refusal), "compact JSON, and the code is a number");
}

describe("a session by long-polling", () => {
  test("begins with a packet that names its five settings in order", async () => {
    const response = await get(`${timed.url}/engine.io/?EIO=4&transport=polling`);
    assert.equal(response.status, 200);
    assert.equal(response.headers["content-type"], "text/plain; charset=UTF-8");
    assert.equal(response.text[0], "0");
    const handshake = JSON.parse(response.text.slice(1));
    assert.deepEqual(Object.keys(handshake), ["sid", "upgrades", "pingInterval", "pingTimeout", "maxPayload"]);
    assert.match(handshake.sid, /^[A-Za-z0-9_-]{20}$/);
    assert.deepEqual(handshake, { sid: handshake.sid, upgrades: ["websocket"], pingInterval: 300, pingTimeout: 200, maxPayload: 1_000_000 });
  });

  test("is found under any path behind the prefix", async () => {
    for (const path of ["/engine.io/deep/er/", "/socket.io/x"]) {
      assert.equal((await get(`${server.url}${path}?EIO=4&transport=polling`)).status, 200, path);
    }
  });

  test("has an id that differs every time", async () => {
    const sids = new Set();
    for (let i = 0; i < 50; i++) sids.add((await PollingSession.open(server)).sid);
    assert.equal(sids.size, 50);
  });

  test("takes the last of a parameter's values, and ignores a cache buster", async () => {
    assert.equal((await get(`${server.url}/engine.io/?EIO=3&EIO=4&transport=x&transport=polling&t=abc123`)).status, 200);
  });

  test("needs the version: without one, or with another, it is not version 4", async () => {
    await refuses("GET", "transport=polling", refusals.unsupported);
    for (const eio of ["3", "5", "abc", "04", ""]) await refuses("GET", `EIO=${eio}&transport=polling`, refusals.unsupported);
  });

  test("needs a transport that there is", async () => {
    await refuses("GET", "EIO=4", refusals.transportUnknown);
    for (const transport of ["abc", "", "webtransport", "Polling"]) await refuses("GET", `EIO=4&transport=${transport}`, refusals.transportUnknown);
  });

  test("is refused for its transport before its version is looked at", () => refuses("GET", "EIO=99&transport=abc", refusals.transportUnknown));

  test("is refused for its method before its version is looked at", () => refuses("POST", "EIO=99&transport=polling", refusals.badMethod));

  test("can be begun by GET only", async () => {
    for (const method of ["POST", "PUT", "DELETE", "PATCH"]) await refuses(method, "EIO=4&transport=polling", refusals.badMethod);
  });

  test("is not known by an id that was never given", async () => {
    for (const sid of ["abc", "AAAAAAAAAAAAAAAAAAAA", "%00", "a".repeat(5000)]) {
      await refuses("GET", `EIO=4&transport=polling&sid=${sid}`, refusals.sessionUnknown);
      await refuses("POST", `EIO=4&transport=polling&sid=${sid}`, refusals.sessionUnknown);
    }
  });

  test("asked for as a WebSocket without the upgrade header is a bad request", () => refuses("GET", "EIO=4&transport=websocket", refusals.badRequest));

  test("is refused any other method with a status alone, and lives on", async () => {
    const session = await PollingSession.open(server);
    for (const method of ["PUT", "DELETE", "PATCH"]) {
      const response = await http(method, session.url);
      assert.deepEqual([response.status, response.text], [500, ""], method);
    }
    assert.equal((await session.post("4alive")).text, "ok");
    assert.deepEqual(await session.packets(), ["4alive"]);
  });

  test("cannot be polled as a WebSocket transport", async () => {
    const session = await PollingSession.open(server);
    const response = await get(session.url.replace("polling", "websocket"));
    assert.deepEqual([response.status, response.text], [400, JSON.stringify(refusals.badRequest)]);
    assert.equal((await session.post("4alive")).text, "ok");
  });
});

describe("a session by WebSocket", () => {
  test("begins with the same packet, and offers no upgrade", async () => {
    const socket = await openEngineSocket(timed);
    assert.deepEqual(Object.keys(socket.handshake), ["sid", "upgrades", "pingInterval", "pingTimeout", "maxPayload"]);
    assert.deepEqual(socket.handshake, { sid: socket.sid, upgrades: [], pingInterval: 300, pingTimeout: 200, maxPayload: 1_000_000 });
    await socket.close();
  });

  test("is refused before 101 with a status of 400 and the plain words", async () => {
    for (const [query, { message }] of [
      ["EIO=4", refusals.transportUnknown],
      ["EIO=4&transport=abc", refusals.transportUnknown],
      ["EIO=4&transport=websocket&sid=unknown", refusals.sessionUnknown],
      ["EIO=4&transport=polling", refusals.badRequest],
    ]) {
      const { opened, status, text, error } = await connectionOutcome(`${server.ws}/engine.io/?${query}`);
      assert.deepEqual({ opened, status, text }, { opened: false, status: 400, text: message }, `${query}: ${error}`);
    }
  });

  test("in a version that is not served ends before it is a session", async () => {
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

  test("needs a WebSocket handshake as RFC 6455 has it", async () => {
    const upgrade = { connection: "Upgrade", upgrade: "websocket", "sec-websocket-version": "13", "sec-websocket-key": "dGhlIHNhbXBsZSBub25jZQ==" };
    const ask = (headers, method = "GET") => http(method, `${server.url}/engine.io/?EIO=4&transport=websocket`, { headers: { ...upgrade, ...headers } });
    const version = await ask({ "sec-websocket-version": "12" });
    assert.deepEqual([version.status, version.headers["sec-websocket-version"]], [400, "13, 8"]);
    assert.equal((await ask({ "sec-websocket-key": "short" })).status, 400);
    assert.equal((await ask({}, "POST")).status, 400, "a session without GET");
  });
});

test("what is outside the paths is not the engine's", async () => {
  for (const path of ["/", "/engine.iox/?EIO=4&transport=polling", "/nothing"]) {
    assert.equal((await get(`${server.url}${path}`)).status, 404, path);
  }
});

test("a poll's answer is not kept by caches, and tells its length", async () => {
  const session = await PollingSession.open(server);
  const posted = await session.post("4x");
  const polled = await session.get();
  for (const response of [session.opening, posted, polled]) {
    assert.equal(response.headers["cache-control"], "no-store");
    assert.equal(response.headers["content-length"], String(response.body.length));
    assert.equal(response.headers["x-xss-protection"], undefined);
  }
  const old = await post(session.url, "4x", { headers: { "user-agent": "Mozilla/5.0 (Windows NT 6.3; Trident/7.0; rv:11.0)" } });
  assert.equal(old.headers["x-xss-protection"], "0", "old Internet Explorers need it");
});
