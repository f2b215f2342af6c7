// The server counts acknowledged deliveries: the pong of a client acknowledges everything that the server wrote before the ping.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { metrics } from "../support/metrics.js";
import { openRawClient } from "../support/raw-client.js";
import { sharedServer } from "../support/server.js";
import { TRANSPORTS } from "../support/socketio-clients.js";
import { user } from "../support/users.js";
import { waitUntilByServerClock } from "../support/wait-until.js";
import { connectRecordingClient, createConversation, joinConversation, loseConnection, preventReconnect, waitForMessage } from "./clients.js";

const server = sharedServer({ METRICS: "open", PING_INTERVAL: "100ms", WS_HEARTBEAT_INTERVAL: "100ms", RECOVERY_WINDOW: "5s" });

const OUTCOMES = ["accepted", "delivered", "confirmed", "resumed", "expired", "let_go"];

// The counters of sent messages.
async function readCounters() {
  const { counter } = await metrics(server);
  return Object.fromEntries(OUTCOMES.map((outcome) => [outcome, counter(`facts_${outcome}`, 'event="message_sent"')]));
}

// Waits until the counters have changed by `wanted` since `before`. The wait is longer than the recovery window and a heartbeat.
const waitForChanges = (before, wanted) => waitUntilByServerClock(server, 15, async () => {
  const now = await readCounters();
  const changed = Object.fromEntries(Object.keys(wanted).map((outcome) => [outcome, now[outcome] - before[outcome]]));
  const difference = `${JSON.stringify(changed)}, not ${JSON.stringify(wanted)}`;
  // A counter that is too high stays too high.
  for (const [outcome, by] of Object.entries(wanted)) assert.ok(changed[outcome] <= by, `${outcome}: ${difference}`);
  return Object.entries(wanted).every(([outcome, by]) => changed[outcome] === by) ? null : difference;
});

// Stops the pongs of a client on its current connection.
function stopPongs(socket) {
  const { ws } = socket.io.engine.transport;
  const send = ws.send.bind(ws);
  ws.send = (data, ...rest) => (data === "3" ? undefined : send(data, ...rest));
}

describe("a delivered message", () => {
  for (const [transport, transports] of Object.entries(TRANSPORTS)) {
    test(`is counted as confirmed after the next pong, over ${transport}`, async (t) => {
      const { id, send } = await createConversation(server, "ben");
      const ben = await connectRecordingClient(t, server, "ben", "/messenger", { transports });
      await joinConversation(ben, id);
      const before = await readCounters();
      for (let i = 0; i < 10; i++) await send(`${i}`);
      await waitForChanges(before, { accepted: 10, delivered: 10, confirmed: 10, resumed: 0, expired: 0 });
    });
  }

  test("to a raw client is counted as confirmed after its pong", async () => {
    const anna = user(server, "anna");
    const { id } = await anna.request("POST", "/api/v1/projects", { name: "Site" });
    const channel = await anna.request("POST", `/api/v1/projects/${id}/channels`, { name: "general" });
    const socket = await openRawClient(server, anna.token);
    await socket.join(`channel:${channel.id}`);
    const before = await readCounters();
    await anna.request("POST", `/api/v1/channels/${channel.id}/messages`, { content: "hello" });
    await waitForChanges(before, { delivered: 1, confirmed: 1 });
    await socket.close();
  });

  test("without a pong is counted as resumed when the client reconnects, and as expired when it does not", async (t) => {
    const { id, send } = await createConversation(server, "ben");
    const ben = await connectRecordingClient(t, server, "ben", "/messenger");
    await joinConversation(ben, id);
    stopPongs(ben);
    const before = await readCounters();
    await send("received");
    await waitForMessage(ben, "received");
    const reconnect = preventReconnect(ben);
    await loseConnection(ben);
    assert.equal(await reconnect(), true);
    await waitForChanges(before, { delivered: 1, confirmed: 0, resumed: 1, expired: 0 });
    stopPongs(ben);
    await send("never confirmed");
    await waitForMessage(ben, "never confirmed");
    preventReconnect(ben);
    await loseConnection(ben);
    await waitForChanges(before, { delivered: 2, confirmed: 0, resumed: 1, expired: 1, let_go: 0 });
  });

  test("without a pong is counted as let go when the client disconnects on purpose", async (t) => {
    const { id, send } = await createConversation(server, "ben");
    const ben = await connectRecordingClient(t, server, "ben", "/messenger");
    await joinConversation(ben, id);
    stopPongs(ben);
    const before = await readCounters();
    await send("before the disconnect");
    await waitForMessage(ben, "before the disconnect");
    ben.disconnect();
    await waitForChanges(before, { delivered: 1, confirmed: 0, resumed: 0, expired: 0, let_go: 1 });
  });

  test("is counted in the totals of all events as well", async () => {
    const { counter } = await metrics(server);
    for (const outcome of OUTCOMES) assert.equal(counter(`all_facts_${outcome}`), counter(`facts_${outcome}`), outcome);
  });
});
