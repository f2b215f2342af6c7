// A user in a call who reconnects to another node stays in the call. A user who does not return leaves it.

import assert from "node:assert/strict";
import { test } from "node:test";
import { connectRecordingClient, nextConnect } from "../recovery/clients.js";
import { startCluster } from "../support/cluster.js";
import { user } from "../support/users.js";
import { waitFor } from "../support/wait-for.js";
import { waitUntil } from "../support/wait-until.js";

const [ANNA, BEN, CARL, DORA] = [5, 7, 9, 11];

const connectTo = (cluster, node, id) => {
  const auth = { token: cluster.token({ sub: String(id) }), userId: id };
  return connectRecordingClient(cluster, node, String(id), "/chat", { transports: ["websocket"], auth });
};

// Ends the connection of the client, which reconnects to another node.
function reconnectTo(socket, node) {
  socket.io.uri = node.url;
  const connects = nextConnect(socket);
  socket.io.engine.close();
  return connects;
}

// A call of Anna and Carl on the first node, and Ben on the second. `leaves` resolves when the user has left the call.
async function startCall(t) {
  const cluster = await startCluster(t, { env: { PRESENCE_AUDIENCE: "everyone", PRESENCE_GRACE: "2s" } });
  const [first, second] = cluster.nodes;
  const request = (method, path, body) => user(second, String(BEN)).request(method, path, body);
  const { id: roomId } = await request("POST", "/shared/chat/rooms", { name: "Team", memberIds: [ANNA, CARL] });
  const [anna, ben, carl] = await Promise.all([[first, ANNA], [second, BEN], [first, CARL]].map(([node, id]) => connectTo(cluster, node, id)));
  for (const socket of [anna, ben, carl]) await socket.emitWithAck("join_room", { roomId });
  const { callId } = await ben.emitWithAck("call:initiated", { roomId, callType: "AUDIO" });
  for (const socket of [anna, carl]) await socket.emitWithAck("call:answered", { callId, roomId });
  const call = async () => (await request("GET", `/shared/chat/rooms/${roomId}/calls`))[0];
  const present = async () => (await call()).participants.filter(({ leftAt }) => leftAt === null).map(({ userId }) => userId).sort((a, b) => a - b);
  const leaves = (id) => waitUntil(async () => ((await present()).includes(id) ? `${id} is still in the call: ${JSON.stringify(await call())}` : null));
  assert.deepEqual(await present(), [ANNA, BEN, CARL]);
  return { cluster, first, second, anna, ben, carl, call, present, leaves };
}

// Resolves when a node knows all users that another one has: it receives their changes in order.
async function presenceArrives(cluster, node, watcher) {
  const isOnline = new Promise((resolve) => watcher.on("user:online", ({ userId }) => userId === DORA && resolve()));
  await connectTo(cluster, node, DORA);
  await waitFor(isOnline, () => `${DORA} is not online`);
}

for (const [what, loseNode] of [
  ["their node is killed", (node) => node.kill()],
  ["their connections end", () => {}],
]) {
  test(`a participant of a call who returns on another node stays in it, and the others leave it, when ${what}`, async (t) => {
    const { cluster, first, second, anna, ben, carl, call, present, leaves } = await startCall(t);
    await presenceArrives(cluster, first, ben);
    carl.disconnect();
    await Promise.all([loseNode(first), reconnectTo(anna, second)]);
    assert.ok(anna.recovered, "the session of Anna is recovered");
    await leaves(CARL);
    assert.deepEqual(await present(), [ANNA, BEN]);
    anna.disconnect();
    await leaves(ANNA);
    assert.equal((await call()).status, "ONGOING");
    ben.disconnect();
    await waitUntil(async () => ((await call()).status === "ENDED" ? null : `the call goes on without a user: ${JSON.stringify(await call())}`));
  });
}

test("the participants of a call leave it also if their node is killed before the other node knows them", async (t) => {
  const { first, anna, carl, present, leaves } = await startCall(t);
  await first.kill();
  for (const socket of [anna, carl]) socket.disconnect();
  await leaves(ANNA);
  await leaves(CARL);
  assert.deepEqual(await present(), [BEN]);
});
