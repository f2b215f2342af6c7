// A client that sends again what it has heard no answer to: the message is there once, however often it came.

import assert from "node:assert/strict";
import { connect, createServer } from "node:net";
import { describe, test } from "node:test";
import { client, connected, heard } from "../support/clients.js";
import { rest } from "../support/http.js";
import { person } from "../support/people.js";
import { roomcast } from "../support/roomcast.js";
import { openSocket } from "../support/socket.js";

const server = roomcast();

// A way to the server on which answers can be lost: what the server says is swallowed while it is `deaf`, and all connections can be dropped.
async function lossy(t) {
  const way = { deaf: false, sockets: new Set() };
  const entrance = createServer((near) => {
    const far = connect(server.port, "127.0.0.1");
    far.on("data", (bytes) => way.deaf || near.write(bytes));
    near.on("data", (bytes) => far.write(bytes));
    for (const [one, other] of [[near, far], [far, near]]) {
      way.sockets.add(one);
      one.on("close", () => (way.sockets.delete(one), other.destroy())).on("error", () => {});
    }
  });
  await new Promise((resolve) => entrance.listen(0, "127.0.0.1", resolve));
  way.drop = () => way.sockets.forEach((socket) => socket.destroy());
  t.after(() => (entrance.close(), way.drop()));
  return Object.assign(way, { url: `http://127.0.0.1:${entrance.address().port}`, ws: `ws://127.0.0.1:${entrance.address().port}` });
}

async function until(look) {
  for (;;) {
    const found = await look();
    if (found) return found;
  }
}

for (const transports of [["websocket"], ["polling"], ["polling", "websocket"]]) {
  test(`the stock client's retries, by ${transports.join(" and ")}, across a connection that is lost before the answer`, async (t) => {
    const [anna, ben] = ["anna", "ben"].map((sub) => person(server, sub));
    const { id: roomId } = await anna.ask("POST", "/shared/chat/rooms", { name: "Lounge", memberIds: ["ben"] });
    const messages = () => anna.ask("GET", `/shared/chat/rooms/${roomId}/messages`);
    const listener = await connected(client(t, `${server.url}/chat`, { auth: { token: ben.token } }));
    assert.equal((await listener.emitWithAck("join_room", { roomId })).ok, true);
    const told = [];
    listener.on("message:new", (message) => told.push(message.content));

    const way = await lossy(t);
    const options = { auth: { token: anna.token }, transports, reconnection: true, reconnectionDelay: 1, retries: 10, ackTimeout: 500 };
    const sender = await connected(client(t, `${way.url}/chat`, options));
    const send = (content) => new Promise((resolve, reject) => {
      sender.emit("message:send", { roomId, content, clientId: `mine-${content}` }, (error, ack) => (error ? reject(error) : resolve(ack)));
    });
    way.deaf = true;
    const answers = ["one", "two"].map(send);
    await until(async () => (await messages()).length === 1);
    way.deaf = false;
    way.drop();
    const [one, two] = await Promise.all(answers);
    assert.deepEqual([one.ok, one.duplicate, one.message.content], [true, true, "one"]);
    assert.deepEqual([two.ok, two.message.content], [true, "two"]);
    assert.deepEqual((await messages()).map(({ content }) => content).sort(), ["one", "two"]);
    const last = heard(listener, "message:new");
    await anna.ask("POST", `/shared/chat/rooms/${roomId}/messages`, { content: "three" });
    await last;
    assert.deepEqual(told, ["one", "two", "three"]);
  });
}

test("the raw WebSocket: a message sent again is answered to its sender alone", async (t) => {
  const [anna, ben] = ["anna", "ben"].map((sub) => person(server, sub));
  const { id: project } = await anna.ask("POST", "/api/v1/projects", { name: "P", memberIds: ["ben"] });
  const { id: channel } = await anna.ask("POST", `/api/v1/projects/${project}/channels`, { name: "C" });
  const room = `channel:${channel}`;
  const open = async (to, { token }) => {
    const socket = await openSocket(`${to.ws}/api/v1/ws/connect?token=${token}`);
    const next = async (type) => {
      for (;;) {
        const envelope = JSON.parse(await socket.next());
        if (envelope.type === type) return envelope;
      }
    };
    await next("connected");
    socket.send(JSON.stringify({ type: "join_room", room }));
    await next("joined_room");
    return Object.assign(socket, { heard: next });
  };
  const listener = await open(server, ben);
  const way = await lossy(t);
  const say = (socket, content) => socket.send(JSON.stringify({ type: "send_message", room, data: { content, client_id: `mine-${content}` } }));
  const lost = await open(way, anna);
  way.deaf = true;
  say(lost, "one");
  const first = await listener.heard("message");
  way.deaf = false;
  way.drop();
  const again = await open(way, anna);
  say(again, "one");
  const answer = await again.heard("message");
  assert.deepEqual([answer.data.message_id, answer.data.client_id], [first.data.message_id, "mine-one"]);
  say(again, "two");
  const next = await listener.heard("message");
  assert.equal(next.data.content, "two", "the first was not told again");
});

describe("over HTTP", () => {
  const create = { household: ["/households", { name: "Home" }], trip: ["/api/v1/trips", { name: "Rome" }], workspace: ["/api/v1/projects", { name: "P" }] };
  for (const [contract, [path, body]] of Object.entries(create)) {
    test(`many at once under one key make one ${contract}`, async () => {
      const token = server.token({ sub: `retrier-of-${contract}` });
      const send = () => rest("POST", `${server.url}${path}`, { token, body, headers: { "idempotency-key": "the same" } });
      const answers = await Promise.all(Array.from({ length: 20 }, send));
      assert.ok(answers.every(({ status, text }) => status === 201 && text === answers[0].text));
      assert.equal(answers.filter(({ headers }) => headers["idempotency-replayed"] !== "true").length, 1);
      const list = await rest("GET", `${server.url}${path}`, { token });
      assert.equal((list.json.data ?? list.json).length, 1);
    });
  }
});
