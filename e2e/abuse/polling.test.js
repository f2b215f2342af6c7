// Long-polling clients that violate the protocol. The session ends or answers, and other sessions are not affected.

import assert from "node:assert/strict";
import { connect } from "node:net";
import { describe, test } from "node:test";
import { conformanceServer, LONG_HEARTBEATS } from "../support/conformance-server.js";
import { openEngineSocket, PollingSession, SEPARATOR } from "../support/engineio.js";
import { get, http, post } from "../support/http.js";
import { waitForEvent } from "../support/wait-for.js";
import { openWebSocket } from "../support/ws-queue.js";

const server = conformanceServer({ ...LONG_HEARTBEATS, ALLOW_EIO3: "true" });

// Whether the server has ended a session. No packet may be waiting in the session.
const hasEnded = async (session) => {
  const response = await http("PUT", session.url);
  return response.status === 400 && JSON.parse(response.text).message === "Session ID unknown";
};

// Opens a session that no attack on another session may affect. The returned function checks that it still works.
async function openWitness() {
  const session = await PollingSession.open(server);
  return async () => {
    assert.equal((await session.post("4here")).text, "ok");
    assert.equal((await session.get()).text, "4here");
  };
}

test("200 concurrent GETs end the session, and one of them receives the close packet", async () => {
  const check = await openWitness();
  const session = await PollingSession.open(server);
  const responses = await Promise.all(Array.from({ length: 200 }, () => session.get()));
  const texts = responses.map(({ status, text }) => (status === 200 ? text : JSON.parse(text || '{"message":""}').message));
  assert.equal(texts.filter((text) => text === "1").length, 1, "one GET receives the close packet");
  assert.ok(texts.every((text) => ["1", "", "Session ID unknown"].includes(text)), texts.join());
  assert.ok(await hasEnded(session));
  await check();
});

test("200 concurrent POSTs: each accepted message is echoed once", async () => {
  const check = await openWitness();
  const session = await PollingSession.open(server);
  const responses = await Promise.all(Array.from({ length: 200 }, (_, number) => session.post(`4${number}`)));
  const accepted = responses.flatMap(({ status }, number) => (status === 200 ? [number] : []));
  if (!(await hasEnded(session))) {
    const echoed = (await session.get()).text.split(SEPARATOR).map((packet) => Number(packet.slice(1)));
    assert.deepEqual(echoed.sort((a, b) => a - b), accepted);
  }
  await check();
});

describe("a POST with an incomplete body", () => {
  for (const [end, disconnect] of [["is reset", (socket) => socket.resetAndDestroy()], ["is closed", (socket) => socket.end()]]) {
    test(`whose connection ${end} ends the session`, async () => {
      const session = await PollingSession.open(server);
      const waiting = session.get();
      const { pathname, search } = new URL(session.url);
      const socket = connect(server.port, "127.0.0.1");
      await waitForEvent(socket, "connect");
      socket.on("error", () => {});
      socket.write(`POST ${pathname}${search} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\nExpect: 100-continue\r\n\r\n`);
      // After this response the server reads the body.
      assert.match(String((await waitForEvent(socket, "data"))[0]), /^HTTP\/1.1 100/);
      socket.write("4half\x1e4");
      disconnect(socket);
      assert.equal((await waiting).text, "1");
      assert.ok(await hasEnded(session));
    });
  }
});

test("a body with 50,000 packets is handled in order", async () => {
  const session = await PollingSession.open(server);
  const packets = Array.from({ length: 50_000 }, (_, number) => `4${number}`);
  assert.equal((await session.post(packets.join(SEPARATOR))).text, "ok");
  assert.equal((await session.get()).text, packets.join(SEPARATOR));
});

test("a body of separators only, or of invalid text, ends the session", async () => {
  for (const body of [SEPARATOR.repeat(100_000), Buffer.alloc(100_000, 0xff), Buffer.alloc(10)]) {
    const session = await PollingSession.open(server);
    assert.equal((await post(session.url, body)).status, 400);
    assert.ok(await hasEnded(session));
  }
});

describe("during the upgrade to a WebSocket", () => {
  const probe = async (session) => {
    const socket = await openWebSocket(session.ws);
    socket.send("2probe");
    assert.equal(await socket.next(), "3probe");
    return socket;
  };

  test("messages of earlier POSTs are echoed on the WebSocket, in order", async () => {
    const session = await PollingSession.open(server);
    const socket = await probe(session);
    for (const number of [1, 2, 3]) assert.equal((await session.post(`4${number}`)).text, "ok");
    socket.send("5", "44");
    const received = [];
    while (received.length < 4) received.push(await socket.next());
    assert.deepEqual(received, ["41", "42", "43", "44"]);
    await socket.close();
  });

  test("a concurrent POST is rejected, or its message is echoed once", async () => {
    for (let time = 0; time < 30; time += 1) {
      const session = await PollingSession.open(server);
      const socket = await probe(session);
      const posted = session.post("4posted");
      socket.send("5", "4sent");
      const expected = (await posted).status === 200 ? ["4posted", "4sent"] : ["4sent"];
      const received = [];
      while (received.length < expected.length) received.push(await socket.next());
      assert.deepEqual(received.sort(), expected);
      socket.send("4last");
      assert.equal(await socket.next(), "4last");
      await socket.close();
    }
  });

  test("further probes are closed, and the first one continues", async () => {
    const session = await PollingSession.open(server);
    const first = await probe(session);
    const others = await Promise.all(Array.from({ length: 50 }, () => openWebSocket(session.ws)));
    await Promise.all(others.map((other) => other.closed));
    first.send("5", "4still");
    assert.equal(await first.next(), "4still");
    await first.close();
  });

  test("later polling requests are rejected, and the WebSocket continues", async () => {
    const session = await PollingSession.open(server);
    const socket = await probe(session);
    socket.send("5");
    const responses = await Promise.all([session.get(), session.post("4no"), session.get()]);
    assert.ok(responses.every(({ status }) => status === 400));
    socket.send("4yes");
    assert.equal(await socket.next(), "4yes");
    await socket.close();
  });
});

describe("JSONP", () => {
  const form = (body) => `d=${encodeURIComponent(body)}`;
  const headers = { "content-type": "application/x-www-form-urlencoded" };
  const jsonp = async () => {
    const session = await PollingSession.open(server);
    session.url += "&j=0";
    return session;
  };

  test("escapes characters that would end a script or a line", async () => {
    const session = await jsonp();
    const text = "</script>\u2028\u2029\n\\n\"'é😀";
    assert.equal((await post(session.url, form(`4${text.replace(/\\n/g, "\\\\n").replace(/\n/g, "\\n")}`), { headers })).status, 200);
    const script = (await session.get()).text;
    const received = [];
    new Function("___eio", script)([(payload) => received.push(payload)]);
    assert.deepEqual(received, [`4${text}`]);
    assert.ok(!script.includes("\u2028") && !script.includes("\u2029"), "the script contains no line terminator");
  });

  test("returns the index as a number for every value of j", async () => {
    for (const index of ["0);alert(1", "a", "", "1e9", "-1"]) {
      const response = await get(`${server.url}/engine.io/?EIO=4&transport=polling&j=${encodeURIComponent(index)}`);
      assert.match(response.text, /^___eio\[\d*\]\("/, index);
    }
  });

  test("without a form body ends the session", async () => {
    for (const body of ["", "x=1", "d", "%ff"]) {
      const session = await jsonp();
      assert.equal((await post(session.url, body, { headers })).status, 400, body);
      assert.ok(await hasEnded(session), body);
    }
  });
});

test("invalid session ids are rejected, and so are polls of a WebSocket session", async () => {
  const socket = await openEngineSocket(server);
  const session = await PollingSession.open(server);
  for (const sid of ["", "x", "A".repeat(20), session.sid.slice(1), `${session.sid}A`, session.sid.toLowerCase() + "!", "../../etc", "%00"]) {
    const response = await get(`${server.url}/engine.io/?EIO=4&transport=polling&sid=${encodeURIComponent(sid)}`);
    assert.deepEqual([response.status, JSON.parse(response.text).message], [400, "Session ID unknown"], sid);
  }
  // A session over WebSocket accepts no polling requests.
  const polled = await get(`${server.url}/engine.io/?EIO=4&transport=polling&sid=${socket.sid}`);
  assert.deepEqual([polled.status, JSON.parse(polled.text).message], [400, "Bad request"]);
  socket.send("4on");
  assert.equal(await socket.next(), "4on");
  await socket.close();
});
