// Clients that ask for more than they are given, of the whole product with its limits on.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { openEngineSocket } from "../support/engineio.js";
import { startRoomcast } from "../support/roomcast.js";

// A server of its own for each test: budgets are kept by address, and all tests have the same one.
async function limited(t) {
  const server = await startRoomcast({ RATE_LIMITS: "on" });
  t.after(() => server.stop());
  return server;
}

// A WebSocket of Socket.IO that has only begun.
const begun = (server) => openEngineSocket(server, { path: "/socket.io/" });

// The same, let into `/` and greeted by nobody.
async function entered(server, sub = "alice") {
  const socket = await begun(server);
  socket.send(`40${JSON.stringify({ token: server.token({ sub }) })}`);
  assert.match(await socket.next(), /^40\{"sid"/);
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
      const answer = await socket.next();
      assert.ok(answer.startsWith(`43${codes.length}[`), answer);
      codes.push(JSON.parse(answer.slice(answer.indexOf("[")))[0]);
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
