// Clients that ask for more than they are given, of the whole product with its limits on.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { openEngineSocket, PollingSession, SEPARATOR } from "../support/engineio.js";
import { get } from "../support/http.js";
import { startServer } from "../support/server.js";
import { retry, waitUntil } from "../support/wait-until.js";

// A server of its own for each test: budgets are kept by address, and all tests have the same one.
async function limited(t) {
  const server = await startServer({ RATE_LIMITS: "on" });
  t.after(() => server.stop());
  return server;
}

// A WebSocket of Socket.IO that has only begun.
const begun = (server) => openEngineSocket(server, { path: "/socket.io/" });

// The same, let into `/`, with its greeting heard.
async function entered(server, sub = "alice") {
  const socket = await begun(server);
  socket.send(`40${JSON.stringify({ token: server.token({ sub }) })}`);
  assert.match(await socket.next(), /^40\{"sid"/);
  assert.match(await socket.next(), /^42\["connected"/);
  return socket;
}

describe("an event that no contract knows", () => {
  test("waits for the answers to what was asked before", async (t) => {
    const socket = await entered(await limited(t));
    socket.send('421["join:household","nowhere"]', '422["nonsense"]', '423["join:household","nowhere"]', '424["nonsense"]');
    const order = [];
    while (order.length < 4) order.push((await socket.next()).slice(0, 3));
    assert.deepEqual(order, ["431", "432", "433", "434"]);
  });

  test("counts like any other", async (t) => {
    const socket = await entered(await limited(t));
    const many = 1000;
    for (let id = 0; id < many; id++) socket.send(`42${id}["nonsense"]`);
    const codes = [];
    while (codes.length < many) {
      const ack = await socket.next();
      assert.ok(ack.startsWith(`43${codes.length}[`), ack);
      codes.push(JSON.parse(ack.slice(ack.indexOf("[")))[0]);
    }
    assert.ok(codes.slice(0, 100).every(({ code }) => code === "unknown_event"));
    const refused = codes.find(({ code }) => code === "rate_limited");
    assert.deepEqual(refused, { ok: false, error: "Rate limit exceeded, try again in 1 s", code: "rate_limited", retryAfter: 1 });
    assert.ok(codes.filter(({ code }) => code === "rate_limited").length > many / 2);
  });

  test("comes back with the beginning of its name alone", async (t) => {
    const socket = await entered(await limited(t));
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

// The number of refusals with this reason in the audit: a line may stand for several.
const audited = (server, reason) => {
  const lines = server.output.split("\n").filter((line) => line.includes(`reason="${reason}`));
  return lines.reduce((sum, line) => sum + Number(line.match(/repeated=(\d+)/)?.[1] ?? 1), 0);
};

describe("one connection that asks to be connected again and again", () => {
  test("with bad tokens is closed like an address that connects too often, and the log stays short", async (t) => {
    const server = await limited(t);
    const socket = await begun(server);
    for (let i = 0; i < 20_000; i++) socket.send('40/household,{"token":"e30.e30.e30"}');
    const { code, reason } = await socket.closed;
    assert.deepEqual([code, reason], [4429, "Rate limit exceeded, try again in 1 s"]);
    const refusals = socket.unread;
    assert.ok(refusals.every((packet) => packet.startsWith("44/household,")));
    assert.ok(refusals.length >= 100 && refusals.length < 1000, `${refusals.length} refusals`);
    // The log may be a little behind.
    await waitUntil(() => {
      const counts = [audited(server, "rate_limited"), audited(server, "token_invalid")];
      return counts[0] > 0 && counts[1] >= refusals.length ? null : `the audit has ${counts} of 1 and ${refusals.length} refusals`;
    });
    assert.equal(audited(server, "rate_limited"), 1);
    assert.equal(audited(server, "token_invalid"), refusals.length);
  });

  test("with a good one, leaving in between, is closed, too", async (t) => {
    const server = await limited(t);
    const socket = await begun(server);
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

  test("over long-polling is closed, too", async (t) => {
    const server = await limited(t);
    const session = await PollingSession.open(server, { path: "/socket.io/" });
    await session.post(Array.from({ length: 1000 }, () => '40/chat,{"token":"no"}').join(SEPARATOR)).catch(() => {});
    const received = [];
    // What waits is heard first, and then the close.
    await retry(1000, async () => {
      received.push(...(await session.packets()));
      return received.at(-1) === "1" || null;
    });
    assert.ok(received.length < 500, `${received.length} packets`);
  });

  test("may connect to every namespace however often its address has tried", async (t) => {
    const server = await limited(t);
    const socket = await begun(server);
    await retry(1000, async () => ((await get(`${server.url}/socket.io/?EIO=4&transport=polling`)).status === 200 ? null : true));
    for (const namespace of ["/household,", "/chat,", "/messenger,", ""]) {
      socket.send(`40${namespace}${JSON.stringify({ token: server.token({ sub: "alice" }) })}`);
      assert.ok((await socket.next()).startsWith(`40${namespace}{"sid"`));
    }
  });

  test("is let be with the limits lifted", async (t) => {
    const server = await startServer();
    t.after(() => server.stop());
    const socket = await begun(server);
    for (let i = 0; i < 500; i++) socket.send("40/household,");
    for (let i = 0; i < 500; i++) assert.match(await socket.next(), /^44\/household,.*token_missing/);
  });
});
