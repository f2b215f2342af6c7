// Engine.IO 3, the transport of Socket.IO 2 clients, with ALLOW_EIO3. In this version the client sends the pings.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { conformanceServer, LONG_HEARTBEATS } from "../support/conformance-server.js";
import { openEngineSocket, parseV3Payload, PollingSession, v3Payload } from "../support/engineio.js";
import { get, post } from "../support/http.js";
import { openWebSocket } from "../support/ws-queue.js";

const server = conformanceServer({ ...LONG_HEARTBEATS, ALLOW_EIO3: "true" });
const timed = conformanceServer({ ALLOW_EIO3: "true" });

const octets = { headers: { "content-type": "application/octet-stream" } };
const assertSessionUnknown = async (session) => assert.deepEqual(JSON.parse((await session.get()).text), { code: 1, message: "Session ID unknown" });

// The binary payload of version 3. Each packet has its kind, its length as separate digits, the byte 255, and its bytes.
function v3Binary(packets) {
  const parts = packets.map((packet) => {
    const binary = Buffer.isBuffer(packet);
    const data = binary ? Buffer.concat([Buffer.from([4]), packet]) : Buffer.from(packet);
    return Buffer.concat([Buffer.from([binary ? 1 : 0, ...String(data.length).split("").map(Number), 255]), data]);
  });
  return Buffer.concat(parts);
}

describe("a session", () => {
  test("has version 3 if the request has no version", async () => {
    for (const query of ["EIO=3&transport=polling", "transport=polling", "EIO=2&transport=polling"]) {
      const response = await get(`${server.url}/engine.io/?${query}`);
      assert.equal(response.status, 200);
      const [packet] = parseV3Payload(response.text);
      assert.equal(response.text, v3Payload([packet]), "the packet has a length prefix");
      assert.deepEqual(Object.keys(JSON.parse(packet.slice(1))), ["sid", "upgrades", "pingInterval", "pingTimeout", "maxPayload"]);
    }
  });

  test("of version 4 is served on the same path", async () => {
    const session = await PollingSession.open(server);
    await session.post("4hello");
    assert.equal((await session.get()).text, "4hello");
  });

  test("over WebSocket begins without long-polling", async () => {
    const socket = await openEngineSocket(server, { eio: "3" });
    assert.equal(socket.handshake.upgrades.length, 0);
    await socket.close();
  });
});

describe("a text payload", () => {
  test("has lengths in UTF-16 units, so that all Unicode text is supported", async () => {
    const session = await PollingSession.open(server, { eio: "3" });
    const packets = ["4hello", "4€", "4😀 and 漢字", "4"];
    assert.equal((await session.post(v3Payload(packets))).text, "ok");
    const response = await session.get();
    assert.equal(response.headers["content-type"], "text/plain; charset=UTF-8");
    assert.equal(response.text, v3Payload(packets));
  });

  test("has binary as base64 for a client that requests it", async () => {
    const session = await PollingSession.open(server, { eio: "3", query: "&b64=1" });
    await session.post("10:b4AQIDBA==6:4hello");
    assert.equal((await session.get()).text, "10:b4AQIDBA==6:4hello");
  });

  for (const body of ["", "abc", ":", "6:4hel", "x:4hello", "-1:4", "1:", "6:4hello9", `${"9".repeat(400)}:4`]) {
    test(`${JSON.stringify(body.slice(0, 20))} is malformed, and ends the session`, async () => {
      const session = await PollingSession.open(server, { eio: "3" });
      const response = await session.post(body).catch((error) => error);
      assert.ok(response instanceof Error || response.status === 400, `${response.status} ${response.text}`);
      await assertSessionUnknown(session);
    });
  }
});

describe("a binary payload", () => {
  test("is accepted, and the echo of a binary message is one", async () => {
    const session = await PollingSession.open(server, { eio: "3" });
    const packets = ["4hello €", Buffer.from([1, 2, 3, 255]), Buffer.alloc(300, 7), Buffer.alloc(0)];
    assert.equal((await session.post(v3Binary(packets), octets)).text, "ok");
    const response = await session.get();
    assert.equal(response.headers["content-type"], "application/octet-stream");
    assert.deepEqual(response.body, v3Binary(packets));
  });

  test("of texts only is answered with a text payload", async () => {
    const session = await PollingSession.open(server, { eio: "3" });
    await session.post(v3Binary(["4hello"]), octets);
    assert.equal((await session.get()).text, "6:4hello");
  });

  for (const [fault, bytes] of [
    ["an unknown kind", [2, 1, 255, 0x34]],
    ["an unterminated length", [0, 1, 1, 1]],
    ["more length than bytes", [0, 9, 255, 0x34]],
    ["an invalid digit", [0, 17, 255, 0x34]],
    ["invalid UTF-8", [0, 2, 255, 0x34, 0xff]],
  ]) {
    test(`with ${fault} ends the session`, async () => {
      const session = await PollingSession.open(server, { eio: "3" });
      const response = await session.post(Buffer.from(bytes), octets).catch((error) => error);
      assert.ok(response instanceof Error || response.status === 400, `${response.status} ${response.text}`);
      await assertSessionUnknown(session);
    });
  }
});

describe("a WebSocket", () => {
  test("has binary after a type byte", async () => {
    const socket = await openEngineSocket(server, { eio: "3" });
    socket.send("4hello", Buffer.from([4, 1, 2, 3]));
    assert.equal(await socket.next(), "4hello");
    assert.deepEqual(await socket.next(), Buffer.from([4, 1, 2, 3]));
    await socket.close();
  });

  test("has binary as base64 for a client that requests it", async () => {
    const socket = await openEngineSocket(server, { eio: "3", query: "&b64=1" });
    socket.send("b4AQIDBA==");
    assert.equal(await socket.next(), "b4AQIDBA==");
    await socket.close();
  });

  test("takes over a session from long-polling", async () => {
    const session = await PollingSession.open(server, { eio: "3" });
    await session.post("7:4before");
    const socket = await openWebSocket(session.ws);
    socket.send("2probe");
    assert.equal(await socket.next(), "3probe");
    socket.send("5", "4after");
    assert.equal(await socket.next(), "4before");
    assert.equal(await socket.next(), "4after");
    await socket.close();
  });
});

describe("the heartbeat", () => {
  test("begins with the client, whose ping is answered with a pong", async () => {
    const session = await PollingSession.open(timed, { eio: "3" });
    for (let round = 0; round < 3; round++) {
      await session.post("1:2");
      assert.equal((await session.get()).text, "1:3");
    }
    const socket = await openEngineSocket(timed, { eio: "3", pong: false });
    socket.send("2");
    assert.equal(await socket.next(), "3");
    await socket.close();
  });

  test("of a client that sends no ping ends the session", async () => {
    const socket = await openEngineSocket(timed, { eio: "3", pong: false });
    await socket.closed;
    assert.deepEqual(socket.unread, [], "the server does not ping");
    const session = await PollingSession.open(timed, { eio: "3" });
    assert.equal((await session.get()).text, "1:1");
    await assertSessionUnknown(session);
  });
});

describe("JSONP, for old browsers", () => {
  const form = (payload) => `d=${encodeURIComponent(payload)}`;
  const asForm = { headers: { "content-type": "application/x-www-form-urlencoded" } };

  test("wraps each payload in a function call", async () => {
    const opening = await get(`${server.url}/engine.io/?EIO=3&transport=polling&j=7`);
    assert.match(opening.text, /^___eio\[7\]\("\d+:0\{\\"sid\\":.*"\);$/);
    assert.equal(opening.headers["content-type"], "text/plain; charset=UTF-8");
    const call = JSON.parse(opening.text.slice("___eio[7](".length, -2));
    const { sid } = JSON.parse(call.slice(call.indexOf("{")));
    const url = `${server.url}/engine.io/?EIO=3&transport=polling&j=7&sid=${sid}`;
    assert.equal((await post(url, form("6:4hello"), asForm)).text, "ok");
    assert.equal((await get(url)).text, '___eio[7]("6:4hello");');
    // U+2028 ends a line in a script, but not in JSON, so it must be escaped.
    await post(url, form("4:4a\u2028b"), asForm);
    assert.equal((await get(url)).text, '___eio[7]("4:4a\\u2028b");');
  });

  test("unescapes `\\n` to a line feed, and `\\\\n` to a backslash and an n", async () => {
    const session = await PollingSession.open(server, { query: "&j=0" }).catch(() => null);
    assert.equal(session, null, "the response is a function call, so the helper finds no packet in it");
    const opening = await get(`${server.url}/engine.io/?EIO=4&transport=polling&j=0`);
    const call = JSON.parse(opening.text.slice("___eio[0](".length, -2));
    const url = `${server.url}/engine.io/?EIO=4&transport=polling&j=0&sid=${JSON.parse(call.slice(1)).sid}`;
    await post(url, form("4a\\nb\\\\nc"), asForm);
    assert.equal((await get(url)).text, `___eio[0](${JSON.stringify("4a\nb\\nc")});`);
  });

  test("uses only the digits of the parameter j", async () => {
    const opening = await get(`${server.url}/engine.io/?EIO=4&transport=polling&j=1);alert(2`);
    assert.match(opening.text, /^___eio\[12\]\(/);
  });
});
