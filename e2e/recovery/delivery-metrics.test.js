// What has arrived for certain is counted: a client answers a ping behind everything that was written before it.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { TRAVELS } from "../support/socketio-clients.js";
import { metrics } from "../support/metrics.js";
import { settles } from "../support/wait-until.js";
import { person } from "../support/users.js";
import { openRaw } from "../support/raw-client.js";
import { roomcast } from "../support/server.js";
import { conversation, hears, join, listener, lose, stayAway } from "./clients.js";

const server = roomcast({ METRICS: "open", PING_INTERVAL: "100ms", WS_HEARTBEAT_INTERVAL: "100ms", RECOVERY_WINDOW: "5s" });

const FATES = ["accepted", "delivered", "confirmed", "resumed", "expired", "let_go"];

// The counters of sent messages.
async function meter() {
  const { counter } = await metrics(server);
  return Object.fromEntries(FATES.map((fate) => [fate, counter(`facts_${fate}`, 'event="message_sent"')]));
}

// Waits until the counters have changed by these, each since `before`: longer than anybody may be away, and a ping be on its way.
const changes = (before, wanted) => settles(server, 15, async () => {
  const now = await meter();
  const changed = Object.fromEntries(Object.keys(wanted).map((fate) => [fate, now[fate] - before[fate]]));
  const told = `${JSON.stringify(changed)}, not ${JSON.stringify(wanted)}`;
  // What is counted too much stays so.
  for (const [fate, by] of Object.entries(wanted)) assert.ok(changed[fate] <= by, `${fate}: ${told}`);
  return Object.entries(wanted).every(([fate, by]) => changed[fate] === by) ? null : told;
});

// On this connection a client answers pings no more.
function answerNoPings(socket) {
  const { ws } = socket.io.engine.transport;
  const send = ws.send.bind(ws);
  ws.send = (data, ...rest) => (data === "3" ? undefined : send(data, ...rest));
}

describe("a message that was delivered", () => {
  for (const [travel, transports] of Object.entries(TRAVELS)) {
    test(`is confirmed by the next pong: ${travel}`, async (t) => {
      const { id, say } = await conversation(server, "ben");
      const ben = await listener(t, server, "ben", "/messenger", { transports });
      await join(ben, id);
      const before = await meter();
      for (let i = 0; i < 10; i++) await say(`${i}`);
      await changes(before, { accepted: 10, delivered: 10, confirmed: 10, resumed: 0, expired: 0 });
    });
  }

  test("to a raw client is confirmed by its pong, too", async () => {
    const anna = person(server, "anna");
    const { id } = await anna.ask("POST", "/api/v1/projects", { name: "Site" });
    const channel = await anna.ask("POST", `/api/v1/projects/${id}/channels`, { name: "general" });
    const socket = await openRaw(server, anna.token);
    await socket.joins(`channel:${channel.id}`);
    const before = await meter();
    await anna.ask("POST", `/api/v1/channels/${channel.id}/messages`, { content: "hello" });
    await changes(before, { delivered: 1, confirmed: 1 });
    await socket.close();
  });

  test("and not confirmed is settled when its client comes back, and lost when it never does", async (t) => {
    const { id, say } = await conversation(server, "ben");
    const ben = await listener(t, server, "ben", "/messenger");
    await join(ben, id);
    answerNoPings(ben);
    const before = await meter();
    await say("heard");
    await hears(ben, "heard");
    const comeBack = stayAway(ben);
    await lose(ben);
    assert.equal(await comeBack(), true);
    await changes(before, { delivered: 1, confirmed: 0, resumed: 1, expired: 0 });
    answerNoPings(ben);
    await say("never confirmed");
    await hears(ben, "never confirmed");
    stayAway(ben);
    await lose(ben);
    await changes(before, { delivered: 2, confirmed: 0, resumed: 1, expired: 1, let_go: 0 });
  });

  test("and not confirmed by who has no session to come back to is let go, and not lost", async (t) => {
    const { id, say } = await conversation(server, "ben");
    const ben = await listener(t, server, "ben", "/messenger");
    await join(ben, id);
    answerNoPings(ben);
    const before = await meter();
    await say("goodbye");
    await hears(ben, "goodbye");
    ben.disconnect();
    await changes(before, { delivered: 1, confirmed: 0, resumed: 0, expired: 0, let_go: 1 });
  });

  test("all kinds together are told beside", async () => {
    const { counter } = await metrics(server);
    for (const fate of FATES) assert.equal(counter(`all_facts_${fate}`), counter(`facts_${fate}`), fate);
  });
});
