// Clients that begin many requests and neither finish them nor read the responses. The server stays within its memory limit and serves other clients.

import assert from "node:assert/strict";
import { connect } from "node:net";
import { describe, test } from "node:test";
import { MEGABYTE } from "../support/assert-healthy.js";
import { rest } from "../support/http.js";
import { metrics } from "../support/metrics.js";
import { startServer } from "../support/server.js";
import { user } from "../support/users.js";
import { waitFor } from "../support/wait-for.js";
import { waitUntil, waitUntilByServerClock } from "../support/wait-until.js";
import { frame, TEXT } from "../support/websocket-frames.js";

async function startTestServer(t, settings) {
  const server = await startServer({ METRICS: "open", ...settings });
  t.after(() => server.stop());
  return server;
}

// Resolves at the event, or when the connection has ended. The server may reset an attacker's connection, which is no failure.
const eventOrEnd = (socket, name) => Promise.race([new Promise((resolve) => socket.once(name, resolve)), socket.whenClosed]);

// A TCP connection from the loopback address with this number. It reads nothing until it is resumed.
async function openConnection(t, server, number, firstBytes) {
  const socket = connect({ port: server.port, host: "127.0.0.1", localAddress: `127.1.${number >> 8}.${number & 255}` });
  t.after(() => socket.destroy());
  socket.on("error", () => {});
  socket.whenClosed = new Promise((resolve) => socket.once("close", resolve));
  await waitFor(eventOrEnd(socket, "connect"), () => `connection ${number} is neither accepted nor rejected`);
  socket.pause();
  // Resolves when the kernel has the bytes, or the connection has ended.
  socket.sendBytes = (bytes) => waitFor(Promise.race([new Promise((resolve) => socket.write(bytes, resolve)), socket.whenClosed]), () => `connection ${number} cannot send`);
  if (firstBytes !== undefined) void socket.sendBytes(firstBytes);
  return socket;
}

// Reads the beginning of the response, up to the end of its head.
async function readResponse(socket) {
  let text = "";
  socket.on("data", (data) => (text += data.toString("latin1")));
  socket.resume();
  while (!text.includes("\r\n\r\n") && !socket.destroyed) {
    await waitFor(eventOrEnd(socket, "data"), () => `the response is incomplete: ${text}`);
  }
  return text;
}

const request = (method, path, headers = {}) =>
  [`${method} ${path} HTTP/1.1`, "Host: x", ...Object.entries(headers).map(([name, value]) => `${name}: ${value}`), "", ""].join("\r\n");
const upgrade = (path) => request("GET", path, { Connection: "Upgrade", Upgrade: "websocket", "Sec-WebSocket-Version": 13, "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==" });
const LARGE = 1_000_000;
const ALL_BUT_ONE = Buffer.alloc(LARGE - 1, 0x20);
const bearer = (server, sub) => ({ Authorization: `Bearer ${server.token({ sub })}` });

const waitForBytesInHand = (server, enough) => waitUntilByServerClock(server, 60, async () => {
  const bytes = (await metrics(server)).gauge("in_hand_bytes");
  return enough(bytes) ? null : `${bytes} bytes are in hand`;
});

const ATTACKS = {
  "unread responses with large lists": {
    count: 245,
    async begin(t, server, number) {
      await openConnection(t, server, number, request("GET", "/api/v1/projects?limit=200", bearer(server, "1")));
    },
  },
  "unread responses with static files": {
    count: 2000,
    async begin(t, server, number) {
      await openConnection(t, server, number, request("GET", "/docs/swagger-ui-bundle.js"));
    },
  },
  // hyper reads the head of a request into a buffer that does not count as bytes in hand, so the maximum number of HTTP connections is the bound.
  "unfinished request heads": {
    count: 1500,
    async begin(t, server, number) {
      await openConnection(t, server, number, request("GET", "/households", { "X-Long": "x".repeat(16_000) }).slice(0, -4));
    },
  },
  "unfinished WebSocket messages without a token": {
    count: 499,
    async begin(t, server, number) {
      const socket = await openConnection(t, server, number, upgrade("/socket.io/?EIO=4&transport=websocket"));
      await socket.sendBytes(frame(TEXT, ALL_BUT_ONE, { length: LARGE }).subarray(0, LARGE));
    },
  },
  "unfinished WebSocket messages of users": {
    count: 300,
    async begin(t, server, number) {
      const socket = await openConnection(t, server, number, upgrade(`/socket.io/?EIO=4&transport=websocket`));
      await socket.sendBytes(frame(TEXT, `40/chat,${JSON.stringify({ token: server.token({ sub: `m${number}` }) })}`));
      socket.resume();
      await waitFor(eventOrEnd(socket, "data"), () => `m${number} receives no reply`);
      await socket.sendBytes(frame(TEXT, ALL_BUT_ONE, { length: LARGE }).subarray(0, LARGE));
    },
  },
  "unfinished long-polling bodies": {
    count: 399,
    async begin(t, server, number) {
      const opening = await readResponse(await openConnection(t, server, number, request("GET", "/socket.io/?EIO=4&transport=polling")));
      const sid = opening.match(/"sid":"([^"]+)"/)?.[1];
      if (!sid) return;
      const path = `/socket.io/?EIO=4&transport=polling&sid=${sid}`;
      const join = `40/chat,${JSON.stringify({ token: server.token({ sub: `p${number}` }) })}`;
      await readResponse(await openConnection(t, server, number, request("POST", path, { "Content-Length": join.length }) + join));
      await readResponse(await openConnection(t, server, number, request("GET", path)));
      const body = await openConnection(t, server, number, request("POST", path, { "Content-Length": LARGE }));
      await body.sendBytes(ALL_BUT_ONE);
    },
  },
  "unfinished REST bodies": {
    count: 612,
    async begin(t, server, number) {
      const head = { ...bearer(server, `b${number}`), "Content-Type": "application/json", "Content-Length": LARGE };
      const body = await openConnection(t, server, number, request("POST", "/households", head));
      await body.sendBytes(ALL_BUT_ONE);
    },
  },
};

// Creates projects of user 1, so that the response with their list is long.
async function createProjects(server, count, members) {
  const { request } = user(server, "1");
  const memberIds = Array.from({ length: members }, (_, number) => number + 2);
  for (let project = 0; project < count; project++) await request("POST", "/api/v1/projects", { name: `Project ${project}`, memberIds });
}

describe("with MEMORY_LIMIT=300MB", () => {
  const LIMIT = 300e6;
  test("all attacks together, from many addresses, stay within the limit, and other clients are served", async (t) => {
    const server = await startTestServer(t, { MEMORY_LIMIT: "300MB", ANSWER_TIMEOUT: "1h" });
    await createProjects(server, 200, 100);
    const peak = { memory: 0 };
    const checkMemory = () => {
      peak.memory = Math.max(peak.memory, server.memory());
      assert.ok(peak.memory < LIMIT * 1.25, `${(peak.memory / 1e6).toFixed(0)} MB`);
    };
    let number = 0;
    const attacks = Object.values(ATTACKS).flatMap(({ count, begin }) => Array.from({ length: count }, () => () => begin(t, server, number++)));
    // The attacks run in mixed groups of a hundred, so that no attack waits for all slow ones.
    const shuffled = attacks.map((attack, place) => [(place * 7919) % attacks.length, attack]).sort(([a], [b]) => a - b).map(([, attack]) => attack);
    for (let at = 0; at < shuffled.length; at += 100) {
      await Promise.all(shuffled.slice(at, at + 100).map((attack) => attack()));
      checkMemory();
      assert.equal((await rest("GET", `${server.url}/health/live`)).status, 200);
    }
    const { status } = await rest("GET", `${server.url}/households`, { token: server.token({ sub: "newcomer" }) });
    assert.equal(status, 200);
    checkMemory();
    const { gauge } = await metrics(server);
    assert.ok(gauge("in_hand_bytes") <= LIMIT / 4);
    t.diagnostic(`${(peak.memory / 1e6).toFixed(0)} MB at most, ${(gauge("in_hand_bytes") / 1e6).toFixed(1)} MB in hand`);
  });
});

// JSON whose parsed form takes the most memory for its length.
const smallObjects = (length) => `[${Array(Math.floor(length / 7)).fill('{"":0}').join()}]`;

describe("the memory of parsed JSON counts as in hand", () => {
  const notify = (data) => `{"title":"Hello","data":{"all":${data}}}`;

  test("a request beyond the user's share is rejected before it is parsed, over REST and over a socket", async (t) => {
    const server = await startTestServer(t, { BYTES_IN_HAND_PER_USER: "2500KB" });
    const post = (data) => rest("POST", `${server.url}/api/v1/socket/test-notification`, { token: server.token({ sub: "anna" }), body: notify(data), headers: { "content-type": "application/json" } });
    const text = JSON.stringify("x".repeat(100_000));
    assert.equal((await post(text)).status, 400);
    const rejected = await post(smallObjects(100_000));
    assert.deepEqual([rejected.status, JSON.parse(rejected.text).code], [413, "too_large"]);

    const socket = await openConnection(t, server, 1, upgrade("/socket.io/?EIO=4&transport=websocket"));
    let received = "";
    socket.on("data", (data) => (received += data.toString("latin1")));
    socket.resume();
    await socket.sendBytes(frame(TEXT, `40/trips,${JSON.stringify({ token: server.token({ sub: "anna" }) })}`));
    await waitUntil(() => (received.includes("40/trips,") ? null : `the server has sent ${received}`));
    const requestAndExpect = async (id, data, reply) => {
      await socket.sendBytes(frame(TEXT, `42/trips,${id}["trip:update",{"tripId":"7","changes":{"all":${data}}}]`));
      await waitUntil(() => (received.includes(`43/trips,${id}[`) && received.includes(reply) ? null : `the server has sent ${received}`));
    };
    await requestAndExpect(1, text, '"code":"not_found"');
    await requestAndExpect(2, smallObjects(100_000), '"code":"invalid"');
    await waitForBytesInHand(server, (bytes) => bytes === 0);
  });
});

describe("bytes in hand beyond a share are rejected", () => {
  const withServer = async (t, settings, begin) => {
    const server = await startTestServer(t, settings);
    return begin(server);
  };

  test("for the request bodies of one user, with 429 and a retry time", (t) => withServer(t, { BYTES_IN_HAND_PER_USER: "2500KB" }, async (server) => {
    const head = (length) => ({ ...bearer(server, "anna"), "Content-Type": "application/json", "Content-Length": length });
    const begin = async (number) => {
      const socket = await openConnection(t, server, number, request("POST", "/households", head(LARGE)));
      await socket.sendBytes(ALL_BUT_ONE);
      return socket;
    };
    const open = [await begin(1), await begin(2)];
    await waitForBytesInHand(server, (bytes) => bytes >= 2 * (LARGE - 1));
    const third = await begin(3);
    assert.match(await readResponse(third), /^HTTP\/1\.1 429 (?:.*\r\n)*retry-after: 1\r\n/i);
    const other = await rest("POST", `${server.url}/households`, { token: server.token({ sub: "ben" }), body: { name: "Ours" } });
    assert.equal(other.status, 201);
    for (const socket of open) socket.destroy();
    await waitForBytesInHand(server, (bytes) => bytes === 0);
  }));

  test("for the responses to one address, except responses that are the same for all users", (t) => withServer(t, { BYTES_IN_HAND_PER_ADDRESS: "5MB", ANSWER_TIMEOUT: "1h" }, async (server) => {
    await createProjects(server, 40, 100);
    const list = request("GET", "/api/v1/projects?limit=200", bearer(server, "1"));
    const { text } = await rest("GET", `${server.url}/api/v1/projects?limit=200`, { token: server.token({ sub: "1" }) });
    const readers = Math.ceil(5e6 / text.length) + 1;
    const rejected = async () => (await metrics(server)).counter("in_hand_refused", 'share="address"');
    // A response that fits into the kernel's buffers is written at once, so each connection sends many requests.
    for (let reader = 0; reader < readers; reader++) await openConnection(t, server, 7, list.repeat(50));
    await waitUntilByServerClock(server, 60, async () => ((await rejected()) > 0 ? null : "no request is rejected"));
    assert.ok((await metrics(server)).gauge("in_hand_bytes") <= 5e6);
    for (let number = 0; number < 100; number++) await openConnection(t, server, 8, request("GET", "/openapi.json").repeat(20));
    const same = await openConnection(t, server, 8, request("GET", "/openapi.json"));
    assert.match(await readResponse(same), /^HTTP\/1\.1 200 /);
  }));
});

describe("before the first namespace is joined", () => {
  const LIMIT_BEFORE_JOIN = 16 * 1024;

  test("a WebSocket may send at most 16 KB, which has room for a token", async (t) => {
    const server = await startTestServer(t, {});
    const token = server.token({ sub: "anna", filler: "x".repeat(8000) });
    const open = () => openConnection(t, server, 1, upgrade("/socket.io/?EIO=4&transport=websocket"));
    const allowed = await open();
    await allowed.sendBytes(frame(TEXT, `40/chat,${JSON.stringify({ token })}`));
    let received = "";
    allowed.on("data", (data) => (received += data.toString("latin1")));
    allowed.resume();
    await waitUntil(() => (received.includes("40/chat,") ? null : `the server has sent ${received}`));
    // A connection that has joined a namespace may send more.
    await allowed.sendBytes(frame(TEXT, `42/chat,1["nothing","${"x".repeat(3 * LIMIT_BEFORE_JOIN)}"]`));
    await waitUntil(() => (received.includes("43/chat,1") ? null : `the server has sent ${received}`));
    const tooLarge = await open();
    await tooLarge.sendBytes(frame(TEXT, Buffer.alloc(LIMIT_BEFORE_JOIN + 1, 0x34)));
    tooLarge.resume();
    await waitFor(tooLarge.whenClosed, () => "the connection that has sent too much is still open");
  });

  test("a long-polling POST may have at most 16 KB", async (t) => {
    const server = await startTestServer(t, {});
    const opening = await rest("GET", `${server.url}/socket.io/?EIO=4&transport=polling`);
    const path = `${server.url}/socket.io/?EIO=4&transport=polling&sid=${opening.text.match(/"sid":"([^"]+)"/)[1]}`;
    const post = (body) => rest("POST", path, { body, headers: { "content-type": "text/plain" } });
    assert.equal((await post(`4${"x".repeat(LIMIT_BEFORE_JOIN)}`)).status, 413);
    assert.equal((await post(`40/chat,${JSON.stringify({ token: server.token({ sub: "anna" }) })}`)).status, 200);
    assert.match((await rest("GET", path)).text, /^40\/chat,/);
    assert.equal((await post(`42/chat,["nothing","${"x".repeat(3 * LIMIT_BEFORE_JOIN)}"]`)).status, 200);
  });
});
