// The CORS headers that a browser needs before it lets a page of another origin use the server.

import assert from "node:assert/strict";
import { test } from "node:test";
import { conformanceServer, LONG_HEARTBEATS } from "../support/conformance-server.js";
import { PollingSession } from "../support/engineio.js";
import { http } from "../support/http.js";
import { waitForEvent } from "../support/wait-for.js";
import { QueuedWebSocket } from "../support/ws-queue.js";

const server = conformanceServer(LONG_HEARTBEATS);
const origin = "https://app.example.com";

test("a preflight is answered for every URL below the path, with and without a session", async () => {
  const session = await PollingSession.open(server);
  for (const url of [`${server.url}/engine.io/`, `${server.url}/socket.io/?EIO=4&transport=polling`, session.url]) {
    const response = await http("OPTIONS", url, { headers: { origin, "access-control-request-method": "POST" } });
    assert.equal(response.status, 204);
    assert.equal(response.text, "");
    assert.equal(response.headers["access-control-allow-origin"], "*");
    assert.equal(response.headers["access-control-allow-methods"], "GET,HEAD,PUT,PATCH,POST,DELETE");
    assert.equal(response.headers["access-control-allow-credentials"], undefined);
  }
  assert.equal((await session.post("4alive")).text, "ok", "a preflight changes nothing");
});

test("a preflight allows the headers that the page asks for", async () => {
  const headers = { origin, "access-control-request-method": "POST", "access-control-request-headers": "content-type,x-team" };
  const response = await http("OPTIONS", `${server.url}/engine.io/?EIO=4&transport=polling`, { headers });
  assert.equal(response.headers["access-control-allow-headers"], "content-type,x-team");
  assert.match(response.headers.vary, /access-control-request-headers/i);
});

test("a page may read responses and errors", async () => {
  const session = await PollingSession.open(server);
  for (const [method, url, body] of [
    ["GET", `${server.url}/engine.io/?EIO=4&transport=polling`],
    ["GET", `${server.url}/engine.io/?EIO=4&transport=abc`],
    ["GET", `${server.url}/engine.io/?EIO=4&transport=polling&sid=unknown`],
    ["POST", session.url, "4x"],
    ["POST", session.url, "x"],
  ]) {
    const response = await http(method, url, { headers: { origin }, body });
    assert.equal(response.headers["access-control-allow-origin"], "*", `${method} ${url}`);
    assert.equal(response.headers["access-control-allow-methods"], undefined, "only preflights have this header");
  }
});

test("the 101 response of a WebSocket has the CORS headers", async () => {
  const socket = new QueuedWebSocket(`${server.ws}/engine.io/?EIO=4&transport=websocket`, [], { origin });
  const [[response]] = await Promise.all([waitForEvent(socket.ws, "upgrade"), socket.opened]);
  assert.equal(response.headers["access-control-allow-origin"], "*");
  await socket.close();
});
