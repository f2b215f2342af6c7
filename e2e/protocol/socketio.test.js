// The Socket.IO 5 protocol without a client: CONNECT, events, acks, attachments, and DISCONNECT.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { conformanceServer, LONG_HEARTBEATS } from "../support/conformance-server.js";
import { openEngineSocket, openSocketIo, PollingSession } from "../support/engineio.js";

const server = conformanceServer(LONG_HEARTBEATS);
const timed = conformanceServer({ PING_INTERVAL: "25000", PING_TIMEOUT: "20000", CONNECT_TIMEOUT: "1000" });

const engine = () => openEngineSocket(server, { path: "/socket.io/" });

describe("CONNECT", () => {
  test("is answered with an id other than the session id, before the first event", async () => {
    const socket = await engine();
    socket.send("40");
    const reply = await socket.next();
    assert.match(reply, /^40\{"sid":"[A-Za-z0-9_-]{20}"\}$/);
    assert.notEqual(JSON.parse(reply.slice(2)).sid, socket.sid, "the session id is secret");
    assert.equal(await socket.next(), '42["auth",{}]');
    await socket.close();
  });

  test("passes its payload to the server", async () => {
    const socket = await engine();
    socket.send('40{"token":"123","deep":{"er":[1,null,"é"]}}');
    await socket.next();
    assert.equal(await socket.next(), '42["auth",{"token":"123","deep":{"er":[1,null,"é"]}}]');
    await socket.close();
  });

  test("to another namespace has a reply, an id, and events of that namespace", async () => {
    const socket = await engine();
    socket.send("40/custom,", "40");
    const custom = await socket.next();
    assert.match(custom, /^40\/custom,\{"sid":"[A-Za-z0-9_-]{20}"\}$/);
    assert.equal(await socket.next(), '42/custom,["auth",{}]');
    const main = await socket.next();
    assert.match(main, /^40\{"sid":"/);
    assert.equal(await socket.next(), '42["auth",{}]');
    assert.notEqual(custom.slice(custom.indexOf("{")), main.slice(2), "each namespace has another id");
    await socket.close();
  });

  test("may have no comma after the namespace, or a payload", async () => {
    const socket = await engine();
    socket.send("40/custom");
    assert.match(await socket.next(), /^40\/custom,\{"sid":/);
    await socket.next();
    await socket.close();
    const other = await engine();
    other.send('40/custom,{"token":"abc"}');
    await other.next();
    assert.equal(await other.next(), '42/custom,["auth",{"token":"abc"}]');
    await other.close();
  });

  test("to an unknown namespace is rejected, and the connection stays open", async () => {
    const socket = await engine();
    for (const [connect, reply] of [
      ["40/random", '44/random,{"message":"Invalid namespace"}'],
      ["40/random,", '44/random,{"message":"Invalid namespace"}'],
      ["40/custom?x=1,", '44/custom?x=1,{"message":"Invalid namespace"}'],
      ["40/Custom,", '44/Custom,{"message":"Invalid namespace"}'],
    ]) {
      socket.send(connect);
      assert.equal(await socket.next(), reply);
    }
    socket.send("40");
    assert.match(await socket.next(), /^40\{/);
    await socket.close();
  });

  test("that is missing or rejected ends the connection after CONNECT_TIMEOUT", async () => {
    const silent = await openEngineSocket(timed, { path: "/socket.io/" });
    const rejected = await openEngineSocket(timed, { path: "/socket.io/" });
    rejected.send("40/random");
    await Promise.all([silent.closed, rejected.closed]);
    assert.deepEqual(rejected.unread, ['44/random,{"message":"Invalid namespace"}']);
  });

  test("in time keeps the connection open", async () => {
    const socket = await openSocketIo(timed);
    const silent = await openEngineSocket(timed, { path: "/socket.io/" });
    await silent.closed;
    socket.send('42["message",1]');
    assert.equal(await socket.next(), '42["message-back",1]');
    await socket.close();
  });
});

describe("an event", () => {
  for (const args of ['1,"2",{"3":[true]}', '"é€😀 漢字 \\u0000 \\" \\\\"', "null,false,-1.5e-7,[[],{}]", '"{\\"_placeholder\\":true}"', ""]) {
    test(`is echoed byte for byte: ${args}`, async () => {
      const socket = await openSocketIo(server);
      const list = args && `,${args}`;
      socket.send(`42["message"${list}]`);
      assert.equal(await socket.next(), `42["message-back"${list}]`);
      await socket.close();
    });
  }

  test("may come over long-polling, several at once", async () => {
    const session = await PollingSession.open(server, { path: "/socket.io/" });
    await session.post("40");
    const [connect, auth] = await session.receive(2);
    assert.match(connect, /^40\{"sid"/);
    assert.equal(auth, '42["auth",{}]');
    await session.post('42["message",1]\x1e42["message",2]');
    assert.deepEqual(await session.receive(2), ['42["message-back",1]', '42["message-back",2]']);
  });

  test("with an ack id is acknowledged under that id, in its namespace", async () => {
    const socket = await openSocketIo(server);
    socket.send('42456["message-with-ack",1,"2",{"3":[false]}]');
    assert.equal(await socket.next(), '43456[1,"2",{"3":[false]}]');
    socket.send('420["message-with-ack"]');
    assert.equal(await socket.next(), "430[]");
    socket.send("40/custom,");
    await socket.next();
    await socket.next();
    socket.send('42/custom,7["message-with-ack","x"]');
    assert.equal(await socket.next(), '43/custom,7["x"]');
    await socket.close();
  });

  test("without a listener or payload is ignored, and so is an unexpected ack", async () => {
    const socket = await openSocketIo(server);
    socket.send('42["unknown",1]', '429["unknown"]', "42", "43", "431", "4399[1]", '42["message","alive"]');
    assert.equal(await socket.next(), '42["message-back","alive"]');
    await socket.close();
  });

  test("may have a number as its name", async () => {
    const socket = await openSocketIo(server);
    socket.send("42[5,1]", '42["message","alive"]');
    assert.equal(await socket.next(), '42["message-back","alive"]');
    await socket.close();
  });
});

describe("attachments", () => {
  const placeholder = (num) => `{"_placeholder":true,"num":${num}}`;

  test("follow their event in both directions, in order", async () => {
    const socket = await openSocketIo(server);
    socket.send(`452-["message",${placeholder(0)},${placeholder(1)}]`, Buffer.from([1, 2, 3]), Buffer.from([4, 5, 6]));
    assert.equal(await socket.next(), `452-["message-back",${placeholder(0)},${placeholder(1)}]`);
    assert.deepEqual(await socket.next(), Buffer.from([1, 2, 3]));
    assert.deepEqual(await socket.next(), Buffer.from([4, 5, 6]));
    await socket.close();
  });

  test("may be nested, and may be empty", async () => {
    const socket = await openSocketIo(server);
    socket.send(`452-["message",{"a":[${placeholder(0)},{"b":${placeholder(1)}}],"c":1}]`, Buffer.alloc(0), Buffer.from([1]));
    assert.equal(await socket.next(), `452-["message-back",{"a":[${placeholder(0)},{"b":${placeholder(1)}}],"c":1}]`);
    assert.deepEqual(await socket.next(), Buffer.alloc(0));
    assert.deepEqual(await socket.next(), Buffer.from([1]));
    await socket.close();
  });

  test("may follow an ack", async () => {
    const socket = await openSocketIo(server);
    socket.send(`452-789["message-with-ack",${placeholder(0)},${placeholder(1)}]`, Buffer.from([1]), Buffer.from([2]));
    assert.equal(await socket.next(), `462-789[${placeholder(0)},${placeholder(1)}]`);
    assert.deepEqual(await socket.next(), Buffer.from([1]));
    assert.deepEqual(await socket.next(), Buffer.from([2]));
    await socket.close();
  });

  test("are encoded as base64 over long-polling", async () => {
    const session = await PollingSession.open(server, { path: "/socket.io/" });
    await session.post("40");
    await session.receive(2);
    await session.post([`451-["message",${placeholder(0)}]`, "bAQIDBA=="].join("\x1e"));
    assert.deepEqual(await session.receive(2), [`451-["message-back",${placeholder(0)}]`, "bAQIDBA=="]);
  });

  test("are limited to ten", async () => {
    const socket = await openSocketIo(server);
    const list = (count) => Array.from({ length: count }, (_, i) => placeholder(i)).join(",");
    socket.send(`4510-["message",${list(10)}]`, ...Array.from({ length: 10 }, (_, i) => Buffer.from([i])));
    assert.equal(await socket.next(), `4510-["message-back",${list(10)}]`);
    for (let i = 0; i < 10; i++) assert.deepEqual(await socket.next(), Buffer.from([i]));
    socket.send(`4511-["message",${list(11)}]`);
    await socket.closed;
  });
});

describe("DISCONNECT", () => {
  test("has no reply, and does not close the connection", async () => {
    const socket = await openSocketIo(timed);
    socket.send("41", "40");
    assert.match(await socket.next(), /^40\{/, "this is the next packet");
    await socket.close();
  });

  test("of one namespace does not affect others", async () => {
    const socket = await openSocketIo(server);
    socket.send("40/custom,");
    await socket.next();
    await socket.next();
    socket.send("41/custom,", '42["message","still here"]');
    assert.equal(await socket.next(), '42["message-back","still here"]');
    socket.send("40/custom");
    assert.match(await socket.next(), /^40\/custom,\{/, "the namespace can be joined again");
    await socket.close();
  });

  test("may have no comma", async () => {
    const socket = await engine();
    socket.send("40/custom");
    assert.match(await socket.next(), /^40\/custom,/);
    assert.equal(await socket.next(), '42/custom,["auth",{}]');
    socket.send("41/custom", "40/custom");
    assert.match(await socket.next(), /^40\/custom,/);
    await socket.close();
  });
});

describe("the server closes the connection after", () => {
  const first = {
    "a first packet other than CONNECT": ["4abc"],
    "an event before CONNECT": ['42["message"]'],
    "an empty message": ["4"],
    "an attachment as the first message": [Buffer.from([1])],
    "CONNECT with a list": ["40[]"],
    "CONNECT with null": ["40null"],
    "CONNECT with a text": ['40"x"'],
    "CONNECT with an incomplete payload": ['40{"a":'],
  };
  const later = {
    "an unknown type": ["47"],
    "a type that is not a digit": ["4abc"],
    "a second CONNECT": ["40"],
    "CONNECT_ERROR from the client": ['44{"message":"no"}'],
    "an event of a namespace that was not joined": ['42/custom,["message"]'],
    "DISCONNECT of a namespace that was not joined": ["41/custom,"],
    "DISCONNECT with a payload": ["41{}"],
    "an event that is an object": ["42{}"],
    "an event that is an empty list": ["42[]"],
    "an event that is a text": ['42"message"'],
    "an event named null": ["42[null]"],
    "an event named true": ["42[true]"],
    "an event with a reserved name": ['42["disconnect"]'],
    "an event named connect": ['42["connect",1]'],
    "an incomplete event": ['42["message"'],
    "an event with trailing characters": ['42["message"]x'],
    "an ack id that is not a number": ['42abc["message"]'],
    "a negative ack id": ['42-1["message"]'],
    "an ack that is not a list": ["431{}"],
    "attachments without a dash": ['45["message"]'],
    "attachments without a dash but with a count": ['451["message"]'],
    "a fractional number of attachments": ['451.5-["message"]'],
    "a text while an attachment is missing": ['451-["message",{"_placeholder":true,"num":0}]', '42["message"]'],
    "an unexpected attachment": [Buffer.from([1])],
    "a placeholder beyond the number of attachments": ['451-["message",{"_placeholder":true,"num":1}]', Buffer.from([1])],
    "a placeholder that is not a number": ['451-["message",{"_placeholder":true,"num":"0"}]', Buffer.from([1])],
    "a negative placeholder": ['451-["message",{"_placeholder":true,"num":-1}]', Buffer.from([1])],
  };
  for (const [name, messages] of Object.entries(first)) {
    test(name, async () => {
      const socket = await engine();
      socket.send(...messages);
      assert.equal((await socket.closed).code, 1005);
      assert.deepEqual(socket.unread, []);
    });
  }
  for (const [name, messages] of Object.entries(later)) {
    test(name, async () => {
      const socket = await openSocketIo(server);
      socket.send(...messages);
      assert.equal((await socket.closed).code, 1005);
      assert.deepEqual(socket.unread, []);
    });
  }
});
