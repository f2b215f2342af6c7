// Whoever floods the server waits for himself alone.

import assert from "node:assert/strict";
import { test } from "node:test";
import { openEngineSocket } from "../support/engineio.js";
import { sharedServer } from "../support/server.js";

const server = sharedServer({ RATE_LIMITS: "on", SHARDS: "1" });

// So many requests of the flood are always on their way: far more than a turn of the server reads of one connection.
const IN_FLIGHT = 50_000;
const QUESTIONS = 50;

async function entered(sub) {
  const socket = await openEngineSocket(server, { path: "/socket.io/" });
  socket.send(`40/household,${JSON.stringify({ token: server.token({ sub }) })}`);
  assert.match(await socket.next(), /^40\/household,\{"sid"/);
  return socket;
}

test("one person's flood is refused, and another's questions are answered before most of it", async () => {
  const [flooder, asker] = [await entered("mallory"), await entered("anna")];
  const replies = { granted: 0, refused: 0 };
  let [sent, over] = [0, false];
  const flood = (count) => {
    for (let i = 0; i < count; i++) flooder.send(`42/household,${sent++}["nonsense"]`);
  };
  flooder.autoReply((reply) => {
    if (reply === "2") return "3";
    replies[reply.includes("rate_limited") ? "refused" : "granted"]++;
    if (!over && sent - replies.granted - replies.refused < IN_FLIGHT / 2) flood(IN_FLIGHT / 2);
    return null;
  });
  const answered = () => replies.granted + replies.refused;
  flood(IN_FLIGHT);

  const overtaken = [];
  for (let id = 0; id < QUESTIONS; id++) {
    const before = answered();
    const ahead = sent - before;
    asker.send(`42/household,${id}["nonsense"]`);
    const reply = await asker.next();
    assert.ok(reply.startsWith(`43/household,${id}[`), reply);
    assert.match(reply, /unknown_event/, "the other has a budget of her own");
    // How much of what stood before her in time was answered before her.
    overtaken.push((answered() - before) / ahead);
  }
  over = true;
  const waited = overtaken.filter((part) => part >= 1).length;
  assert.ok(waited < QUESTIONS / 2, `${waited} of ${QUESTIONS} questions waited for all of the flood before them: ${overtaken.map((part) => part.toFixed(2))}`);
  assert.ok(replies.refused > replies.granted * 10, JSON.stringify(replies));
});
