// Clients that exceed the rate limits of the complete server.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { openEngineSocket, PollingSession, SEPARATOR } from "../support/engineio.js";
import { get } from "../support/http.js";
import { startServer } from "../support/server.js";
import { retry, waitUntil } from "../support/wait-until.js";

// Each test has its own server, because the budgets are kept per address and all tests have the same address.
async function startLimitedServer(t) {
  const server = await startServer({ RATE_LIMITS: "on" });
  t.after(() => server.stop());
  return server;
}

// A Socket.IO WebSocket that has joined no namespace.
const openSocket = (server) => openEngineSocket(server, { path: "/socket.io/" });

// A Socket.IO WebSocket that has joined `/` and has read the greeting.
async function joinMainNamespace(server, sub = "alice") {
  const socket = await openSocket(server);
  socket.send(`40${JSON.stringify({ token: server.token({ sub }) })}`);
  assert.match(await socket.next(), /^40\{"sid"/);
  assert.match(await socket.next(), /^42\["connected"/);
  return socket;
}

describe("an unknown event", () => {
  test("is answered after all earlier requests", async (t) => {
    const socket = await joinMainNamespace(await startLimitedServer(t));
    socket.send('421["join:household","nowhere"]', '422["nonsense"]', '423["join:household","nowhere"]', '424["nonsense"]');
    const order = [];
    while (order.length < 4) order.push((await socket.next()).slice(0, 3));
    assert.deepEqual(order, ["431", "432", "433", "434"]);
  });

  test("counts against the rate limit", async (t) => {
    const socket = await joinMainNamespace(await startLimitedServer(t));
    const count = 1000;
    for (let id = 0; id < count; id++) socket.send(`42${id}["nonsense"]`);
    const codes = [];
    while (codes.length < count) {
      const ack = await socket.next();
      assert.ok(ack.startsWith(`43${codes.length}[`), ack);
      codes.push(JSON.parse(ack.slice(ack.indexOf("[")))[0]);
    }
    assert.ok(codes.slice(0, 100).every(({ code }) => code === "unknown_event"));
    const rejected = codes.find(({ code }) => code === "rate_limited");
    assert.deepEqual(rejected, { ok: false, error: "Rate limit exceeded, try again in 1 s", code: "rate_limited", retryAfter: 1 });
    assert.ok(codes.filter(({ code }) => code === "rate_limited").length > count / 2);
  });

  test("has an error message with at most 64 characters of its name", async (t) => {
    const socket = await joinMainNamespace(await startLimitedServer(t));
    const cut = `${"é".repeat(64)}…`;
    for (const [name, shown] of [
      ["é".repeat(64), "é".repeat(64)],
      ["é".repeat(65), cut],
      ["é".repeat(400_000), cut],
    ]) {
      socket.send(`42${JSON.stringify([name])}`, `421${JSON.stringify([name])}`);
      const message = `Unknown event ${shown}`;
      assert.deepEqual(JSON.parse((await socket.next()).slice(2)), ["error", { message, code: "unknown_event", event: shown }]);
      assert.deepEqual(JSON.parse((await socket.next()).slice(3)), [{ ok: false, error: message, code: "unknown_event" }]);
    }
  });
});

// The number of rejections with this reason in the audit log. A line may represent several rejections.
const countAuditLines = (server, reason) => {
  const lines = server.output.split("\n").filter((line) => line.includes(`reason="${reason}`));
  return lines.reduce((sum, line) => sum + Number(line.match(/repeated=(\d+)/)?.[1] ?? 1), 0);
};

describe("a connection that sends CONNECT again and again", () => {
  test("with invalid tokens is closed with 4429, and the log stays short", async (t) => {
    const server = await startLimitedServer(t);
    const socket = await openSocket(server);
    for (let i = 0; i < 20_000; i++) socket.send('40/household,{"token":"e30.e30.e30"}');
    const { code, reason } = await socket.closed;
    assert.deepEqual([code, reason], [4429, "Rate limit exceeded, try again in 1 s"]);
    const rejections = socket.unread;
    assert.ok(rejections.every((packet) => packet.startsWith("44/household,")));
    assert.ok(rejections.length >= 100 && rejections.length < 1000, `${rejections.length} rejections`);
    // The log may be late.
    await waitUntil(() => {
      const counts = [countAuditLines(server, "rate_limited"), countAuditLines(server, "token_invalid")];
      return counts[0] > 0 && counts[1] >= rejections.length ? null : `the audit log has ${counts} of 1 and ${rejections.length} rejections`;
    });
    assert.equal(countAuditLines(server, "rate_limited"), 1);
    assert.equal(countAuditLines(server, "token_invalid"), rejections.length);
  });

  test("with a valid token and a DISCONNECT in between is closed with 4429", async (t) => {
    const server = await startLimitedServer(t);
    const socket = await openSocket(server);
    const connect = `40/household,${JSON.stringify({ token: server.token({ sub: "alice" }) })}`;
    let times = 0;
    for (; times < 1000; times++) {
      socket.send(connect);
      if ((await socket.next().catch(() => null)) === null) break;
      socket.send("41/household,");
    }
    assert.ok(times >= 100 && times < 1000, `${times} times`);
    assert.equal((await socket.closed).code, 4429);
  });

  test("over long-polling is closed", async (t) => {
    const server = await startLimitedServer(t);
    const session = await PollingSession.open(server, { path: "/socket.io/" });
    await session.post(Array.from({ length: 1000 }, () => '40/chat,{"token":"no"}').join(SEPARATOR)).catch(() => {});
    const received = [];
    // The waiting packets arrive first, and then the close packet.
    await retry(1000, async () => {
      received.push(...(await session.packets()));
      return received.at(-1) === "1" || null;
    });
    assert.ok(received.length < 500, `${received.length} packets`);
  });

  test("may join every namespace, also after its address has spent its budget", async (t) => {
    const server = await startLimitedServer(t);
    const socket = await openSocket(server);
    await retry(1000, async () => ((await get(`${server.url}/socket.io/?EIO=4&transport=polling`)).status === 200 ? null : true));
    for (const namespace of ["/household,", "/chat,", "/messenger,", ""]) {
      socket.send(`40${namespace}${JSON.stringify({ token: server.token({ sub: "alice" }) })}`);
      assert.ok((await socket.next()).startsWith(`40${namespace}{"sid"`));
    }
  });

  test("is not closed with RATE_LIMITS=off", async (t) => {
    const server = await startServer();
    t.after(() => server.stop());
    const socket = await openSocket(server);
    for (let i = 0; i < 500; i++) socket.send("40/household,");
    for (let i = 0; i < 500; i++) assert.match(await socket.next(), /^44\/household,.*token_missing/);
  });
});
