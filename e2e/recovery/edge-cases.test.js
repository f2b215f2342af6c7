// What might go wrong when clients come back: at the same time as something else, or by a way that is seldom taken.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { arrives, lately } from "../support/wait-for.js";
import { connected, heard } from "../support/socketio-clients.js";
import { holds } from "../support/wait-until.js";
import { person } from "../support/users.js";
import { roomcast, startRoomcast } from "../support/server.js";
import { another, contents, conversation, hears, join, listener, lose, stayAway } from "./clients.js";

const server = roomcast();

const numbered = (from, to) => Array.from({ length: to - from }, (_, i) => `message ${from + i}`);

test("a client that a server lets go while it goes down is told what was said until its end, when it starts again", async (t) => {
  // So long that what everybody who is left has heard is written down meanwhile.
  const server = await startRoomcast({ DRAIN_SECONDS: "13s", PING_INTERVAL: "1s" });
  t.after(() => server.stop());
  const { id, say } = await conversation(server, "ben");
  const bens = await Promise.all(Array.from({ length: 6 }, () => listener(t, server, "ben")));
  for (const ben of bens) {
    await join(ben, id);
    ben.io.reconnection(false);
  }
  const lost = bens.map((ben) => heard(ben, "disconnect").then(() => ben));
  server.child.kill("SIGTERM");
  const first = await Promise.race(lost);
  const said = numbered(0, 60);
  for (const content of said) await say(content);
  await server.exited;
  await server.killAndRestart();
  await connected(first.connect());
  await say("after the start");
  await hears(first, "after the start");
  assert.equal(first.recovered, true);
  assert.deepEqual(contents(first), [...said, "after the start"]);
});

test("a client that says since when it was here, and is cut while it is told, hears all of it when it comes back, or is told that it does not", async (t) => {
  const { id, say } = await conversation(server, "ben");
  const first = await listener(t, server, "ben");
  await join(first, id);
  await say("heard");
  await hears(first, "heard");
  const since = first._lastOffset;
  const missed = numbered(0, 20);
  for (const content of missed) await say(content);
  const ben = another(t, first, { auth: { ...first.auth, since } });
  Object.assign(ben, { _pid: undefined, _lastOffset: undefined, heard: [] });
  await connected(ben.connect());
  // It is told all that it has missed as it joins the room, and is cut when it has heard the third.
  ben.emit("join:conversation", { conversationId: id });
  const third = new Promise((resolve) => ben.onAny(() => contents(ben).length === 3 && resolve()));
  await arrives(third, () => `the third message has not arrived; ${lately(ben.heard)}`);
  const pid = ben._pid;
  await lose(ben);
  // What came with the third in one go counts as not heard.
  const heard = contents(ben).slice(0, 3);
  const offset = ben.heard.filter(([name]) => name === "message:new")[2].at(-1);
  const back = another(t, first, { auth: { ...first.auth, since: offset } });
  Object.assign(back, { _pid: pid, _lastOffset: offset, heard: [] });
  await connected(back.connect());
  if (!back.recovered) await join(back, id);
  await say("the last");
  await hears(back, "the last");
  assert.deepEqual([...heard, ...contents(back)], [...missed, "the last"]);
});

describe("two connections that come back as the same at once", () => {
  for (const times of [2, 8]) {
    test(`${times} of them: one of them goes on, and hears everything once`, async (t) => {
      const { id, say } = await conversation(server, "ben");
      const first = await listener(t, server, "ben", "", { reconnection: false });
      await join(first, id);
      await say("heard");
      await hears(first, "heard");
      await lose(first);
      for (const content of numbered(0, 3)) await say(content);
      const all = Array.from({ length: times }, () => another(t, first, { transports: ["websocket"] }));
      const ended = all.map((socket) => new Promise((resolve) => socket.io.once("close", () => resolve(socket))));
      // One may be taken over before it is told that it is connected.
      await Promise.allSettled(all.map((socket) => connected(socket.connect())));
      // All but one are ended, in whatever order.
      await arrives(Promise.all(Array.from({ length: times - 1 }, (_, i) => nth(ended, i + 1))), () => `fewer than ${times - 1} of ${times} connections have ended`);
      const { data } = await person(server, "ben").ask("GET", "/api/v1/socket/my-connections");
      assert.equal(data.count, 1);
      const [left] = all.filter((socket) => socket.connected);
      assert.equal(left.recovered, true);
      await say("the last");
      await hears(left, "the last");
      assert.deepEqual(contents(left), ["heard", ...numbered(0, 3), "the last"]);
      // And it may be lost once more.
      left.io.opts.reconnectionDelay = 20;
      const comeBack = stayAway(left);
      await lose(left);
      await say("missed");
      assert.equal(await comeBack(), true);
      await hears(left, "missed");
      assert.deepEqual(contents(left).slice(-2), ["the last", "missed"]);
    });
  }
});

test("connections that were full come back onto one: what goes beyond is no recovery", async (t) => {
  const server = await startRoomcast({ MAX_ROOMS_PER_CONNECTION: "2" });
  t.after(() => server.stop());
  const talks = [await conversation(server, "ben"), await conversation(server, "ben"), await conversation(server, "ben")];
  const enter = async (socket, ...of) => {
    for (const { id } of of) assert.equal((await join(socket, id)).ok, true);
  };
  const [main, messenger] = [await listener(t, server, "ben"), await listener(t, server, "ben", "/messenger")];
  await enter(main, talks[0]);
  await enter(messenger, talks[1], talks[2]);
  for (const socket of [main, messenger]) {
    socket.io.reconnection(false);
    await lose(socket);
  }
  const first = another(t, main);
  const second = first.io.socket("/messenger", { auth: messenger.auth });
  t.after(() => second.disconnect());
  Object.assign(second, { _pid: messenger._pid, _lastOffset: messenger._lastOffset });
  await connected(first.connect());
  assert.equal(first.recovered, true);
  await connected(second.connect());
  assert.equal(second.recovered, false, "it is told to join anew, and so hears what it may not");
  await enter(second, talks[1]);
  assert.equal((await join(second, talks[2].id)).ok, false);
});

test("a household that a connection has left is not heard by it when it is recovered, unless it was joined again", async (t) => {
  const anna = person(server, "anna");
  const { id } = await anna.ask("POST", "/households", { name: "Home" });
  const task = (title) => anna.ask("POST", `/households/${id}/tasks`, { title });
  const socket = await listener(t, server, "anna", "/household");
  const titles = () => socket.heard.filter(([name]) => name === "task:created").map(([, { task }]) => task.title);
  const does = async (word) => assert.equal((await socket.emitWithAck(word, { householdId: id })).ok, true, word);
  const away = async (title) => {
    const comeBack = stayAway(socket);
    await lose(socket);
    await task(title);
    assert.equal(await comeBack(), true);
  };
  await away("missed");
  await does("leave:household");
  await away("not heard");
  await task("not heard either");
  await does("join:household");
  await away("missed again");
  await task("live");
  await holds(() => (titles().at(-1) === "live" ? null : `the last task has not arrived; ${lately(socket.heard)}`));
  assert.deepEqual(titles(), ["missed", "missed again", "live"]);
});

// Resolves when so many of some promises have.
function nth(promises, count) {
  return new Promise((resolve) => {
    let done = 0;
    for (const promise of promises) promise.then(() => ++done === count && resolve());
  });
}
