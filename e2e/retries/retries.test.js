// A client repeats a message that was not acknowledged. The server stores it once.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { ControlledProxy } from "../support/controlled-proxy.js";
import { DotNetClient } from "../support/dotnet-client.js";
import { rest } from "../support/http.js";
import { openRawClient } from "../support/raw-client.js";
import { sharedServer } from "../support/server.js";
import { client, connected, nextEvent } from "../support/socketio-clients.js";
import { API_KEY, user } from "../support/users.js";
import { waitFor } from "../support/wait-for.js";
import { retry, waitUntilByServerClock } from "../support/wait-until.js";

const server = sharedServer({ ROOMCAST_API_KEY: API_KEY });

for (const transports of [["websocket"], ["polling"], ["polling", "websocket"]]) {
  test(`a stock client over ${transports.join(" and ")} that loses its connection before the acknowledgement repeats the message, which is stored once`, async (t) => {
    const [anna, ben] = ["anna", "ben"].map((sub) => user(server, sub));
    const { id: roomId } = await anna.request("POST", "/shared/chat/rooms", { name: "Lounge", memberIds: ["ben"] });
    const messages = () => anna.request("GET", `/shared/chat/rooms/${roomId}/messages`);
    const listener = await connected(client(t, `${server.url}/chat`, { auth: { token: ben.token } }));
    assert.equal((await listener.emitWithAck("join_room", { roomId })).ok, true);
    const received = [];
    listener.on("message:new", (message) => received.push(message.content));

    const proxy = await ControlledProxy.start(t, server.port);
    const options = { auth: { token: anna.token }, transports, reconnection: true, reconnectionDelay: 1, retries: 10, ackTimeout: 500 };
    const sender = await connected(client(t, `${proxy.url}/chat`, options));
    const send = (content) => {
      const ack = new Promise((resolve, reject) => {
        sender.emit("message:send", { roomId, content, clientId: `mine-${content}` }, (error, ack) => (error ? reject(error) : resolve(ack)));
      });
      return waitFor(ack, () => `the message ${content} is not acknowledged`);
    };
    proxy.dropResponses = true;
    const acks = ["one", "two"].map(send);
    await waitUntilByServerClock(server, 10, async () => ((await messages()).length === 1 ? null : "the first message is not stored"));
    proxy.dropResponses = false;
    proxy.cut();
    const [one, two] = await Promise.all(acks);
    assert.deepEqual([one.ok, one.duplicate, one.message.content], [true, true, "one"]);
    assert.deepEqual([two.ok, two.message.content], [true, "two"]);
    assert.deepEqual((await messages()).map(({ content }) => content).sort(), ["one", "two"]);
    const last = nextEvent(listener, "message:new");
    await anna.request("POST", `/shared/chat/rooms/${roomId}/messages`, { content: "three" });
    await last;
    assert.deepEqual(received, ["one", "two", "three"]);
  });
}

test("a repeated message on the raw WebSocket is answered to its sender, and not broadcast again", async (t) => {
  const [anna, ben] = ["anna", "ben"].map((sub) => user(server, sub));
  const { id: project } = await anna.request("POST", "/api/v1/projects", { name: "P", memberIds: ["ben"] });
  const { id: channel } = await anna.request("POST", `/api/v1/projects/${project}/channels`, { name: "C" });
  const room = `channel:${channel}`;
  const open = async (to, { token }) => {
    const socket = await openRawClient(to, token);
    await socket.join(room);
    return socket;
  };
  const listener = await open(server, ben);
  const proxy = await ControlledProxy.start(t, server.port);
  const send = (socket, content) => socket.sendEnvelope({ type: "send_message", room, data: { content, client_id: `mine-${content}` } });
  const connection = await open(proxy, anna);
  proxy.dropResponses = true;
  send(connection, "one");
  const first = await listener.nextOfType("message");
  proxy.dropResponses = false;
  proxy.cut();
  const second = await open(proxy, anna);
  send(second, "one");
  const reply = await second.nextOfType("message");
  assert.deepEqual([reply.data.message_id, reply.data.client_id], [first.data.message_id, "mine-one"]);
  send(second, "two");
  const next = await listener.nextOfType("message");
  assert.equal(next.data.content, "two", "the first message is not broadcast again");
});

test("every message over long-polling with the same value of t is stored, also a text that the client sends twice", async () => {
  const [anna] = ["anna", "ben"].map((sub) => user(server, sub));
  const { id: roomId } = await anna.request("POST", "/shared/chat/rooms", { name: "Attic", memberIds: ["ben"] });
  const client = await DotNetClient.connect(server, "/socket.io/", () => 1764446400, { token: anna.token });
  const contents = ["one", "two", "two", "three"];
  await client.post(`42${JSON.stringify(["join_room", { roomId }])}`);
  for (const content of contents) await client.post(`42${JSON.stringify(["message:send", { roomId, content }])}`);
  const messages = () => client.events.map((packet) => JSON.parse(packet)).filter(([event]) => event === "message:new");
  await retry(100, async () => (messages().length < contents.length ? client.poll() : true));
  assert.deepEqual(messages().map(([, { content }]) => content), contents);
  const stored = await anna.request("GET", `/shared/chat/rooms/${roomId}/messages`);
  assert.deepEqual(stored.map(({ content }) => content).sort(), contents.toSorted());
  client.close();
});

describe("20 concurrent requests with one idempotency key", () => {
  const create = { household: ["/households", { name: "Home" }], trip: ["/api/v1/trips", { name: "Rome" }], workspace: ["/api/v1/projects", { name: "P" }] };
  for (const [contract, [path, body]] of Object.entries(create)) {
    test(`create one ${contract} space`, async () => {
      const token = server.token({ sub: `retrier-of-${contract}` });
      const send = () => rest("POST", `${server.url}${path}`, { token, body, headers: { "idempotency-key": "the same" } });
      const responses = await Promise.all(Array.from({ length: 20 }, send));
      assert.ok(responses.every(({ status, text }) => status === 201 && text === responses[0].text));
      assert.equal(responses.filter(({ headers }) => headers["idempotency-replayed"] !== "true").length, 1);
      const list = await rest("GET", `${server.url}${path}`, { token });
      assert.equal((list.json.data ?? list.json).length, 1);
    });
  }
});
