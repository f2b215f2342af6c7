// What stock clients miss while they are away they are told when they come back: once, in order, before what happens next.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { lately } from "../support/wait-for.js";
import { TRAVELS, connected, heard, onWebSocket } from "../support/socketio-clients.js";
import { holds } from "../support/wait-until.js";
import { API_KEY, person, socketsAre } from "../support/users.js";
import { roomcast } from "../support/server.js";
import { CUTS, another, comesBack, contents, conversation, hears, join, listener, lose, stayAway } from "./clients.js";

const server = roomcast({ ROOMCAST_API_KEY: API_KEY });
const numbered = (from, to) => Array.from({ length: to - from }, (_, i) => `message ${from + i}`);

for (const [travel, transports] of Object.entries(TRAVELS)) {
  for (const namespace of ["", "/messenger"]) {
    for (const [how, cut] of Object.entries(CUTS)) {
      test(`a connection by ${travel} to ${namespace || "/"} that ${how} is recovered with all that was missed`, async (t) => {
        const { id, say } = await conversation(server, "ben");
        const ben = await listener(t, server, "ben", namespace, { transports });
        if (travel === "upgrade") await onWebSocket(ben);
        await join(ben, id);
        await say("message 0");
        await hears(ben, "message 0");
        const before = { id: ben.id, pid: ben._pid };
        const comeBack = stayAway(ben);
        await lose(ben, cut);
        for (const content of numbered(1, 20)) await say(content);
        assert.equal(await comeBack(), true);
        assert.deepEqual({ id: ben.id, pid: ben._pid }, before);
        await say("message 20");
        await hears(ben, "message 20");
        assert.deepEqual(contents(ben), numbered(0, 21));
      });
    }
  }
}

test("what is said while the room stays busy comes once and in order, however often the connection is lost", async (t) => {
  const { id, say } = await conversation(server, "ben");
  const ben = await listener(t, server, "ben");
  await join(ben, id);
  const all = numbered(0, 400);
  let said = 0;
  const talk = (async () => {
    for (; said < all.length; said++) await say(all[said]);
  })();
  for (let times = 0; times < 10; times++) {
    const connected = heard(ben, "connect");
    await hears(ben, all[times * 30]);
    await lose(ben);
    await connected;
    assert.equal(ben.recovered, true, `the ${times + 1}th time`);
  }
  await talk;
  await hears(ben, all.at(-1));
  assert.deepEqual(contents(ben), all);
});

test("a client that has heard nothing yet is recovered, too", async (t) => {
  const { id, say } = await conversation(server, "ben");
  const ben = await listener(t, server, "ben", "/messenger");
  await join(ben, id);
  assert.equal(ben._lastOffset, undefined);
  const comeBack = stayAway(ben);
  await lose(ben);
  await say("the first");
  assert.equal(await comeBack(), true);
  await hears(ben, "the first");
  assert.deepEqual(contents(ben), ["the first"]);
});

test("a text at the end of an event is not taken for the position", async (t) => {
  const { id, say } = await conversation(server, "ben");
  const ben = await listener(t, server, "ben");
  await join(ben, id);
  const emit = (event, data, volatile) => fetch(`${server.url}/api/v1/emit`, {
    method: "POST",
    headers: { authorization: `Bearer ${API_KEY}`, "content-type": "application/json" },
    body: JSON.stringify({ to: { users: ["ben"] }, event, data, volatile }),
  });
  // An error of studio's is a bare text; a back end may say one, stored or not; and an event may have no arguments at all.
  const error = heard(ben, "error");
  ben.emit("message:send", { roomId: "nowhere", content: "x" });
  assert.equal(typeof (await error)[0], "string");
  for (const [event, data, volatile] of [["said", "a text", false], ["muttered", "a text", true], ["rung", undefined, true]]) {
    const told = heard(ben, event);
    assert.equal((await emit(event, data, volatile)).status, 200);
    await told;
    assert.match(ben._lastOffset, /^[0-9a-f]+-\d+$/, event);
  }
  const comeBack = stayAway(ben);
  await lose(ben);
  await say("missed");
  assert.equal(await comeBack(), true);
  await hears(ben, "missed");
});

test("both namespaces of a connection come back as what they were", async (t) => {
  const { id, say } = await conversation(server, "ben");
  const main = await listener(t, server, "ben");
  const own = main.io.socket("/messenger", { auth: main.auth });
  own.heard = [];
  own.onAny((name, ...args) => own.heard.push([name, ...args]));
  await connected(own);
  await join(main, id);
  await join(own, id);
  await say("heard");
  await Promise.all([main, own].map((socket) => hears(socket, "heard")));
  const ids = [main.id, own.id];
  const both = Promise.all([main, own].map((socket) => heard(socket, "connect")));
  await lose(main);
  await say("missed");
  await both;
  await Promise.all([main, own].map((socket) => hears(socket, "missed")));
  for (const socket of [main, own]) {
    assert.equal(socket.recovered, true);
    assert.deepEqual(contents(socket), ["heard", "missed"]);
  }
  assert.deepEqual([main.id, own.id], ids);
  own.disconnect();
});

describe("a room", () => {
  test("is told from where it was joined on, and not at all after it was left", async (t) => {
    const [one, other] = [await conversation(server, "ben"), await conversation(server, "ben")];
    const ben = await listener(t, server, "ben");
    await join(ben, one.id);
    await one.say("before");
    await hears(ben, "before");
    await other.say("not for this connection");
    await join(ben, other.id);
    await ben.emitWithAck("leave:conversation", { conversationId: one.id });
    const comeBack = stayAway(ben);
    await lose(ben);
    await one.say("left");
    await other.say("missed");
    assert.equal(await comeBack(), true);
    await hears(ben, "missed");
    assert.deepEqual(contents(ben), ["before", "missed"]);
  });

  test("from which somebody was removed meanwhile is silent, also when they are brought back", async (t) => {
    const { anna, id, say, path } = await conversation(server, "ben");
    const ben = await listener(t, server, "ben");
    await join(ben, id);
    await say("heard");
    await hears(ben, "heard");
    const comeBack = stayAway(ben);
    await lose(ben);
    await say("said before the removal");
    await anna.ask("DELETE", `${path}/participants/ben`);
    await say("said without ben");
    await anna.ask("POST", `${path}/participants`, { userId: "ben" });
    await say("said with ben again");
    assert.equal(await comeBack(), true);
    await join(ben, id);
    await say("joined again");
    await hears(ben, "joined again");
    assert.deepEqual(contents(ben), ["heard", "joined again"]);
  });
});

describe("a household, which nobody has to join,", () => {
  test("is told from where one became a member of it on", async (t) => {
    const anna = person(server, "anna");
    const { id, inviteCode } = await anna.ask("POST", "/households", { name: "Home" });
    const carl = await listener(t, server, "carl");
    const titles = () => carl.heard.filter(([name]) => name === "task:created").map(([, data]) => (data.task ?? data).title);
    const task = (title) => anna.ask("POST", `/households/${id}/tasks`, { title });
    const comeBack = stayAway(carl);
    await lose(carl);
    await task("before");
    await person(server, "carl").ask("POST", `/households/${id}/join`, { inviteCode });
    await task("after");
    assert.equal(await comeBack(), true);
    await task("live");
    await holds(() => (titles().includes("live") ? null : `the task has not arrived; ${lately(carl.heard)}`));
    assert.deepEqual(titles(), ["after", "live"]);
  });
});

describe("a client that comes back", () => {
  // Ben is away while one message is said.
  const whoMisses = async (t) => {
    const { id, say } = await conversation(server, "ben");
    const ben = await listener(t, server, "ben");
    await join(ben, id);
    const comeBack = stayAway(ben);
    await lose(ben);
    await say("missed");
    return { ben, comeBack };
  };

  for (const [what, change] of Object.entries({
    "with a secret that is nobody's": (socket) => (socket._pid = "AAAAAAAAAAAAAAAAAAAA"),
    "with a secret that is none": (socket) => (socket._pid = "none"),
    "as somebody else": (socket) => (socket.auth = { token: server.token({ sub: "mallory" }) }),
  })) {
    test(`${what} is somebody new, and is told nothing of what was missed`, async (t) => {
      const { ben, comeBack } = await whoMisses(t);
      change(ben);
      assert.equal(await comeBack(), false);
      assert.deepEqual(contents(ben), []);
    });
  }

  for (const offset of ["", "rubbish", "0000000000-3", "-1", "99999999999999999999-1"]) {
    test(`with the position ${JSON.stringify(offset)} is told what it has not confirmed`, async (t) => {
      const { ben, comeBack } = await whoMisses(t);
      ben._lastOffset = offset;
      assert.equal(await comeBack(), true);
      await hears(ben, "missed");
      assert.deepEqual(contents(ben), ["missed"]);
    });
  }

  test("while its old connection still seems to live takes it over, every time", async (t) => {
    const { id, say } = await conversation(server, "ben");
    let ben = await listener(t, server, "ben", "", { reconnection: false });
    await join(ben, id);
    const all = numbered(0, 5);
    for (const content of all) {
      await say(content);
      await hears(ben, content);
      const old = ben;
      const taken = heard(old, "disconnect");
      // The same client on another connection, while the first is open and silent.
      ben = another(t, old);
      await connected(ben.connect());
      assert.equal(ben.recovered, true);
      assert.equal((await taken)[0], "transport close");
    }
    assert.deepEqual(contents(ben), all);
    // Those of earlier tests may still be on their way out.
    await socketsAre(server, "ben", 1);
  });

  test("after it has left for good is somebody new", async (t) => {
    const ben = await listener(t, server, "ben");
    const { _pid: pid } = ben;
    ben.disconnect();
    const back = heard(ben, "connect");
    ben._pid = pid;
    ben.connect();
    await back;
    assert.equal(ben.recovered, false);
    assert.notEqual(ben._pid, pid);
  });
});

describe("when the server is killed and starts again", () => {
  for (const [travel, transports] of Object.entries(TRAVELS)) {
    test(`a connection by ${travel} is recovered with all that it was not told`, async (t) => {
      const { id, say } = await conversation(server, "ben", "carl");
      const [ben, carl] = await Promise.all(["ben", "carl"].map((sub) => listener(t, server, sub, "", { transports })));
      await join(ben, id);
      await say("heard");
      await hears(ben, "heard");
      await join(carl, id);
      const back = [ben, carl].map(comesBack);
      const away = stayAway(carl);
      await lose(carl);
      await say("before the end");
      await hears(ben, "before the end");
      await server.killAndRestart();
      await say("after the start");
      assert.equal(await back[0], true);
      assert.equal(await away(), true);
      await Promise.all([ben, carl].map((socket) => hears(socket, "after the start")));
      assert.deepEqual(contents(ben), ["heard", "before the end", "after the start"]);
      assert.deepEqual(contents(carl), ["before the end", "after the start"]);
    });
  }
});
