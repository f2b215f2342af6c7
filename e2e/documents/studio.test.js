// The studio contract in time: what ends by itself, what a vanished client leaves behind, what a restart finds, and the budgets.

import assert from "node:assert/strict";
import { test } from "node:test";
import { client, connected, heard } from "../support/clients.js";
import { rest } from "../support/http.js";
import { startRoomcast } from "../support/roomcast.js";

async function studio(t, env = {}) {
  const server = await startRoomcast({ PRESENCE_AUDIENCE: "everyone", PRESENCE_GRACE: "100ms", ...env });
  t.after(() => server.stop());
  return server;
}

async function person(t, server, sub, name) {
  const token = server.token({ sub, name });
  const socket = client(t, `${server.url}/chat`, { transports: ["websocket"], auth: { token, userId: Number(sub) } });
  await connected(socket);
  return { token, socket };
}

async function room(server, { token }, memberIds) {
  const { json } = await rest("POST", `${server.url}/shared/chat/rooms`, { token, body: { name: "Team", memberIds } });
  return json.id;
}

test("who joins learns who is online, typing ends by itself, and a call is left with its connection", async (t) => {
  const server = await studio(t);
  const [anna, ben] = [await person(t, server, "5", "Anna"), await person(t, server, "7", "Ben")];
  const roomId = await room(server, anna, [7]);
  await anna.socket.emitWithAck("join_room", { roomId });
  const online = new Promise((resolve) => {
    const seen = [];
    ben.socket.on("user:online", (event) => seen.push(event.userId) && seen.includes(5) && resolve(event));
  });
  await ben.socket.emitWithAck("join_room", { roomId });
  assert.deepEqual(Object.keys(await online), ["userId", "socketId", "timestamp"]);

  const stopped = heard(anna.socket, "user:stop_typing");
  const began = performance.now();
  ben.socket.emit("user:typing", { roomId, userId: 7 });
  assert.deepEqual(await stopped, [{ userId: 7, roomId }]);
  assert.ok(performance.now() - began > 5900, "it lasts six seconds");

  const rings = heard(ben.socket, "call:initiated");
  const { callId } = await anna.socket.emitWithAck("call:initiated", { roomId, callType: "AUDIO" });
  assert.equal((await rings)[0].callId, callId);
  await ben.socket.emitWithAck("call:answered", { callId, roomId });
  const ended = heard(ben.socket, "call:ended");
  const offline = heard(ben.socket, "user:offline");
  anna.socket.disconnect();
  assert.equal((await offline)[0].userId, 5);
  const calls = async () => (await rest("GET", `${server.url}/shared/chat/rooms/${roomId}/calls`, { token: ben.token })).json;
  await ben.socket.emitWithAck("call:ended", { callId, roomId });
  assert.deepEqual(await ended, [{ callId, endedBy: 7 }]);
  assert.equal((await calls())[0].status, "ENDED");
});

test("the last who leaves a call by disconnecting ends it", async (t) => {
  const server = await studio(t);
  const [anna, ben] = [await person(t, server, "5", "Anna"), await person(t, server, "7", "Ben")];
  const roomId = await room(server, anna, [7]);
  await ben.socket.emitWithAck("join_room", { roomId });
  const { callId } = await anna.socket.emitWithAck("call:initiated", { roomId, callType: "AUDIO" });
  const ended = heard(ben.socket, "call:ended");
  anna.socket.disconnect();
  assert.deepEqual(await ended, [{ callId, endedBy: 5 }]);
});

test("messages over budget are refused in the document's way", async (t) => {
  const server = await studio(t, { RATE_LIMITS: "on" });
  const anna = await person(t, server, "5", "Anna");
  const roomId = await room(server, anna, []);
  for (let n = 1; n <= 10; n++) assert.equal((await anna.socket.emitWithAck("message:send", { roomId, content: `${n}` })).ok, true);
  const error = heard(anna.socket, "error");
  anna.socket.emit("message:send", { roomId, content: "too many" });
  assert.match((await error)[0], /^Rate limit exceeded, try again in \d+ s$/);
  const refused = await anna.socket.emitWithAck("message:send", { roomId, content: "too many" });
  assert.equal(refused.code, "rate_limited");
});

test("a connection that says to be somebody else is refused", async (t) => {
  const server = await studio(t);
  const socket = client(t, `${server.url}/chat`, { auth: { token: server.token({ sub: "5" }), userId: 6 } });
  await assert.rejects(connected(socket), (error) => error.data.code === "subject_mismatch");
});
