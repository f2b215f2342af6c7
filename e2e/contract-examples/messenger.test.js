// The messenger contract's own client example, as its document has it, in React against the real server.

import assert from "node:assert/strict";
import { afterEach, before, beforeEach, describe, test } from "node:test";
import { rest } from "../support/http.js";
import { mount } from "../support/react-screen.js";
import { sharedServer } from "../support/server.js";
import { client, connected, nextEvent, waitForStatus, waitForUpgrade } from "../support/socketio-clients.js";
import { API_KEY } from "../support/users.js";
import { MessageScreen, NotificationCenter } from "./messenger-client.js";
import { alive, open, serve } from "./stock-client.js";

const server = sharedServer({ PRESENCE_AUDIENCE: "everyone", PRESENCE_GRACE: "100ms", ROOMCAST_API_KEY: API_KEY });

const token = (sub) => server.token({ sub, name: sub });

async function ask(sub, method, path, body) {
  const response = await rest(method, `${server.url}${path}`, { token: sub === "back end" ? API_KEY : token(sub), body });
  assert.ok(response.status < 300, response.text);
  return response.json;
}

describe("the document's message screen", () => {
  let conversationId;
  let anna;
  let ben;

  before(async () => {
    serve(server);
    ({ id: conversationId } = await ask("anna", "POST", "/api/conversations", { participantIds: ["ben"] }));
  });
  beforeEach(async () => {
    anna = await mount(MessageScreen, { conversationId, token: token("anna") });
    await anna.shows("Status: Connected", "Online: 1 users");
    ben = await mount(MessageScreen, { conversationId, token: token("ben") });
    await ben.shows("Status: Connected", "Online: 2 users");
  });
  // With the screens their sockets go, also those that strict mode closed while they opened.
  afterEach(async (t) => {
    const watcher = await connected(client(t, server.url, { auth: { token: token("watcher") } }));
    const gone = ["anna", "ben"].map((person) => waitForStatus(watcher, person, "offline"));
    anna.unmount();
    ben.unmount();
    await Promise.all(gone);
    watcher.disconnect();
    assert.deepEqual(alive(), []);
  });

  test("has one connection, and each listener once", () => {
    assert.equal(alive().length, 2);
    for (const socket of alive()) {
      for (const event of ["message:new", "typing:start", "typing:stop", "messages:read", "message:deleted"]) {
        assert.equal(socket.listeners(event).length, 1, event);
      }
    }
  });

  test("shows a message, once, then read, then no more", async () => {
    const { id } = await ask("anna", "POST", `/api/conversations/${conversationId}/messages`, { content: "Hello" });
    await Promise.all([anna, ben].map((screen) => screen.shows("anna: Hello")));
    assert.equal(ben.text.split("Hello").length, 2);
    await ask("ben", "POST", `/api/conversations/${conversationId}/read`, { messageIds: [id] });
    await anna.shows("anna: Hello (read)");
    await ask("anna", "DELETE", `/api/messages/${id}`);
    await Promise.all([anna, ben].map((screen) => screen.until((text) => !text.includes("Hello"))));
  });

  test("shows who types to the other, until a word or until six seconds have gone by without one", async () => {
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

  test("of another conversation hears nothing more of the first", async () => {
    const { id: other } = await ask("anna", "POST", "/api/conversations", { participantIds: ["ben", "cleo"] });
    await ben.set({ conversationId: other, token: token("ben") });
    // Whoever has left a conversation is not told of it; what comes to the other is later.
    const [, socket] = alive();
    await socket.emitWithAck("join:conversation", other);
    const { id } = await ask("anna", "POST", `/api/conversations/${conversationId}/messages`, { content: "Still there?" });
    await anna.shows("Still there?");
    await ask("anna", "POST", `/api/conversations/${other}/messages`, { content: "Here!" });
    await ben.shows("anna: Here!");
    assert.ok(!ben.text.includes("Still there?"));
    assert.equal(socket.listeners("message:new").length, 1);
    await ask("anna", "DELETE", `/api/messages/${id}`);
  });

  test("comes back by itself when its connection breaks", async () => {
    const [socket] = alive();
    await waitForUpgrade(socket);
    socket.io.engine.transport.ws.terminate();
    await anna.shows("Status: Disconnected");
    await anna.shows("Status: Connected");
    assert.deepEqual(await socket.emitWithAck("user:get-status", "anna"), { userId: "anna", status: "online" });
  });
});

describe("the document's notification center", () => {
  test("counts a notification on all of a person's devices, and it is read on all", async (t) => {
    serve(server);
    const screens = await Promise.all(["cleo", "cleo"].map((sub) => mount(NotificationCenter, { token: token(sub) })));
    const unmount = () => screens.forEach((screen) => screen.unmount());
    t.after(unmount);
    const [phone, laptop] = screens;
    await open(2);
    for (const title of ["One", "Two"]) await ask("back end", "POST", "/api/notifications", { userId: "cleo", type: "info", title, message: "" });
    await Promise.all(screens.map((screen) => screen.shows("Unread: 2", "Two. ", "One. ")));
    assert.ok(laptop.text.indexOf("Two. ") < laptop.text.indexOf("One. "));
    phone.press("Read One");
    await Promise.all(screens.map((screen) => screen.shows("Unread: 1", "One (read)", "Two. ")));
    alive()[0].emit("notifications:read-all");
    await Promise.all(screens.map((screen) => screen.shows("Unread: 0", "One (read)", "Two (read)")));
    unmount();
    assert.deepEqual(alive(), []);
  });
});

test("who comes and goes is told to everybody, and answered to who asks", async (t) => {
  const anna = await connected(client(t, server.url, { auth: { token: token("anna") } }));
  const changes = [];
  anna.on("user:status-changed", (change) => changes.push(change));
  const comes = waitForStatus(anna, "dora", "online");
  const dora = client(t, server.url, { auth: { token: token("dora") } });
  await comes;
  assert.deepEqual(await anna.emitWithAck("user:get-status", "dora"), { userId: "dora", status: "online" });
  assert.deepEqual(await anna.emitWithAck("users:get-status", ["anna", "nobody"]), [
    { userId: "anna", status: "online" },
    { userId: "nobody", status: "offline" },
  ]);
  const goes = waitForStatus(anna, "dora", "offline");
  dora.disconnect();
  await goes;
  assert.deepEqual(await anna.emitWithAck("user:get-status", "dora"), { userId: "dora", status: "offline" });
  assert.deepEqual(changes.filter(({ userId }) => userId === "dora").map(({ status }) => status), ["online", "offline"]);
});

test("a back end says something to all but one connection, and ends that one", async (t) => {
  const [here, there] = await Promise.all(["eve", "eve"].map((sub) => connected(client(t, server.url, { auth: { token: token(sub) } }))));
  const wrong = [];
  there.on("custom:event", () => wrong.push("there"));
  const arrived = nextEvent(here, "custom:event");
  await ask("back end", "POST", "/api/v1/emit", { to: { users: ["eve"] }, except: { connections: [there.id] }, event: "custom:event", data: { a: 1 } });
  assert.deepEqual(await arrived, [{ a: 1 }]);
  const ended = nextEvent(there, "disconnect");
  await ask("back end", "POST", "/api/v1/disconnect", { connections: [there.id] });
  assert.equal((await ended)[0], "io server disconnect");
  assert.deepEqual(wrong, []);
  assert.deepEqual(await here.emitWithAck("user:get-status", "eve"), { userId: "eve", status: "online" });
});
