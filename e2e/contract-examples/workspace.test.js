// The examples of the workspace contract's documentation, and the connection rules that it describes.

import assert from "node:assert/strict";
import { EventEmitter } from "node:events";
import { after, test } from "node:test";
import { WebSocket } from "ws";
import { rest } from "../support/http.js";
import { sharedServer } from "../support/server.js";
import { waitFor, waitForEvent } from "../support/wait-for.js";
import { ChatClient } from "./workspace-client.js";
import { page } from "./workspace-reconnection.js";

const server = sharedServer({ FRONTEND_URLS: "https://app.example.com", WS_HEARTBEAT_INTERVAL: "200ms" });

// The server of the documentation is at localhost:8000, and the server of the test has another port.
const originalWebSocket = globalThis.WebSocket;
globalThis.WebSocket = class extends WebSocket {
  constructor(url) {
    super(url.replace("ws://localhost:8000", server.ws));
  }
};
after(() => {
  globalThis.WebSocket = originalWebSocket;
});

const connect = (token, options) => new WebSocket(`${server.ws}/api/v1/ws/connect?token=${token}`, options);

async function createChannel(token) {
  const project = await rest("POST", `${server.url}/api/v1/projects`, { token, body: { name: "Site" } });
  assert.equal(project.status, 201);
  const created = await rest("POST", `${server.url}/api/v1/projects/${project.json.id}/channels`, { token, body: { name: "general" } });
  assert.equal(created.status, 201);
  return { project: project.json.id, channel: created.json.id };
}

// Resolves with the first result of a socket: the close code, the status of a rejected handshake, or the first message.
function firstResult(socket) {
  const first = new Promise((resolve) => {
    socket.once("unexpected-response", (_, response) => resolve({ status: response.statusCode }));
    socket.once("close", (code) => resolve({ code }));
    socket.once("message", (text) => resolve({ message: JSON.parse(text) }));
    socket.once("error", () => {});
  });
  return waitFor(first, () => "the WebSocket is neither rejected nor closed, and has received no message");
}

test("the chat client of the documentation receives its username, the channel's messages, and the project's tasks", async () => {
  const token = server.token({ sub: "12345", username: "alice" });
  const rooms = await createChannel(token);
  const client = new ChatClient(token);
  client.connect();
  const received = (type) => waitFor(new Promise((resolve) => client.on(type, resolve)), () => `no ${type} has arrived`);

  const name = new Promise((resolve) => {
    client.on("connected", (msg) => {
      resolve(msg.data.username);
      client.joinRoom(`channel:${rooms.channel}`);
      client.joinRoom(`project:${rooms.project}`);
      client.sendMessage(`channel:${rooms.channel}`, "Hello everyone!");
    });
  });
  const message = received("message");
  const task = received("task.created");
  assert.equal(await waitFor(name, () => "the client is not connected"), "alice");
  const { data, room, sender } = await message;
  assert.equal(`${data.username}: ${data.content}`, "alice: Hello everyone!");
  assert.deepEqual([room, sender], [`channel:${rooms.channel}`, "alice"]);
  await rest("POST", `${server.url}/api/v1/projects/${rooms.project}/tasks`, { token, body: { title: "New feature implementation", priority: "high" } });
  const created = await task;
  assert.equal(created.data.title, "New feature implementation");
  assert.match(created.timestamp, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/);
  client.ws.close();
});

test("a page reconnects, sends its queued messages, and receives pongs for its heartbeats", async (t) => {
  const token = server.token({ sub: "7", username: "bob" });
  const rooms = await createChannel(token);
  const sockets = new EventEmitter();
  const bob = page(token, { heartbeat: 50, onSocket: (ws) => sockets.emit("socket", ws) });
  t.after(() => bob.close());
  const first = waitForEvent(sockets, "socket");
  bob.connect();
  const [broken] = await first;
  await waitForEvent(broken, "open");
  // The connection breaks without a close frame.
  broken.terminate();
  await waitForEvent(broken, "close");
  bob.sendMessage({ type: "join_room", room: `channel:${rooms.channel}` });
  bob.sendMessage({ type: "send_message", room: `channel:${rooms.channel}`, data: { content: "I am back" } });
  const [ws] = await waitForEvent(sockets, "socket");
  const types = [];
  const received = new Promise((resolve) => {
    ws.on("message", (text) => {
      const message = JSON.parse(text);
      types.push(message.type);
      if (message.type === "message") assert.equal(message.data.content, "I am back");
      if (types.includes("message") && types.includes("pong")) resolve();
    });
  });
  await waitFor(received, () => `the received types are ${types}`);
  // Pongs and `user_joined` may arrive at any position: ephemeral events have no order relative to persisted ones.
  assert.deepEqual(types.filter((type) => !["pong", "user_joined"].includes(type)), ["connected", "joined_room", "message"]);
});

test("a WebSocket is accepted from FRONTEND_URLS, from the server's own origin, and without an origin, and from no other origin", async () => {
  const token = server.token({ sub: "carl" });
  for (const headers of [{}, { origin: "https://app.example.com" }, { origin: server.url }, { origin: "https://chat.example", host: "chat.example" }]) {
    const socket = connect(token, { headers });
    assert.equal((await firstResult(socket)).message.type, "connected", JSON.stringify(headers));
    socket.close();
    await waitForEvent(socket, "close");
  }
  for (const origin of ["https://evil.example", "null", "https://app.example.com.evil.example", "http://localhost:3000"]) {
    const { message, code, status } = await firstResult(connect(token, { headers: { origin } }));
    assert.equal(message, undefined, origin);
    assert.ok(code === 4403 || status === 403, `${origin}: ${code} ${status}`);
  }
});

test("the server pings at WS_HEARTBEAT_INTERVAL", async () => {
  const socket = connect(server.token({ sub: "dora" }));
  await waitForEvent(socket, "open");
  for (let round = 0; round < 3; round++) await waitForEvent(socket, "ping");
  assert.equal(socket.readyState, WebSocket.OPEN);
  socket.close();
});

test("a connection is closed with 4401, 4429, or 4403", async () => {
  assert.equal((await firstResult(connect("nonsense"))).code, 4401);
  const token = server.token({ sub: "eve" });
  const five = [];
  for (let i = 0; i < 5; i++) {
    five.push(connect(token));
    assert.equal((await firstResult(five[i])).message.type, "connected");
  }
  assert.equal((await firstResult(connect(token))).code, 4429);
  const secret = await createChannel(server.token({ sub: "12345" }));
  five[0].send(JSON.stringify({ type: "join_room", room: `channel:${secret.channel}` }));
  const [code] = await waitForEvent(five[0], "close");
  assert.equal(code, 4403);
  for (const socket of five) socket.close();
});
