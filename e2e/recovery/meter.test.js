// What has arrived for certain is counted: a client answers a ping behind everything that was written before it.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { TRAVELS } from "../support/clients.js";
import { http } from "../support/http.js";
import { person } from "../support/people.js";
import { roomcast } from "../support/roomcast.js";
import { openSocket } from "../support/socket.js";
import { conversation, hears, join, listener, lose, stayAway } from "./stock.js";

const server = roomcast({ METRICS: "open", PING_INTERVAL: "100ms", WS_HEARTBEAT_INTERVAL: "100ms", RECOVERY_WINDOW: "5s" });

// The counters of sent messages, or of all kinds of events together.
async function meter(kind = 'event="message_sent"') {
  const { text } = await http("GET", `${server.url}/metrics`);
  const sum = (name) => {
    const lines = text.split("\n").filter((line) => line.startsWith(`roomcast_facts_${name}_total{`) && line.includes(kind));
    return lines.reduce((all, line) => all + Number(line.split(" ").at(-1)), 0);
  };
  return Object.fromEntries(["accepted", "delivered", "confirmed", "resumed", "expired"].map((name) => [name, sum(name)]));
}

// Waits until the counters have changed by these, each since `before`.
async function changes(before, wanted) {
  for (;;) {
    const now = await meter();
    const changed = Object.fromEntries(Object.keys(wanted).map((name) => [name, now[name] - before[name]]));
    if (Object.entries(wanted).every(([name, by]) => changed[name] === by)) return;
    // What is counted too much stays so.
    for (const [name, by] of Object.entries(wanted)) assert.ok(changed[name] <= by, `${name}: ${JSON.stringify(changed)}, not ${JSON.stringify(wanted)}`);
  }
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
    const socket = await openSocket(`${server.ws}/api/v1/ws/connect?token=${anna.token}`);
    socket.send(JSON.stringify({ type: "join_room", room: `channel:${channel.id}` }));
    while ((await socket.nextJson()).type !== "joined_room");
    const before = await meter();
    await anna.ask("POST", `/api/v1/channels/${channel.id}/messages`, { content: "hello" });
    await changes(before, { delivered: 1, confirmed: 1 });
    await socket.close();
  });

  test("and not confirmed is settled when its client comes back, and lost when it never does", async (t) => {
    const { id, say } = await conversation(server, "ben");
    const ben = await listener(t, server, "ben", "/messenger");
    await join(ben, id);
    // This client does not answer pings any more.
    const { ws } = ben.io.engine.transport;
    const send = ws.send.bind(ws);
    ws.send = (data, ...rest) => (data === "3" ? undefined : send(data, ...rest));
    const before = await meter();
    await say("heard");
    await hears(ben, "heard");
    const comeBack = stayAway(ben);
    await lose(ben);
    assert.equal(await comeBack(), true);
    await changes(before, { delivered: 1, confirmed: 0, resumed: 1, expired: 0 });
    const again = ben.io.engine.transport.ws;
    const answer = again.send.bind(again);
    again.send = (data, ...rest) => (data === "3" ? undefined : answer(data, ...rest));
    await say("never confirmed");
    await hears(ben, "never confirmed");
    stayAway(ben);
    await lose(ben);
    await changes(before, { delivered: 2, confirmed: 0, resumed: 1, expired: 1 });
  });
});
