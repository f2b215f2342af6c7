// The examples of the studio contract's document; and the contract in time: what ends by itself, what a vanished client leaves behind, and the budgets.

import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { test } from "node:test";
import { rest } from "../support/http.js";
import { mount } from "../support/react-screen.js";
import { startServer } from "../support/server.js";
import { client, connected, nextEvent, waitForUpgrade } from "../support/socketio-clients.js";
import { lastEvents, waitFor } from "../support/wait-for.js";
import { retry } from "../support/wait-until.js";
import { alive, serve } from "./stock-client.js";
import { ChatWindow } from "./studio-client.js";

async function studio(t, env = {}) {
  const server = await startServer({ PRESENCE_AUDIENCE: "everyone", PRESENCE_GRACE: "100ms", ...env });
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

// Joins, and waits until it is told so: the whole room hears who comes.
async function enter({ socket }, roomId) {
  const told = nextEvent(socket, "member:joined");
  await socket.emitWithAck("join_room", { roomId });
  await told;
}

test("who joins learns who is online, typing ends by itself, and a call is left with its connection", async (t) => {
  const server = await studio(t);
  const [anna, ben] = [await person(t, server, "5", "Anna"), await person(t, server, "7", "Ben")];
  const roomId = await room(server, anna, [7]);
  await anna.socket.emitWithAck("join_room", { roomId });
  const seen = [];
  const online = new Promise((resolve) => {
    ben.socket.on("user:online", (event) => seen.push(event.userId) && seen.includes(5) && resolve(event));
  });
  await ben.socket.emitWithAck("join_room", { roomId });
  assert.deepEqual(Object.keys(await waitFor(online, () => `user 5 is not online; ${lastEvents(seen)}`)), ["userId", "socketId", "timestamp"]);

  const stopped = nextEvent(anna.socket, "user:stop_typing");
  const began = performance.now();
  ben.socket.emit("user:typing", { roomId, userId: 7 });
  assert.deepEqual(await stopped, [{ userId: 7, roomId }]);
  assert.ok(performance.now() - began > 5900, "it lasts six seconds");

  const rings = nextEvent(ben.socket, "call:initiated");
  const { callId } = await anna.socket.emitWithAck("call:initiated", { roomId, callType: "AUDIO" });
  assert.equal((await rings)[0].callId, callId);
  await ben.socket.emitWithAck("call:answered", { callId, roomId });
  const ended = nextEvent(ben.socket, "call:ended");
  const offline = nextEvent(ben.socket, "user:offline");
  anna.socket.disconnect();
  assert.equal((await offline)[0].userId, 5);
  const calls = async () => (await rest("GET", `${server.url}/shared/chat/rooms/${roomId}/calls`, { token: ben.token })).json;
  // Anna is out of it, and for Ben it goes on. The server need not have written that when it says that she is offline.
  const call = await retry(1000, async () => {
    const [call] = await calls();
    return call.participants.find(({ userId }) => userId === 5).leftAt ? call : null;
  });
  assert.equal(call.status, "ONGOING");
  await ben.socket.emitWithAck("call:ended", { callId, roomId });
  assert.deepEqual(await ended, [{ callId, endedBy: 7 }]);
  assert.equal((await calls())[0].status, "ENDED");
});

test("whoever joins is told a socket of each member that is there, also when the first one has gone", async (t) => {
  const server = await studio(t);
  const [laptop, ben] = [await person(t, server, "5", "Anna"), await person(t, server, "7", "Ben")];
  const roomId = await room(server, laptop, [7]);
  const known = async () => {
    const told = new Promise((resolve) => ben.socket.on("user:online", ({ userId, socketId }) => userId === 5 && resolve(socketId)));
    await ben.socket.emitWithAck("join_room", { roomId });
    return waitFor(told, () => "user 5 is not online");
  };
  assert.equal(await known(), laptop.socket.id);
  const phone = await person(t, server, "5", "Anna");
  assert.equal(await known(), laptop.socket.id);
  laptop.socket.disconnect();
  // The server has still to hear of that.
  await retry(1000, async () => ((await known()) === phone.socket.id ? true : null));
});

test("the last who leaves a call by disconnecting ends it", async (t) => {
  const server = await studio(t);
  const [anna, ben] = [await person(t, server, "5", "Anna"), await person(t, server, "7", "Ben")];
  const roomId = await room(server, anna, [7]);
  await ben.socket.emitWithAck("join_room", { roomId });
  const { callId } = await anna.socket.emitWithAck("call:initiated", { roomId, callType: "AUDIO" });
  const ended = nextEvent(ben.socket, "call:ended");
  anna.socket.disconnect();
  assert.deepEqual(await ended, [{ callId, endedBy: 5 }]);
});

test("messages over budget are refused in the document's way", async (t) => {
  const server = await studio(t, { RATE_LIMITS: "on" });
  const anna = await person(t, server, "5", "Anna");
  const roomId = await room(server, anna, []);
  for (let n = 1; n <= 10; n++) assert.equal((await anna.socket.emitWithAck("message:send", { roomId, content: `${n}` })).ok, true);
  const error = nextEvent(anna.socket, "error");
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

test("the chat window shows who is there, who types and what is said, also behind a reconnection, and leaves nothing open", async (t) => {
  const server = await studio(t);
  serve(server);
  const said = (content) => rest("POST", `${server.url}/shared/chat/rooms/${id}/messages`, { token: anna.token, body: { content, type: "TEXT" } });
  const anna = await person(t, server, "5", "Anna");
  const id = await room(server, anna, [7]);
  await enter(anna, id);

  // It is there before its room is.
  const ben = { token: server.token({ sub: "7", name: "Ben" }), userId: 7 };
  const window = await mount(ChatWindow, { room: undefined, ...ben });
  t.after(() => window.unmount());
  assert.deepEqual(alive(), []);
  const comes = nextEvent(anna.socket, "member:joined");
  await window.set({ room: { id }, ...ben });
  await window.shows("Connected. Online: 5, 7.");
  assert.equal((await comes)[0].userId, 7);
  assert.equal(alive().length, 1);

  anna.socket.emit("user:typing", { roomId: id, userId: 5 });
  await window.shows("Typing: 5.");
  anna.socket.emit("user:stop_typing", { roomId: id, userId: 5 });
  await window.shows("Typing: .");
  const typing = nextEvent(anna.socket, "user:typing");
  window.press("Start typing");
  assert.deepEqual([(await typing)[0].userId, (await typing)[0].roomId], [7, id]);
  await said("Hello team!");
  await window.shows("Anna: Hello team!.");

  await waitForUpgrade(alive()[0]);
  alive()[0].io.engine.transport.ws.terminate();
  await window.shows("Disconnected.");
  await window.shows("Connected. Online: 5, 7.");
  await said("Welcome back");
  await window.shows("Anna: Hello team!, Anna: Welcome back.");

  const gone = nextEvent(anna.socket, "user:offline");
  window.unmount();
  assert.equal((await gone)[0].userId, 7);
  assert.deepEqual(alive(), []);
});

test("the document's test: two clients in a room, one types and sends, the other hears it", async (t) => {
  const server = await studio(t);
  const anna = await person(t, server, "5", "Anna");
  const roomId = await room(server, anna, [1]);
  await enter(anna, roomId);
  const told = Promise.all(["member:joined", "user:typing", "message:new"].map((event) => nextEvent(anna.socket, event)));
  const { io } = createRequire(import.meta.url)("socket.io-client");

  const socket = io(server.url, {
    auth: {
      token: server.token({ sub: "1", name: "Ben" }),
      userId: 1,
    },
  });
  t.after(() => socket.disconnect());

  socket.on("connect", () => {
    // Join a room
    socket.emit("join_room", { roomId });

    // Simulate typing
    socket.emit("user:typing", { roomId });

    // Simulate message
    socket.emit("message:send", {
      roomId,
      content: "Hello!",
      type: "TEXT",
    });
  });
  const [[joined], [typing], [message]] = await told;
  assert.deepEqual([joined.userId, typing.userId, message.senderId], [1, 1, 1]);
  assert.deepEqual([message.content, message.type, message.sender], ["Hello!", "TEXT", { id: 1, name: "Ben" }]);
});
