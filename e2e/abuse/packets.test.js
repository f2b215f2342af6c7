// Malicious packets: deeply nested, extremely many, or malformed.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { assertMemoryStable, assertServesNewClients } from "../support/assert-healthy.js";
import { conformanceServer, LONG_HEARTBEATS } from "../support/conformance-server.js";
import { openEngineSocket, openSocketIo, PollingSession } from "../support/engineio.js";

const server = conformanceServer(LONG_HEARTBEATS);
const msgpackServer = conformanceServer({ ...LONG_HEARTBEATS, PARSER: "msgpack" });
const engineio3Server = conformanceServer({ ...LONG_HEARTBEATS, ALLOW_EIO3: "true" });

// Resolves when the server has either answered or closed the connection.
const answersOrCloses = (socket) => Promise.race([socket.next().catch(() => {}), socket.closed]);

describe("deeply nested JSON is accepted or rejected, and the server serves new clients", () => {
  const deep = 450_000;
  const bombs = {
    lists: "[".repeat(deep) + "]".repeat(deep),
    "unclosed lists": "[".repeat(2 * deep),
    objects: '{"a":'.repeat(deep / 4) + "1" + "}".repeat(deep / 4),
    "unclosed objects": '{"a":'.repeat(deep / 4),
    "alternating lists and objects": '[{"a":'.repeat(deep / 4) + "1" + "}]".repeat(deep / 4),
  };
  for (const [name, bomb] of Object.entries(bombs)) {
    test(`${name} in an event, a CONNECT, and an ack`, async () => {
      const before = server.running.memory();
      for (const [opening, message] of [
        [openSocketIo, `42["message",${bomb}]`],
        [openSocketIo, `421["message-with-ack",${bomb}]`],
        [openSocketIo, `430[${bomb}]`],
        [openSocketIo, `451-["message",${bomb}]`],
        [(at) => openEngineSocket(at, { path: "/socket.io/" }), `40{"auth":${bomb}}`],
        [(at) => openEngineSocket(at, { path: "/socket.io/" }), `44${bomb}`],
      ]) {
        const socket = await opening(server);
        socket.send(message, message.startsWith("451") ? Buffer.from([1]) : '42["message","barrier"]');
        await answersOrCloses(socket);
        await socket.terminate();
      }
      await assertServesNewClients(server);
      assertMemoryStable(server, before, 40);
    });
  }

  test("nested values in msgpack", async () => {
    const before = msgpackServer.running.memory();
    const key = (text) => Buffer.concat([Buffer.from([0xa0 | text.length]), Buffer.from(text)]);
    for (const opener of [[0x91], [0x81, 0xa1, 0x61], [0xdc, 0, 1], [0xdd, 0, 0, 0, 1]]) {
      const nested = Buffer.alloc(900_000 - (900_000 % opener.length), Buffer.from(opener));
      const socket = await openEngineSocket(msgpackServer, { path: "/socket.io/" });
      socket.send(Buffer.concat([Buffer.from([0x83]), key("type"), Buffer.from([0]), key("nsp"), key("/"), key("data"), nested]));
      await socket.closed;
    }
    await assertServesNewClients(msgpackServer);
    assertMemoryStable(msgpackServer, before, 40);
  });
});

describe("unusual or malformed JSON is accepted or rejected", () => {
  for (const json of ["1e999999", "-0", "1".repeat(500_000), `"${"\\u0000".repeat(100_000)}"`, '"\\ud800"', '"\\x"', "01", "1.", "NaN", "'a'", "[1,]", '{"a":1,"a":2}', '{"__proto__":{"x":1}}', '"\u007f"', "\ufeff1", `"${"\t"}"`, "//x\n1"]) {
    test(JSON.stringify(json).slice(0, 30), async () => {
      const socket = await openSocketIo(server);
      socket.send(`42["message",${json}]`, '42["message","barrier"]');
      await answersOrCloses(socket);
      await socket.terminate();
    });
  }
});

describe("invalid numbers in a packet's header are accepted or rejected", () => {
  for (const packet of [`42${"9".repeat(400_000)}["message-with-ack"]`, '4299999999999999999999["message-with-ack"]', `45${"9".repeat(100_000)}-["message"]`, '4518446744073709551617-["message"]', '450-["message"]', '45-["message"]', `43${"9".repeat(30)}[]`]) {
    test(packet.slice(0, 40), async () => {
      const socket = await openSocketIo(server);
      socket.send(packet, '42["message","barrier"]');
      await answersOrCloses(socket);
      await socket.terminate();
    });
  }
});

test("an event without all of its attachments is released when the client disconnects", async () => {
  const before = server.running.memory();
  for (let round = 0; round < 10; round++) {
    const sockets = await Promise.all(Array.from({ length: 10 }, () => openSocketIo(server)));
    for (const socket of sockets) socket.send('4510-["message",{"_placeholder":true,"num":0}]', ...Array.from({ length: 5 }, () => Buffer.alloc(100_000)));
    await assertServesNewClients(server);
    await Promise.all(sockets.map((socket) => socket.terminate()));
  }
  await assertServesNewClients(server);
  assertMemoryStable(server, before, 40);
});

test("5,000 requests for unknown namespaces allocate no memory", async () => {
  const before = server.running.memory();
  const socket = await openSocketIo(server);
  for (let i = 0; i < 5000; i++) {
    socket.send(`40/${i}-${"x".repeat(500)},`);
    if (i % 100 === 99) for (let j = 0; j < 100; j++) assert.match(await socket.next(), /^44\//);
  }
  assertMemoryStable(server, before, 10);
  await socket.close();
});

test("a payload with 100,000 packets is handled", async () => {
  const session = await PollingSession.open(server);
  const before = server.running.memory();
  const response = await session.post(Array.from({ length: 100_000 }, () => "4x").join("\x1e")).catch((error) => error);
  assert.ok(response instanceof Error || [200, 400].includes(response.status));
  await assertServesNewClients(server);
  assertMemoryStable(server, before, 40);
});

test("Engine.IO 3 payloads with wrong lengths are rejected", async () => {
  const octets = { headers: { "content-type": "application/octet-stream" } };
  for (const [body, options] of [
    ["99999999999999999999:4x", {}],
    [`${"9".repeat(300_000)}:4x`, {}],
    ["9:".repeat(200_000), {}],
    [Buffer.from([0, ...Array.from({ length: 310 }, () => 9), 255, 0x34]), octets],
    [Buffer.concat([Buffer.from([1]), Buffer.alloc(900_000, 9)]), octets],
    [Buffer.alloc(900_000, 255), octets],
  ]) {
    const session = await PollingSession.open(engineio3Server, { eio: "3" });
    const response = await session.post(body, options).catch((error) => error);
    assert.ok(response instanceof Error || response.status === 400);
  }
  await assertServesNewClients(engineio3Server);
});

test("2,000 abandoned sessions need little memory", async () => {
  const before = server.running.memory();
  for (let round = 0; round < 20; round++) await Promise.all(Array.from({ length: 100 }, () => PollingSession.open(server)));
  assertMemoryStable(server, before, 30, "with 2,000 sessions,");
  await assertServesNewClients(server);
});

test("the servers accept new clients after all attacks", async () => {
  for (const each of [server, msgpackServer, engineio3Server]) await assertServesNewClients(each);
});
