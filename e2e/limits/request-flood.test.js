// A user who floods the server with requests delays only their own requests.

import assert from "node:assert/strict";
import { test } from "node:test";
import { openEngineSocket } from "../support/engineio.js";
import { sharedServer } from "../support/server.js";

const server = sharedServer({ RATE_LIMITS: "on", SHARDS: "1" });

// The number of requests of the flood that are in flight: far more than the server reads from one connection in one turn.
const IN_FLIGHT = 50_000;
const REQUESTS = 50;

async function join(sub) {
  const socket = await openEngineSocket(server, { path: "/socket.io/" });
  socket.send(`40/household,${JSON.stringify({ token: server.token({ sub }) })}`);
  assert.match(await socket.next(), /^40\/household,\{"sid"/);
  return socket;
}

test("a flood of one user is rejected, and the requests of another user are answered before most of it", async () => {
  const [flooder, other] = [await join("mallory"), await join("anna")];
  const replies = { accepted: 0, rejected: 0 };
  let [sent, finished] = [0, false];
  const flood = (count) => {
    for (let i = 0; i < count; i++) flooder.send(`42/household,${sent++}["nonsense"]`);
  };
  flooder.autoReply((reply) => {
    if (reply === "2") return "3";
    replies[reply.includes("rate_limited") ? "rejected" : "accepted"]++;
    if (!finished && sent - replies.accepted - replies.rejected < IN_FLIGHT / 2) flood(IN_FLIGHT / 2);
    return null;
  });
  const replyCount = () => replies.accepted + replies.rejected;
  flood(IN_FLIGHT);

  const passed = [];
  for (let id = 0; id < REQUESTS; id++) {
    const before = replyCount();
    const ahead = sent - before;
    other.send(`42/household,${id}["nonsense"]`);
    const reply = await other.next();
    assert.ok(reply.startsWith(`43/household,${id}[`), reply);
    assert.match(reply, /unknown_event/, "the other user has a separate budget");
    // The part of the earlier requests that were answered before this one.
    passed.push((replyCount() - before) / ahead);
  }
  finished = true;
  const notPassed = passed.filter((part) => part >= 1).length;
  assert.ok(notPassed < REQUESTS / 2, `${notPassed} of ${REQUESTS} requests waited for all earlier requests of the flood: ${passed.map((part) => part.toFixed(2))}`);
  assert.ok(replies.rejected > replies.accepted * 10, JSON.stringify(replies));
});
