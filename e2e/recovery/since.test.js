// Clients that cannot recover by themselves say since when they were here, and are told in each room that they come into what they have missed.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { arrives, lately } from "../support/wait-for.js";
import { client, client2, connected } from "../support/socketio-clients.js";
import { rest } from "../support/http.js";
import { holds } from "../support/wait-until.js";
import { API_KEY, person } from "../support/users.js";
import { POSITION } from "../support/positions.js";
import { openRaw } from "../support/raw-client.js";
import { roomcast } from "../support/server.js";
import { conversation, contents, hears, join, listener } from "./clients.js";

const server = roomcast({ ROOMCAST_API_KEY: API_KEY, ALLOW_EIO3: "true", JOURNAL_KEEP: "50" });

async function project(...members) {
  const anna = person(server, "anna");
  const { id } = await anna.ask("POST", "/api/v1/projects", { name: "Site" });
  for (const member of members) await anna.ask("POST", `/api/v1/projects/${id}/members`, { userId: member });
  const channel = await anna.ask("POST", `/api/v1/projects/${id}/channels`, { name: "general" });
  const say = (content) => anna.ask("POST", `/api/v1/channels/${channel.id}/messages`, { content });
  const task = (title) => anna.ask("POST", `/api/v1/projects/${id}/tasks`, { title });
  return { anna, say, task, room: `channel:${channel.id}`, project: `project:${id}` };
}

const raw = (sub, since) => openRaw(server, server.token({ sub, name: sub }), since);

// The next messages of a raw client, up to one.
async function upTo(socket, content) {
  const heard = await socket.upTo(({ type, data }) => type === "message" && data.content === content);
  return heard.filter(({ type }) => type === "message");
}

// Ben was in a room, and is gone; the position of what he has heard there.
async function wasIn(room, say) {
  const ben = await raw("ben");
  await ben.joins(room);
  await say("heard");
  const [{ id }] = await upTo(ben, "heard");
  await ben.cut();
  return id;
}

describe("a raw client", () => {
  test("is told the position of each fact, and what it has missed in each room that it joins again", async () => {
    const { room, say } = await project("ben");
    const id = await wasIn(room, say);
    assert.match(id, POSITION);
    for (const content of ["one", "two"]) await say(content);
    const again = await raw("ben", id);
    await again.joins(room);
    await say("three");
    const heard = await upTo(again, "three");
    assert.deepEqual(heard.map(({ data }) => data.content), ["one", "two", "three"]);
    assert.equal(new Set(heard.map((envelope) => envelope.id)).size, 3);
    again.close();
  });

  test("that is in two rooms of a fact hears it once", async () => {
    const { project: room, say, room: channel, task, anna } = await project("ben");
    const { id: taskId } = await task("paint");
    const id = await wasIn(channel, say);
    await anna.ask("PUT", `/api/v1/tasks/${taskId}`, { title: "paint it" });
    const again = await raw("ben", id);
    const heard = [];
    for (const joined of [room, `task:${taskId}`, channel]) heard.push(...(await again.joins(joined)));
    await say("live");
    heard.push(...(await again.upTo(({ data }) => data.content === "live")));
    assert.equal(heard.filter(({ type }) => type === "task.updated").length, 1, JSON.stringify(heard));
    again.close();
  });

  // What a raw client hears in `room` until `content` is said, as contents.
  const untilLive = async (socket, say, content) => {
    await say(content);
    return (await upTo(socket, content)).map(({ data }) => data.content);
  };

  test("that leaves a room and joins it again is told once what it has missed", async () => {
    const { room, say } = await project("ben");
    const id = await wasIn(room, say);
    for (const content of ["one", "two"]) await say(content);
    const again = await raw("ben", id);
    await again.joins(room);
    assert.deepEqual(await untilLive(again, say, "three"), ["one", "two", "three"]);
    await again.leaves(room);
    await say("not heard");
    await again.joins(room);
    assert.deepEqual(await untilLive(again, say, "four"), ["four"]);
    again.close();
  });

  test("that heard a fact in a room that it has left is not told it in another", async () => {
    const { project: room, say, room: channel, task, anna } = await project("ben");
    const { id: taskId } = await task("paint");
    const id = await wasIn(channel, say);
    const change = (title) => anna.ask("PUT", `/api/v1/tasks/${taskId}`, { title });
    await change("paint it");
    const again = await raw("ben", id);
    const heard = [...(await again.joins(room)), ...(await again.leaves(room))];
    await change("paint it well");
    for (const joined of [`task:${taskId}`, channel]) heard.push(...(await again.joins(joined)));
    await say("live");
    for (let envelope = {}; envelope.data?.content !== "live"; heard.push(envelope)) envelope = await again.nextJson();
    assert.equal(heard.filter(({ type }) => type === "task.updated").length, 2, JSON.stringify(heard));
    again.close();
  });

  test("that became a member of one room too late for what was said in two hears it in the other", async () => {
    const [early, late] = [await project("ben"), await project()];
    const emit = async (data, rooms) => {
      const answer = await rest("POST", `${server.url}/api/v1/emit`, { token: API_KEY, body: { to: { rooms }, event: "news", data } });
      return answer.json.position;
    };
    const since = await emit("before", [early.project]);
    await emit("in both", [early.project, late.project]);
    await late.anna.ask("POST", `/api/v1/${late.project.replace(":", "s/")}/members`, { userId: "ben" });
    const ben = await raw("ben", since);
    const heard = [...(await ben.joins(late.project)), ...(await ben.joins(early.project))];
    heard.push(...(await ben.leaves(early.project)));
    const told = heard.filter((envelope) => JSON.stringify(envelope).includes("in both"));
    assert.equal(told.length, 1, JSON.stringify(heard));
    ben.close();
  });

  for (const since of ["", "rubbish", "0000000000-1", "x-y"]) {
    test(`that was here since ${JSON.stringify(since)} is told to ask for everything anew`, async () => {
      const ben = await raw("ben", since);
      const told = await ben.nextJson();
      assert.equal(told.type, "resync");
      ben.close();
    });
  }

  test("that has missed more than is kept is told so when it joins", async () => {
    const { room, say } = await project("ben");
    const id = await wasIn(room, say);
    for (let i = 0; i < 60; i++) await say(`${i}`);
    const again = await raw("ben", id);
    // Its inbox has lost nothing, only the room has.
    const heard = await again.joins(room);
    await say("live");
    heard.push(...(await again.upTo(({ data }) => data?.content === "live")));
    assert.deepEqual(heard.map(({ type }) => type), ["resync", "message"]);
    again.close();
  });
});

describe("a client of Socket.IO that cannot recover", () => {
  const CLIENTS = {
    "socket.io-client 2.5": async (t, auth, namespace = "/messenger") => {
      const socket = client2(t, `${server.url}${namespace}?token=${auth.token}${auth.since === undefined ? "" : `&since=${encodeURIComponent(auth.since)}`}`);
      socket.heard = [];
      const listen = socket.onevent;
      socket.onevent = (packet) => (socket.heard.push(packet.data), listen.call(socket, packet));
      const open = new Promise((resolve, reject) => socket.once("connect", resolve).once("error", reject));
      await arrives(open, () => "the client has neither connected nor been refused");
      return socket;
    },
    "socket.io-client 4": async (t, auth, namespace = "/messenger") => {
      const socket = client(t, `${server.url}${namespace}`, { auth });
      socket.heard = [];
      socket.onAny((...event) => socket.heard.push(event));
      return connected(socket);
    },
  };
  const until = async (socket, content) => {
    const says = (heard) => heard.some(([name, message]) => name === "message:new" && message.content === content);
    await holds(() => (says(socket.heard) ? null : `${content} has not arrived; ${lately(socket.heard)}`));
    return socket.heard.filter(([name]) => name === "message:new");
  };
  const asked = (socket, event, data) => {
    const answer = new Promise((resolve) => socket.emit(event, data, resolve));
    return arrives(answer, () => `${event} is not acknowledged; ${lately(socket.heard)}`);
  };

  for (const [name, open] of Object.entries(CLIENTS)) {
    test(`says since when it was here: ${name}`, async (t) => {
      const { id, say } = await conversation(server, "ben");
      const token = server.token({ sub: "ben", name: "ben" });
      const first = await listener(t, server, "ben", "/messenger");
      await join(first, id);
      await say("heard");
      await hears(first, "heard");
      const since = first.heard.at(-1).at(-1);
      assert.match(since, POSITION);
      for (const content of ["one", "two"]) await say(content);
      const ben = await open(t, { token, since });
      await asked(ben, "join:conversation", { conversationId: id });
      await say("three");
      const heard = await until(ben, "three");
      assert.deepEqual(heard.map(([, message]) => message.content), ["one", "two", "three"]);
      for (const [, , position] of heard) assert.match(position, POSITION);
      await hears(first, "three");
      assert.deepEqual(contents(first), ["heard", "one", "two", "three"]);
    });

    test(`that goes from room to room is told in each once what it has missed: ${name}`, async (t) => {
      const anna = person(server, "anna");
      const rooms = [];
      for (const room of ["one", "two"]) {
        const { id } = await anna.ask("POST", "/shared/chat/rooms", { name: room });
        await anna.ask("POST", `/shared/chat/rooms/${id}/members`, { userId: "ben" });
        rooms.push({ id, say: (content) => anna.ask("POST", `/shared/chat/rooms/${id}/messages`, { content }) });
      }
      const { position: since } = await person(server, "ben").ask("GET", "/api/v1/sync");
      for (const [index, { say }] of rooms.entries()) await say(`missed in ${index}`);
      const ben = await open(t, { token: server.token({ sub: "ben", name: "ben" }), since }, "/chat");
      const enter = ({ id }) => asked(ben, "join_room", { roomId: id });
      const messages = () => ben.heard.filter(([event]) => event === "message:new").map(([, message]) => message.content);
      const [one, two] = rooms;
      await enter(one);
      await one.say("live");
      await enter(two);
      await enter(one);
      await enter(two);
      // The last word comes behind all that was told.
      await two.say("the last");
      await until(ben, "the last");
      assert.deepEqual(messages(), ["missed in 0", "live", "missed in 1", "the last"]);
    });

    test(`receives the missed events of all its households in their order: ${name}`, async (t) => {
      const anna = person(server, "anna");
      const homes = [];
      for (const name of ["one", "two"]) {
        const { id, inviteCode } = await anna.ask("POST", "/households", { name });
        await person(server, "ben").ask("POST", `/households/${id}/join`, { inviteCode });
        homes.push(id);
      }
      const { position: since } = await person(server, "ben").ask("GET", "/api/v1/sync");
      const task = (home, title) => anna.ask("POST", `/households/${home}/tasks`, { title });
      const titles = ["a", "b", "c", "d"];
      for (const [index, title] of titles.entries()) await task(homes[index % 2], title);
      const ben = await open(t, { token: server.token({ sub: "ben", name: "ben" }), since }, "/household");
      await task(homes[0], "live");
      const heard = () => ben.heard.filter(([event]) => event === "task:created").map(([, { task }]) => task.title);
      await holds(() => (heard().includes("live") ? null : `the task has not arrived; ${lately(ben.heard)}`));
      assert.deepEqual(heard(), [...titles, "live"]);
    });

    test(`is told to ask for everything anew when that is not known: ${name}`, async (t) => {
      const ben = await open(t, { token: server.token({ sub: "ben" }), since: "0123456789-1" });
      const resync = () => ben.heard.some(([event]) => event === "resync");
      await holds(() => (resync() ? null : `there is no resync; ${lately(ben.heard)}`));
    });
  }
});
