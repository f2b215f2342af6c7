// The examples of the workspace contract's document, run as they are meant; and what it promises of the connection itself.

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

// The document's server is at localhost:8000; ours has a port of its own.
const documents = globalThis.WebSocket;
globalThis.WebSocket = class extends WebSocket {
  constructor(url) {
    super(url.replace("ws://localhost:8000", server.ws));
  }
};
after(() => {
  globalThis.WebSocket = documents;
});

const connect = (token, options) => new WebSocket(`${server.ws}/api/v1/ws/connect?token=${token}`, options);

async function channel(token) {
  const project = await rest("POST", `${server.url}/api/v1/projects`, { token, body: { name: "Site" } });
  assert.equal(project.status, 201);
  const made = await rest("POST", `${server.url}/api/v1/projects/${project.json.id}/channels`, { token, body: { name: "general" } });
  assert.equal(made.status, 201);
  return { project: project.json.id, channel: made.json.id };
}

// What comes first: the code with which the socket is closed, the status with which it is refused, or the first message.
function outcome(socket) {
  const first = new Promise((resolve) => {
    socket.once("unexpected-response", (_, response) => resolve({ status: response.statusCode }));
    socket.once("close", (code) => resolve({ code }));
    socket.once("message", (text) => resolve({ said: JSON.parse(text) }));
    socket.once("error", () => {});
  });
  return waitFor(first, () => "the WebSocket is neither refused nor closed, and has no message");
}

test("the complete chat client hears its name, the channel's messages and the project's new tasks", async () => {
  const token = server.token({ sub: "12345", username: "alice" });
  const rooms = await channel(token);
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
  const told = await task;
  assert.equal(told.data.title, "New feature implementation");
  assert.match(told.timestamp, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/);
  client.ws.close();
});

test("a page reconnects by itself, sends what waited, and its heartbeats are answered", async (t) => {
  const token = server.token({ sub: "7", username: "bob" });
  const rooms = await channel(token);
  const sockets = new EventEmitter();
  const bob = page(token, { heartbeat: 50, made: (ws) => sockets.emit("made", ws) });
  t.after(() => bob.leave());
  const first = waitForEvent(sockets, "made");
  bob.connect();
  const [broken] = await first;
  await waitForEvent(broken, "open");
  // The connection breaks without a goodbye.
  broken.terminate();
  await waitForEvent(broken, "close");
  bob.sendMessage({ type: "join_room", room: `channel:${rooms.channel}` });
  bob.sendMessage({ type: "send_message", room: `channel:${rooms.channel}`, data: { content: "I am back" } });
  const [ws] = await waitForEvent(sockets, "made");
  const types = [];
  const said = new Promise((resolve) => {
    ws.on("message", (text) => {
      const message = JSON.parse(text);
      types.push(message.type);
      if (message.type === "message") assert.equal(message.data.content, "I am back");
      if (types.includes("message") && types.includes("pong")) resolve();
    });
  });
  await waitFor(said, () => `the messages were ${types}`);
  // Pongs come between, and who has joined is a signal: it keeps no order with facts.
  assert.deepEqual(types.filter((type) => !["pong", "user_joined"].includes(type)), ["connected", "joined_room", "message"]);
});

test("a page of another origin opens no socket; ours, the server's own and whoever has none do", async () => {
  const token = server.token({ sub: "carl" });
  for (const headers of [{}, { origin: "https://app.example.com" }, { origin: server.url }, { origin: "https://chat.example", host: "chat.example" }]) {
    const socket = connect(token, { headers });
    assert.equal((await outcome(socket)).said.type, "connected", JSON.stringify(headers));
    socket.close();
    await waitForEvent(socket, "close");
  }
  for (const origin of ["https://evil.example", "null", "https://app.example.com.evil.example", "http://localhost:3000"]) {
    const { said, code, status } = await outcome(connect(token, { headers: { origin } }));
    assert.equal(said, undefined, origin);
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

test("a connection that cannot be used says why: 4401, 4429, 4403", async () => {
  assert.equal((await outcome(connect("nonsense"))).code, 4401);
  const token = server.token({ sub: "eve" });
  const five = [];
  for (let i = 0; i < 5; i++) {
    five.push(connect(token));
    assert.equal((await outcome(five[i])).said.type, "connected");
  }
  assert.equal((await outcome(connect(token))).code, 4429);
  const secret = await channel(server.token({ sub: "12345" }));
  five[0].send(JSON.stringify({ type: "join_room", room: `channel:${secret.channel}` }));
  const [code] = await waitForEvent(five[0], "close");
  assert.equal(code, 4403);
  for (const socket of five) socket.close();
});
