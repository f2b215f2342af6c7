// Whoever is excepted from what a back end says is not told it later either, by whatever way it is asked for.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { rest } from "../support/http.js";
import { client, connected } from "../support/clients.js";
import { API_KEY, person } from "../support/people.js";
import { roomcast } from "../support/roomcast.js";
import { conversation, hears, join, listener, lose, stayAway } from "./stock.js";

const server = roomcast({ ROOMCAST_API_KEY: API_KEY });

async function emit(to, data, except) {
  const answer = await rest("POST", `${server.url}/api/v1/emit`, { token: API_KEY, body: { to, event: "news", data, ...(except && { except }) } });
  assert.equal(answer.status, 200, answer.text);
  return answer.json.position;
}

const sync = (query) => person(server, "ben").ask("GET", `/api/v1/sync?${new URLSearchParams(query)}`);

// Two conversations of Ben's, in the first of which something is said that is not for everybody, while `away` runs.
async function said() {
  const [here, there] = [await conversation(server, "ben"), await conversation(server, "ben")];
  const [room, other] = [here, there].map(({ id }) => `conversation:${id}`);
  const since = await emit({ rooms: [room] }, "before");
  const say = async () => {
    await emit({ rooms: [room] }, "not for ben", { users: ["ben"] });
    await emit({ rooms: [room] }, "not for the others", { rooms: [other] });
    await emit({ everyone: true }, "for everybody but ben", { users: ["ben"] });
    await emit({ users: ["ben"] }, "not for the others, to him", { rooms: [other] });
    await emit({ rooms: [room] }, "for all", { users: ["anna"] });
  };
  return { here, there, room, since, say };
}

const news = (socket) => socket.heard.filter(([name]) => name === "news").map(([, data]) => data);

describe("what somebody is excepted from is not told", () => {
  test("to a connection that is recovered", async (t) => {
    const { here, there, say } = await said();
    const ben = await listener(t, server, "ben");
    for (const { id } of [here, there]) await join(ben, id);
    const comeBack = stayAway(ben);
    await lose(ben);
    await say();
    await here.say("the last");
    assert.equal(await comeBack(), true);
    await hears(ben, "the last");
    assert.deepEqual(news(ben), ["for all"]);
  });

  test("to a client that says since when it was here", async (t) => {
    const { here, since, say } = await said();
    await say();
    const ben = client(t, server.url, { auth: { token: server.token({ sub: "ben", name: "ben" }), since } });
    ben.heard = [];
    ben.onAny((name, ...args) => ben.heard.push([name, ...args]));
    await connected(ben);
    // In which rooms it was nobody knows: of the other one he is a member.
    await join(ben, here.id);
    await here.say("the last");
    await hears(ben, "the last");
    assert.deepEqual(news(ben), ["for all"]);
  });

  for (const asks of ["all rooms", "one room"]) {
    test(`by HTTP, where ${asks} are asked about`, async () => {
      const { room, since, say } = await said();
      await say();
      const { events } = await sync({ since, ...(asks === "one room" && { rooms: room }) });
      assert.deepEqual(events.filter(({ event }) => event === "news").map(({ args }) => args[0]), ["for all"]);
    });
  }
});
