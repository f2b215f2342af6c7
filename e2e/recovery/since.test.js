// A client without connection state recovery sends the position of its last event as `since`. It receives the missed events of each room that it joins.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { rest } from "../support/http.js";
import { POSITION } from "../support/positions.js";
import { openRawClient } from "../support/raw-client.js";
import { sharedServer } from "../support/server.js";
import { client, client2, connected } from "../support/socketio-clients.js";
import { API_KEY, user } from "../support/users.js";
import { lastEvents, waitFor } from "../support/wait-for.js";
import { waitUntil } from "../support/wait-until.js";
import { connectRecordingClient, createConversation, joinConversation, messageContents, waitForMessage } from "./clients.js";

const server = sharedServer({ ROOMCAST_API_KEY: API_KEY, ALLOW_EIO3: "true", JOURNAL_KEEP: "50" });

async function project(...members) {
  const anna = user(server, "anna");
  const { id } = await anna.request("POST", "/api/v1/projects", { name: "Site" });
  for (const member of members) await anna.request("POST", `/api/v1/projects/${id}/members`, { userId: member });
  const channel = await anna.request("POST", `/api/v1/projects/${id}/channels`, { name: "general" });
  const send = (content) => anna.request("POST", `/api/v1/channels/${channel.id}/messages`, { content });
  const task = (title) => anna.request("POST", `/api/v1/projects/${id}/tasks`, { title });
  return { anna, send, task, room: `channel:${channel.id}`, project: `project:${id}` };
}

const raw = (sub, since) => openRawClient(server, server.token({ sub, name: sub }), since);

// The messages that a raw client receives up to the one with this content.
async function messagesUntil(socket, content) {
  const received = await socket.readUntil(({ type, data }) => type === "message" && data.content === content);
  return received.filter(({ type }) => type === "message");
}

// Lets ben join a room, receive one message, and lose the connection. Resolves with the position of the message.
async function receiveAndDisconnect(room, send) {
  const ben = await raw("ben");
  await ben.join(room);
  await send("received");
  const [{ id }] = await messagesUntil(ben, "received");
  await ben.terminate();
  return id;
}

describe("a raw client", () => {
  test("receives the position of each persisted event, and the missed events of each room that it joins again", async () => {
    const { room, send } = await project("ben");
    const id = await receiveAndDisconnect(room, send);
    assert.match(id, POSITION);
    for (const content of ["one", "two"]) await send(content);
    const again = await raw("ben", id);
    await again.join(room);
    await send("three");
    const received = await messagesUntil(again, "three");
    assert.deepEqual(received.map(({ data }) => data.content), ["one", "two", "three"]);
    assert.equal(new Set(received.map((envelope) => envelope.id)).size, 3);
    again.close();
  });

  test("that joins two rooms of one event receives the event once", async () => {
    const { project: room, send, room: channel, task, anna } = await project("ben");
    const { id: taskId } = await task("paint");
    const id = await receiveAndDisconnect(channel, send);
    await anna.request("PUT", `/api/v1/tasks/${taskId}`, { title: "paint it" });
    const again = await raw("ben", id);
    const received = [];
    for (const joined of [room, `task:${taskId}`, channel]) received.push(...(await again.join(joined)));
    await send("live");
    received.push(...(await again.readUntil(({ data }) => data.content === "live")));
    assert.equal(received.filter(({ type }) => type === "task.updated").length, 1, JSON.stringify(received));
    again.close();
  });

  // Sends a message and resolves with the contents of all messages that a raw client receives up to it.
  const sendAndCollect = async (socket, send, content) => {
    await send(content);
    return (await messagesUntil(socket, content)).map(({ data }) => data.content);
  };

  test("that leaves a room and joins it again receives the missed events once", async () => {
    const { room, send } = await project("ben");
    const id = await receiveAndDisconnect(room, send);
    for (const content of ["one", "two"]) await send(content);
    const again = await raw("ben", id);
    await again.join(room);
    assert.deepEqual(await sendAndCollect(again, send, "three"), ["one", "two", "three"]);
    await again.leave(room);
    await send("not received");
    await again.join(room);
    assert.deepEqual(await sendAndCollect(again, send, "four"), ["four"]);
    again.close();
  });

  test("that received an event in a room does not receive it again in another room", async () => {
    const { project: room, send, room: channel, task, anna } = await project("ben");
    const { id: taskId } = await task("paint");
    const id = await receiveAndDisconnect(channel, send);
    const change = (title) => anna.request("PUT", `/api/v1/tasks/${taskId}`, { title });
    await change("paint it");
    const again = await raw("ben", id);
    const received = [...(await again.join(room)), ...(await again.leave(room))];
    await change("paint it well");
    for (const joined of [`task:${taskId}`, channel]) received.push(...(await again.join(joined)));
    await send("live");
    for (let envelope = {}; envelope.data?.content !== "live"; received.push(envelope)) envelope = await again.nextJson();
    assert.equal(received.filter(({ type }) => type === "task.updated").length, 2, JSON.stringify(received));
    again.close();
  });

  test("that joined one of an event's two rooms as a member too late receives the event in the other room", async () => {
    const [early, late] = [await project("ben"), await project()];
    const emit = async (data, rooms) => {
      const response = await rest("POST", `${server.url}/api/v1/emit`, { token: API_KEY, body: { to: { rooms }, event: "news", data } });
      return response.json.position;
    };
    const since = await emit("before", [early.project]);
    await emit("in both", [early.project, late.project]);
    await late.anna.request("POST", `/api/v1/${late.project.replace(":", "s/")}/members`, { userId: "ben" });
    const ben = await raw("ben", since);
    const received = [...(await ben.join(late.project)), ...(await ben.join(early.project))];
    received.push(...(await ben.leave(early.project)));
    const both = received.filter((envelope) => JSON.stringify(envelope).includes("in both"));
    assert.equal(both.length, 1, JSON.stringify(received));
    ben.close();
  });

  for (const since of ["", "rubbish", "0000000000-1", "x-y"]) {
    test(`that sends the invalid position ${JSON.stringify(since)} receives a resync`, async () => {
      const ben = await raw("ben", since);
      const envelope = await ben.nextJson();
      assert.equal(envelope.type, "resync");
      ben.close();
    });
  }

  test("that has missed more events than the server keeps receives a resync when it joins", async () => {
    const { room, send } = await project("ben");
    const id = await receiveAndDisconnect(room, send);
    for (let i = 0; i < 60; i++) await send(`${i}`);
    const again = await raw("ben", id);
    // No event of the inbox is missing, only events of the room are.
    const received = await again.join(room);
    await send("live");
    received.push(...(await again.readUntil(({ data }) => data?.content === "live")));
    assert.deepEqual(received.map(({ type }) => type), ["resync", "message"]);
    again.close();
  });
});

describe("a Socket.IO client without connection state recovery", () => {
  const CLIENTS = {
    "socket.io-client 2.5": async (t, auth, namespace = "/messenger") => {
      const socket = client2(t, `${server.url}${namespace}?token=${auth.token}${auth.since === undefined ? "" : `&since=${encodeURIComponent(auth.since)}`}`);
      socket.received = [];
      const listen = socket.onevent;
      socket.onevent = (packet) => (socket.received.push(packet.data), listen.call(socket, packet));
      const open = new Promise((resolve, reject) => socket.once("connect", resolve).once("error", reject));
      await waitFor(open, () => "the client is neither connected nor rejected");
      return socket;
    },
    "socket.io-client 4": async (t, auth, namespace = "/messenger") => {
      const socket = client(t, `${server.url}${namespace}`, { auth });
      socket.received = [];
      socket.onAny((...event) => socket.received.push(event));
      return connected(socket);
    },
  };
  const until = async (socket, content) => {
    const hasMessage = (received) => received.some(([name, message]) => name === "message:new" && message.content === content);
    await waitUntil(() => (hasMessage(socket.received) ? null : `${content} has not arrived; ${lastEvents(socket.received)}`));
    return socket.received.filter(([name]) => name === "message:new");
  };
  const request = (socket, event, data) => {
    const ack = new Promise((resolve) => socket.emit(event, data, resolve));
    return waitFor(ack, () => `${event} is not acknowledged; ${lastEvents(socket.received)}`);
  };

  for (const [name, open] of Object.entries(CLIENTS)) {
    test(`receives the missed messages after it sends \`since\`: ${name}`, async (t) => {
      const { id, send } = await createConversation(server, "ben");
      const token = server.token({ sub: "ben", name: "ben" });
      const first = await connectRecordingClient(t, server, "ben", "/messenger");
      await joinConversation(first, id);
      await send("received");
      await waitForMessage(first, "received");
      const since = first.received.at(-1).at(-1);
      assert.match(since, POSITION);
      for (const content of ["one", "two"]) await send(content);
      const ben = await open(t, { token, since });
      await request(ben, "join:conversation", { conversationId: id });
      await send("three");
      const received = await until(ben, "three");
      assert.deepEqual(received.map(([, message]) => message.content), ["one", "two", "three"]);
      for (const [, , position] of received) assert.match(position, POSITION);
      await waitForMessage(first, "three");
      assert.deepEqual(messageContents(first), ["received", "one", "two", "three"]);
    });

    test(`that changes between rooms receives the missed events of each room once: ${name}`, async (t) => {
      const anna = user(server, "anna");
      const rooms = [];
      for (const room of ["one", "two"]) {
        const { id } = await anna.request("POST", "/shared/chat/rooms", { name: room });
        await anna.request("POST", `/shared/chat/rooms/${id}/members`, { userId: "ben" });
        rooms.push({ id, send: (content) => anna.request("POST", `/shared/chat/rooms/${id}/messages`, { content }) });
      }
      const { position: since } = await user(server, "ben").request("GET", "/api/v1/sync");
      for (const [index, { send }] of rooms.entries()) await send(`missed in ${index}`);
      const ben = await open(t, { token: server.token({ sub: "ben", name: "ben" }), since }, "/chat");
      const enter = ({ id }) => request(ben, "join_room", { roomId: id });
      const messages = () => ben.received.filter(([event]) => event === "message:new").map(([, message]) => message.content);
      const [one, two] = rooms;
      await enter(one);
      await one.send("live");
      await enter(two);
      await enter(one);
      await enter(two);
      // The last message arrives after all replayed ones.
      await two.send("the last");
      await until(ben, "the last");
      assert.deepEqual(messages(), ["missed in 0", "live", "missed in 1", "the last"]);
    });

    test(`receives the missed events of all its households in their order: ${name}`, async (t) => {
      const anna = user(server, "anna");
      const homes = [];
      for (const name of ["one", "two"]) {
        const { id, inviteCode } = await anna.request("POST", "/households", { name });
        await user(server, "ben").request("POST", `/households/${id}/join`, { inviteCode });
        homes.push(id);
      }
      const { position: since } = await user(server, "ben").request("GET", "/api/v1/sync");
      const task = (home, title) => anna.request("POST", `/households/${home}/tasks`, { title });
      const titles = ["a", "b", "c", "d"];
      for (const [index, title] of titles.entries()) await task(homes[index % 2], title);
      const ben = await open(t, { token: server.token({ sub: "ben", name: "ben" }), since }, "/household");
      await task(homes[0], "live");
      const received = () => ben.received.filter(([event]) => event === "task:created").map(([, { task }]) => task.title);
      await waitUntil(() => (received().includes("live") ? null : `the task has not arrived; ${lastEvents(ben.received)}`));
      assert.deepEqual(received(), [...titles, "live"]);
    });

    test(`receives a resync for a position of another epoch: ${name}`, async (t) => {
      const ben = await open(t, { token: server.token({ sub: "ben" }), since: "0123456789-1" });
      const resync = () => ben.received.some(([event]) => event === "resync");
      await waitUntil(() => (resync() ? null : `no resync has arrived; ${lastEvents(ben.received)}`));
    });
  }
});
