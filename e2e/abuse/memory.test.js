// Clients that begin many requests and neither end them nor read the answers: the server stays within its memory limit and serves other clients.

import assert from "node:assert/strict";
import { once } from "node:events";
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

async function started(t, settings) {
  const server = await startServer({ METRICS: "open", ...settings });
  t.after(() => server.stop());
  return server;
}

// A TCP connection from the address with this number among those of this machine. It reads nothing until it is resumed.
async function attacker(t, server, number, said) {
  const socket = connect({ port: server.port, host: "127.0.0.1", localAddress: `127.1.${number >> 8}.${number & 255}` });
  t.after(() => socket.destroy());
  socket.on("error", () => {});
  socket.gone = new Promise((resolve) => socket.once("close", resolve));
  await waitFor(Promise.race([once(socket, "connect"), socket.gone]), () => `connection ${number} is neither made nor refused`);
  socket.pause();
  // Resolves when the kernel has the bytes, or the connection has ended.
  socket.says = (bytes) => waitFor(Promise.race([new Promise((resolve) => socket.write(bytes, resolve)), socket.gone]), () => `connection ${number} cannot send`);
  if (said !== undefined) void socket.says(said);
  return socket;
}

// What the server answers first.
async function answered(socket) {
  let text = "";
  socket.on("data", (data) => (text += data.toString("latin1")));
  socket.resume();
  while (!text.includes("\r\n\r\n") && !socket.destroyed) {
    await waitFor(Promise.race([once(socket, "data"), socket.gone]), () => `the answer is ${text}, and no more`);
  }
  return text;
}

const request = (method, path, headers = {}) =>
  [`${method} ${path} HTTP/1.1`, "Host: x", ...Object.entries(headers).map(([name, value]) => `${name}: ${value}`), "", ""].join("\r\n");
const upgrade = (path) => request("GET", path, { Connection: "Upgrade", Upgrade: "websocket", "Sec-WebSocket-Version": 13, "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==" });
const LARGE = 1_000_000;
const NEARLY = Buffer.alloc(LARGE - 1, 0x20);
const bearer = (server, sub) => ({ Authorization: `Bearer ${server.token({ sub })}` });

const inHand = (server, enough) => waitUntilByServerClock(server, 60, async () => {
  const bytes = (await metrics(server)).gauge("in_hand_bytes");
  return enough(bytes) ? null : `${bytes} bytes are in hand`;
});

const ATTACKS = {
  "lists that nobody reads": {
    count: 245,
    async begin(t, server, number) {
      await attacker(t, server, number, request("GET", "/api/v1/projects?limit=200", bearer(server, "1")));
    },
  },
  "files of the docs that nobody reads": {
    count: 2000,
    async begin(t, server, number) {
      await attacker(t, server, number, request("GET", "/docs/swagger-ui-bundle.js"));
    },
  },
  // hyper reads a head into a buffer that the bytes in hand do not count, so the maximum of HTTP connections has to bound these.
  "heads that never end": {
    count: 1500,
    async begin(t, server, number) {
      await attacker(t, server, number, request("GET", "/households", { "X-Long": "x".repeat(16_000) }).slice(0, -4));
    },
  },
  "messages without a token that never end": {
    count: 499,
    async begin(t, server, number) {
      const socket = await attacker(t, server, number, upgrade("/socket.io/?EIO=4&transport=websocket"));
      await socket.says(frame(TEXT, NEARLY, { length: LARGE }).subarray(0, LARGE));
    },
  },
  "messages of users that never end": {
    count: 300,
    async begin(t, server, number) {
      const socket = await attacker(t, server, number, upgrade(`/socket.io/?EIO=4&transport=websocket`));
      await socket.says(frame(TEXT, `40/chat,${JSON.stringify({ token: server.token({ sub: `m${number}` }) })}`));
      socket.resume();
      await waitFor(Promise.race([once(socket, "data"), socket.gone]), () => `m${number} is not answered`);
      await socket.says(frame(TEXT, NEARLY, { length: LARGE }).subarray(0, LARGE));
    },
  },
  "bodies of long-polling that never end": {
    count: 399,
    async begin(t, server, number) {
      const opening = await answered(await attacker(t, server, number, request("GET", "/socket.io/?EIO=4&transport=polling")));
      const sid = opening.match(/"sid":"([^"]+)"/)?.[1];
      if (!sid) return;
      const path = `/socket.io/?EIO=4&transport=polling&sid=${sid}`;
      const join = `40/chat,${JSON.stringify({ token: server.token({ sub: `p${number}` }) })}`;
      await answered(await attacker(t, server, number, request("POST", path, { "Content-Length": join.length }) + join));
      await answered(await attacker(t, server, number, request("GET", path)));
      const body = await attacker(t, server, number, request("POST", path, { "Content-Length": LARGE }));
      await body.says(NEARLY);
    },
  },
  "bodies of REST that never end": {
    count: 612,
    async begin(t, server, number) {
      const head = { ...bearer(server, `b${number}`), "Content-Type": "application/json", "Content-Length": LARGE };
      const body = await attacker(t, server, number, request("POST", "/households", head));
      await body.says(NEARLY);
    },
  },
};

// The first user's projects, whose list is long.
async function projects(server, count, members) {
  const { request } = user(server, "1");
  const memberIds = Array.from({ length: members }, (_, number) => number + 2);
  for (let project = 0; project < count; project++) await request("POST", "/api/v1/projects", { name: `Project ${project}`, memberIds });
}

describe("with MEMORY_LIMIT=300MB", () => {
  const LIMIT = 300e6;
  test("all attacks at once, from many addresses, stay within it, and others are served", async (t) => {
    const server = await started(t, { MEMORY_LIMIT: "300MB", ANSWER_TIMEOUT: "1h" });
    await projects(server, 200, 100);
    const most = { memory: 0 };
    const look = () => {
      most.memory = Math.max(most.memory, server.memory());
      assert.ok(most.memory < LIMIT * 1.25, `${(most.memory / 1e6).toFixed(0)} MB`);
    };
    let number = 0;
    const attacks = Object.values(ATTACKS).flatMap(({ count, begin }) => Array.from({ length: count }, () => () => begin(t, server, number++)));
    // Attacks of all kinds are mixed, a hundred at a time, so that no attack waits for a slow one.
    const mixed = attacks.map((attack, place) => [(place * 7919) % attacks.length, attack]).sort(([a], [b]) => a - b).map(([, attack]) => attack);
    for (let at = 0; at < mixed.length; at += 100) {
      await Promise.all(mixed.slice(at, at + 100).map((attack) => attack()));
      look();
      assert.equal((await rest("GET", `${server.url}/health/live`)).status, 200);
    }
    const { status } = await rest("GET", `${server.url}/households`, { token: server.token({ sub: "newcomer" }) });
    assert.equal(status, 200);
    look();
    const { gauge } = await metrics(server);
    assert.ok(gauge("in_hand_bytes") <= LIMIT / 4);
    t.diagnostic(`${(most.memory / 1e6).toFixed(0)} MB at most, ${(gauge("in_hand_bytes") / 1e6).toFixed(1)} MB in hand`);
  });
});

// JSON whose parsed form takes the most memory for its length.
const smallObjects = (length) => `[${Array(Math.floor(length / 7)).fill('{"":0}').join()}]`;

describe("the memory of parsed JSON counts as in hand", () => {
  const notify = (data) => `{"title":"Hello","data":{"all":${data}}}`;

  test("a request beyond the user's share is refused before it is parsed, over REST and over a socket", async (t) => {
    const server = await started(t, { BYTES_IN_HAND_PER_USER: "2500KB" });
    const post = (data) => rest("POST", `${server.url}/api/v1/socket/test-notification`, { token: server.token({ sub: "anna" }), body: notify(data), headers: { "content-type": "application/json" } });
    const text = JSON.stringify("x".repeat(100_000));
    assert.equal((await post(text)).status, 400);
    const refused = await post(smallObjects(100_000));
    assert.deepEqual([refused.status, JSON.parse(refused.text).code], [413, "too_large"]);

    const socket = await attacker(t, server, 1, upgrade("/socket.io/?EIO=4&transport=websocket"));
    let received = "";
    socket.on("data", (data) => (received += data.toString("latin1")));
    socket.resume();
    await socket.says(frame(TEXT, `40/trips,${JSON.stringify({ token: server.token({ sub: "anna" }) })}`));
    await waitUntil(() => (received.includes("40/trips,") ? null : `the server has sent ${received}`));
    const asks = async (id, data, answer) => {
      await socket.says(frame(TEXT, `42/trips,${id}["trip:update",{"tripId":"7","changes":{"all":${data}}}]`));
      await waitUntil(() => (received.includes(`43/trips,${id}[`) && received.includes(answer) ? null : `the server has sent ${received}`));
    };
    await asks(1, text, '"code":"not_found"');
    await asks(2, smallObjects(100_000), '"code":"invalid"');
    await inHand(server, (bytes) => bytes === 0);
  });
});

describe("bytes in hand are refused beyond a share", () => {
  const held = async (t, settings, begin) => {
    const server = await started(t, settings);
    return begin(server);
  };

  test("of one user's bodies, with 429 and a time to retry", (t) => held(t, { BYTES_IN_HAND_PER_USER: "2500KB" }, async (server) => {
    const head = (length) => ({ ...bearer(server, "anna"), "Content-Type": "application/json", "Content-Length": length });
    const begin = async (number) => {
      const socket = await attacker(t, server, number, request("POST", "/households", head(LARGE)));
      await socket.says(NEARLY);
      return socket;
    };
    const kept = [await begin(1), await begin(2)];
    await inHand(server, (bytes) => bytes >= 2 * (LARGE - 1));
    const third = await begin(3);
    assert.match(await answered(third), /^HTTP\/1\.1 429 (?:.*\r\n)*retry-after: 1\r\n/i);
    const other = await rest("POST", `${server.url}/households`, { token: server.token({ sub: "ben" }), body: { name: "Ours" } });
    assert.equal(other.status, 201);
    for (const socket of kept) socket.destroy();
    await inHand(server, (bytes) => bytes === 0);
  }));

  test("of one address's answers; answers that are the same for all users count for no address", (t) => held(t, { BYTES_IN_HAND_PER_ADDRESS: "5MB", ANSWER_TIMEOUT: "1h" }, async (server) => {
    await projects(server, 40, 100);
    const list = request("GET", "/api/v1/projects?limit=200", bearer(server, "1"));
    const { text } = await rest("GET", `${server.url}/api/v1/projects?limit=200`, { token: server.token({ sub: "1" }) });
    const readers = Math.ceil(5e6 / text.length) + 1;
    const refused = async () => (await metrics(server)).counter("in_hand_refused", 'share="address"');
    // An answer that fits into the kernel's buffers is written at once, so each connection sends many requests.
    for (let reader = 0; reader < readers; reader++) await attacker(t, server, 7, list.repeat(50));
    await waitUntilByServerClock(server, 60, async () => ((await refused()) > 0 ? null : "nothing is refused"));
    assert.ok((await metrics(server)).gauge("in_hand_bytes") <= 5e6);
    for (let number = 0; number < 100; number++) await attacker(t, server, 8, request("GET", "/openapi.json").repeat(20));
    const same = await attacker(t, server, 8, request("GET", "/openapi.json"));
    assert.match(await answered(same), /^HTTP\/1\.1 200 /);
  }));
});

describe("before it has joined a namespace", () => {
  const BEFORE = 16 * 1024;

  test("a connection may send 16 KB, with room for its token", async (t) => {
    const server = await started(t, {});
    const token = server.token({ sub: "anna", filler: "x".repeat(8000) });
    const open = () => attacker(t, server, 1, upgrade("/socket.io/?EIO=4&transport=websocket"));
    const good = await open();
    await good.says(frame(TEXT, `40/chat,${JSON.stringify({ token })}`));
    let received = "";
    good.on("data", (data) => (received += data.toString("latin1")));
    good.resume();
    await waitUntil(() => (received.includes("40/chat,") ? null : `the server has sent ${received}`));
    // A connection that has joined a namespace may send more.
    await good.says(frame(TEXT, `42/chat,1["nothing","${"x".repeat(3 * BEFORE)}"]`));
    await waitUntil(() => (received.includes("43/chat,1") ? null : `the server has sent ${received}`));
    const bad = await open();
    await bad.says(frame(TEXT, Buffer.alloc(BEFORE + 1, 0x34)));
    bad.resume();
    await waitFor(bad.gone, () => "the connection that has sent too much is open");
  });

  test("a POST of long-polling, too", async (t) => {
    const server = await started(t, {});
    const opening = await rest("GET", `${server.url}/socket.io/?EIO=4&transport=polling`);
    const path = `${server.url}/socket.io/?EIO=4&transport=polling&sid=${opening.text.match(/"sid":"([^"]+)"/)[1]}`;
    const post = (body) => rest("POST", path, { body, headers: { "content-type": "text/plain" } });
    assert.equal((await post(`4${"x".repeat(BEFORE)}`)).status, 413);
    assert.equal((await post(`40/chat,${JSON.stringify({ token: server.token({ sub: "anna" }) })}`)).status, 200);
    assert.match((await rest("GET", path)).text, /^40\/chat,/);
    assert.equal((await post(`42/chat,["nothing","${"x".repeat(3 * BEFORE)}"]`)).status, 200);
  });
});
