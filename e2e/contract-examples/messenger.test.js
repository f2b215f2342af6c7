// The React client of the messenger contract's documentation, against the real server.

import assert from "node:assert/strict";
import { afterEach, before, beforeEach, describe, test } from "node:test";
import { rest } from "../support/http.js";
import { mount } from "../support/react-screen.js";
import { sharedServer } from "../support/server.js";
import { client, connected, nextEvent, waitForStatus, waitForUpgrade } from "../support/socketio-clients.js";
import { API_KEY } from "../support/users.js";
import { MessageScreen, NotificationCenter } from "./messenger-client.js";
import { activeSockets, useServer, waitForSockets } from "./stock-client.js";

const server = sharedServer({ PRESENCE_AUDIENCE: "everyone", PRESENCE_GRACE: "100ms", ROOMCAST_API_KEY: API_KEY });

const token = (sub) => server.token({ sub, name: sub });

async function request(sub, method, path, body) {
  const response = await rest(method, `${server.url}${path}`, { token: sub === "back end" ? API_KEY : token(sub), body });
  assert.ok(response.status < 300, response.text);
  return response.json;
}

describe("the message screen of the documentation", () => {
  let conversationId;
  let anna;
  let ben;

  before(async () => {
    useServer(server);
    ({ id: conversationId } = await request("anna", "POST", "/api/conversations", { participantIds: ["ben"] }));
  });
  beforeEach(async () => {
    anna = await mount(MessageScreen, { conversationId, token: token("anna") });
    await anna.shows("Status: Connected", "Online: 1 users");
    ben = await mount(MessageScreen, { conversationId, token: token("ben") });
    await ben.shows("Status: Connected", "Online: 2 users");
  });
  // Unmounting the screens closes their sockets, including those that strict mode closed while they were connecting.
  afterEach(async (t) => {
    const watcher = await connected(client(t, server.url, { auth: { token: token("watcher") } }));
    const offline = ["anna", "ben"].map((sub) => waitForStatus(watcher, sub, "offline"));
    anna.unmount();
    ben.unmount();
    await Promise.all(offline);
    watcher.disconnect();
    assert.deepEqual(activeSockets(), []);
  });

  test("has one connection and one listener for each event", () => {
    assert.equal(activeSockets().length, 2);
    for (const socket of activeSockets()) {
      for (const event of ["message:new", "typing:start", "typing:stop", "messages:read", "message:deleted"]) {
        assert.equal(socket.listeners(event).length, 1, event);
      }
    }
  });

  test("shows a message once, then as read, and removes it after its deletion", async () => {
    const { id } = await request("anna", "POST", `/api/conversations/${conversationId}/messages`, { content: "Hello" });
    await Promise.all([anna, ben].map((screen) => screen.shows("anna: Hello")));
    assert.equal(ben.text.split("Hello").length, 2);
    await request("ben", "POST", `/api/conversations/${conversationId}/read`, { messageIds: [id] });
    await anna.shows("anna: Hello (read)");
    await request("anna", "DELETE", `/api/messages/${id}`);
    await Promise.all([anna, ben].map((screen) => screen.until((text) => !text.includes("Hello"))));
  });

  test("shows that the other user types, until the stop event or for six seconds", async () => {
    const typing = (text) => text.includes("Someone is typing...");
    anna.press("Start typing");
    await ben.until(typing);
    anna.press("Stop typing");
    await ben.until((text) => !typing(text));
    const since = performance.now();
    anna.press("Start typing");
    await ben.until(typing);
    await ben.until((text) => !typing(text));
    assert.ok(performance.now() - since > 5900);
    assert.ok(!typing(anna.text));
  });

  test("receives no more events of a conversation after it has changed to another one", async () => {
    const { id: other } = await request("anna", "POST", "/api/conversations", { participantIds: ["ben", "cleo"] });
    await ben.set({ conversationId: other, token: token("ben") });
    // The server sends no event for the leave. A message of the other conversation arrives after it.
    const [, socket] = activeSockets();
    await socket.emitWithAck("join:conversation", other);
    const { id } = await request("anna", "POST", `/api/conversations/${conversationId}/messages`, { content: "In the first conversation" });
    await anna.shows("In the first conversation");
    await request("anna", "POST", `/api/conversations/${other}/messages`, { content: "Here!" });
    await ben.shows("anna: Here!");
    assert.ok(!ben.text.includes("In the first conversation"));
    assert.equal(socket.listeners("message:new").length, 1);
    await request("anna", "DELETE", `/api/messages/${id}`);
  });

  test("reconnects when its connection breaks", async () => {
    const [socket] = activeSockets();
    await waitForUpgrade(socket);
    socket.io.engine.transport.ws.terminate();
    await anna.shows("Status: Disconnected");
    await anna.shows("Status: Connected");
    assert.deepEqual(await socket.emitWithAck("user:get-status", "anna"), { userId: "anna", status: "online" });
  });
});

describe("the notification center of the documentation", () => {
  test("shows a notification on all devices of a user, and marks it as read on all of them", async (t) => {
    useServer(server);
    const screens = await Promise.all(["cleo", "cleo"].map((sub) => mount(NotificationCenter, { token: token(sub) })));
    const unmount = () => screens.forEach((screen) => screen.unmount());
    t.after(unmount);
    const [phone, laptop] = screens;
    await waitForSockets(2);
    for (const title of ["One", "Two"]) await request("back end", "POST", "/api/notifications", { userId: "cleo", type: "info", title, message: "" });
    await Promise.all(screens.map((screen) => screen.shows("Unread: 2", "Two. ", "One. ")));
    assert.ok(laptop.text.indexOf("Two. ") < laptop.text.indexOf("One. "));
    phone.press("Read One");
    await Promise.all(screens.map((screen) => screen.shows("Unread: 1", "One (read)", "Two. ")));
    activeSockets()[0].emit("notifications:read-all");
    await Promise.all(screens.map((screen) => screen.shows("Unread: 0", "One (read)", "Two (read)")));
    unmount();
    assert.deepEqual(activeSockets(), []);
  });
});

test("the online status of a user is broadcast, and returned by queries", async (t) => {
  const anna = await connected(client(t, server.url, { auth: { token: token("anna") } }));
  const changes = [];
  anna.on("user:status-changed", (change) => changes.push(change));
  const online = waitForStatus(anna, "dora", "online");
  const dora = client(t, server.url, { auth: { token: token("dora") } });
  await online;
  assert.deepEqual(await anna.emitWithAck("user:get-status", "dora"), { userId: "dora", status: "online" });
  assert.deepEqual(await anna.emitWithAck("users:get-status", ["anna", "unknown"]), [
    { userId: "anna", status: "online" },
    { userId: "unknown", status: "offline" },
  ]);
  const offline = waitForStatus(anna, "dora", "offline");
  dora.disconnect();
  await offline;
  assert.deepEqual(await anna.emitWithAck("user:get-status", "dora"), { userId: "dora", status: "offline" });
  assert.deepEqual(changes.filter(({ userId }) => userId === "dora").map(({ status }) => status), ["online", "offline"]);
});

test("a back end emits an event to a user except one connection, and disconnects that connection", async (t) => {
  const [included, excluded] = await Promise.all(["eve", "eve"].map((sub) => connected(client(t, server.url, { auth: { token: token(sub) } }))));
  const unexpected = [];
  excluded.on("custom:event", () => unexpected.push("excluded"));
  const arrived = nextEvent(included, "custom:event");
  await request("back end", "POST", "/api/v1/emit", { to: { users: ["eve"] }, except: { connections: [excluded.id] }, event: "custom:event", data: { a: 1 } });
  assert.deepEqual(await arrived, [{ a: 1 }]);
  const ended = nextEvent(excluded, "disconnect");
  await request("back end", "POST", "/api/v1/disconnect", { connections: [excluded.id] });
  assert.equal((await ended)[0], "io server disconnect");
  assert.deepEqual(unexpected, []);
  assert.deepEqual(await included.emitWithAck("user:get-status", "eve"), { userId: "eve", status: "online" });
});
