// The examples of the studio contract's documentation, and the time limits, disconnects, and rate limits of the contract.

import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { test } from "node:test";
import { rest } from "../support/http.js";
import { mount } from "../support/react-screen.js";
import { startServer } from "../support/server.js";
import { client, connected, nextEvent, waitForUpgrade } from "../support/socketio-clients.js";
import { lastEvents, waitFor } from "../support/wait-for.js";
import { retry } from "../support/wait-until.js";
import { activeSockets, useServer } from "./stock-client.js";
import { ChatWindow } from "./studio-client.js";

async function startStudio(t, env = {}) {
  const server = await startServer({ PRESENCE_AUDIENCE: "everyone", PRESENCE_GRACE: "100ms", ...env });
  t.after(() => server.stop());
  return server;
}

async function connectUser(t, server, sub, name) {
  const token = server.token({ sub, name });
  const socket = client(t, `${server.url}/chat`, { transports: ["websocket"], auth: { token, userId: Number(sub) } });
  await connected(socket);
  return { token, socket };
}

async function createRoom(server, { token }, memberIds) {
  const { json } = await rest("POST", `${server.url}/shared/chat/rooms`, { token, body: { name: "Team", memberIds } });
  return json.id;
}

// Joins a room, and waits for the event of the join, which the whole room receives.
async function joinRoom({ socket }, roomId) {
  const joined = nextEvent(socket, "member:joined");
  await socket.emitWithAck("join_room", { roomId });
  await joined;
}

test("a joining member receives the online members, typing stops after six seconds, and a disconnect leaves a call", async (t) => {
  const server = await startStudio(t);
  const [anna, ben] = [await connectUser(t, server, "5", "Anna"), await connectUser(t, server, "7", "Ben")];
  const roomId = await createRoom(server, anna, [7]);
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
  assert.ok(performance.now() - began > 5900, "typing stops after six seconds");

  const rings = nextEvent(ben.socket, "call:initiated");
  const { callId } = await anna.socket.emitWithAck("call:initiated", { roomId, callType: "AUDIO" });
  assert.equal((await rings)[0].callId, callId);
  await ben.socket.emitWithAck("call:answered", { callId, roomId });
  const ended = nextEvent(ben.socket, "call:ended");
  const offline = nextEvent(ben.socket, "user:offline");
  anna.socket.disconnect();
  assert.equal((await offline)[0].userId, 5);
  const calls = async () => (await rest("GET", `${server.url}/shared/chat/rooms/${roomId}/calls`, { token: ben.token })).json;
  // Anna has left the call, and ben is still in it. The server may write that after it has sent the offline event.
  const call = await retry(1000, async () => {
    const [call] = await calls();
    return call.participants.find(({ userId }) => userId === 5).leftAt ? call : null;
  });
  assert.equal(call.status, "ONGOING");
  await ben.socket.emitWithAck("call:ended", { callId, roomId });
  assert.deepEqual(await ended, [{ callId, endedBy: 7 }]);
  assert.equal((await calls())[0].status, "ENDED");
});

test("a joining member receives a socket id of each online member, also after the first socket has closed", async (t) => {
  const server = await startStudio(t);
  const [laptop, ben] = [await connectUser(t, server, "5", "Anna"), await connectUser(t, server, "7", "Ben")];
  const roomId = await createRoom(server, laptop, [7]);
  const announcedSocket = async () => {
    const announced = new Promise((resolve) => ben.socket.on("user:online", ({ userId, socketId }) => userId === 5 && resolve(socketId)));
    await ben.socket.emitWithAck("join_room", { roomId });
    return waitFor(announced, () => "user 5 is not online");
  };
  assert.equal(await announcedSocket(), laptop.socket.id);
  const phone = await connectUser(t, server, "5", "Anna");
  assert.equal(await announcedSocket(), laptop.socket.id);
  laptop.socket.disconnect();
  // The server may not have detected the disconnect yet.
  await retry(1000, async () => ((await announcedSocket()) === phone.socket.id ? true : null));
});

test("a call ends when its last participant disconnects", async (t) => {
  const server = await startStudio(t);
  const [anna, ben] = [await connectUser(t, server, "5", "Anna"), await connectUser(t, server, "7", "Ben")];
  const roomId = await createRoom(server, anna, [7]);
  await ben.socket.emitWithAck("join_room", { roomId });
  const { callId } = await anna.socket.emitWithAck("call:initiated", { roomId, callType: "AUDIO" });
  const ended = nextEvent(ben.socket, "call:ended");
  anna.socket.disconnect();
  assert.deepEqual(await ended, [{ callId, endedBy: 5 }]);
});

test("messages beyond the rate limit are rejected with the error text of the documentation", async (t) => {
  const server = await startStudio(t, { RATE_LIMITS: "on" });
  const anna = await connectUser(t, server, "5", "Anna");
  const roomId = await createRoom(server, anna, []);
  for (let n = 1; n <= 10; n++) assert.equal((await anna.socket.emitWithAck("message:send", { roomId, content: `${n}` })).ok, true);
  const error = nextEvent(anna.socket, "error");
  anna.socket.emit("message:send", { roomId, content: "too many" });
  assert.match((await error)[0], /^Rate limit exceeded, try again in \d+ s$/);
  const rejected = await anna.socket.emitWithAck("message:send", { roomId, content: "too many" });
  assert.equal(rejected.code, "rate_limited");
});

test("a connection with the user id of another user is rejected", async (t) => {
  const server = await startStudio(t);
  const socket = client(t, `${server.url}/chat`, { auth: { token: server.token({ sub: "5" }), userId: 6 } });
  await assert.rejects(connected(socket), (error) => error.data.code === "subject_mismatch");
});

test("the chat window shows online members, typing, and messages, also after a reconnect, and closes its socket when it is unmounted", async (t) => {
  const server = await startStudio(t);
  useServer(server);
  const sendMessage = (content) => rest("POST", `${server.url}/shared/chat/rooms/${id}/messages`, { token: anna.token, body: { content, type: "TEXT" } });
  const anna = await connectUser(t, server, "5", "Anna");
  const id = await createRoom(server, anna, [7]);
  await joinRoom(anna, id);

  // The window is mounted before its room exists.
  const ben = { token: server.token({ sub: "7", name: "Ben" }), userId: 7 };
  const window = await mount(ChatWindow, { room: undefined, ...ben });
  t.after(() => window.unmount());
  assert.deepEqual(activeSockets(), []);
  const joined = nextEvent(anna.socket, "member:joined");
  await window.set({ room: { id }, ...ben });
  await window.shows("Connected. Online: 5, 7.");
  assert.equal((await joined)[0].userId, 7);
  assert.equal(activeSockets().length, 1);

  anna.socket.emit("user:typing", { roomId: id, userId: 5 });
  await window.shows("Typing: 5.");
  anna.socket.emit("user:stop_typing", { roomId: id, userId: 5 });
  await window.shows("Typing: .");
  const typing = nextEvent(anna.socket, "user:typing");
  window.press("Start typing");
  assert.deepEqual([(await typing)[0].userId, (await typing)[0].roomId], [7, id]);
  await sendMessage("Hello team!");
  await window.shows("Anna: Hello team!.");

  await waitForUpgrade(activeSockets()[0]);
  activeSockets()[0].io.engine.transport.ws.terminate();
  await window.shows("Disconnected.");
  await window.shows("Connected. Online: 5, 7.");
  await sendMessage("Welcome back");
  await window.shows("Anna: Hello team!, Anna: Welcome back.");

  const offline = nextEvent(anna.socket, "user:offline");
  window.unmount();
  assert.equal((await offline)[0].userId, 7);
  assert.deepEqual(activeSockets(), []);
});

test("the test of the documentation: one client in a room types and sends, and another one receives the events", async (t) => {
  const server = await startStudio(t);
  const anna = await connectUser(t, server, "5", "Anna");
  const roomId = await createRoom(server, anna, [1]);
  await joinRoom(anna, roomId);
  const received = Promise.all(["member:joined", "user:typing", "message:new"].map((event) => nextEvent(anna.socket, event)));
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
  const [[joined], [typing], [message]] = await received;
  assert.deepEqual([joined.userId, typing.userId, message.senderId], [1, 1, 1]);
  assert.deepEqual([message.content, message.type, message.sender], ["Hello!", "TEXT", { id: 1, name: "Ben" }]);
});
