// Long-polling requests that look alike. No part of a request tells a repetition from a new request (`t` only prevents caching), so every request is
// handled, unless its connection shows that the response before was lost.

import assert from "node:assert/strict";
import { connect } from "node:net";
import { describe, test } from "node:test";
import { conformance } from "../support/conformance.js";
import { Polling } from "../support/engineio.js";
import { get, post } from "../support/http.js";
import { DotNet } from "../support/dotnet.js";

const server = conformance();

async function open(mark) {
  const session = await Polling.open(server);
  const url = `${session.url}&t=${mark}`;
  return { url, get: async () => (await get(url)).text, post: async (body) => (await post(url, body)).text };
}

describe("requests with one value of t", () => {
  test("POSTs with different bodies are all handled", async () => {
    const session = await open("x");
    for (const body of ["4one", "4two", "4three"]) assert.equal(await session.post(body), "ok");
    assert.equal(await session.get(), "4one\x1e4two\x1e4three");
  });

  test("POSTs with the same body are all handled", async () => {
    const session = await open("x");
    for (let times = 0; times < 3; times += 1) assert.equal(await session.post("4same"), "ok");
    assert.equal(await session.get(), "4same\x1e4same\x1e4same");
  });

  test("GETs receive each their own packets", async () => {
    const session = await open("x");
    for (let number = 0; number < 20; number += 1) {
      await session.post(`4${number}`);
      assert.equal(await session.get(), `4${number}`);
    }
  });

  test("a GET waits for packets although the GET before it was answered", async () => {
    const session = await open("x");
    await session.post("4one");
    assert.equal(await session.get(), "4one");
    const next = session.get();
    await session.post("4two");
    assert.equal(await next, "4two");
  });
});

test("the client for .NET, whose t is the UNIX second, sends and receives everything once", async () => {
  const client = await DotNet.connect(server, "/socket.io/", () => 1764446400);
  const expected = [];
  for (let number = 0; number < 30; number += 1) {
    // Each text twice.
    const packet = JSON.stringify(["message", `number ${number >> 1}`]);
    await client.post(`42${packet}`);
    expected.push(packet.replace("message", "message-back"));
    while (client.events.length < expected.length) await client.poll();
  }
  assert.deepEqual(client.events, expected);
  client.close();
});

// Sends a request on a connection of its own that stays open; resolves with the connection and what was answered first.
function request(head, body = "") {
  return new Promise((resolve, reject) => {
    const socket = connect(server.port, "127.0.0.1");
    socket.once("error", reject);
    socket.once("data", (data) => resolve({ socket, text: data.toString() }));
    socket.write(`${head} HTTP/1.1\r\nHost: localhost\r\nContent-Type: text/plain\r\nContent-Length: ${body.length}\r\n\r\n${body}`);
  });
}

for (const [method, body] of [["GET", ""], ["POST", "4again"]]) {
  describe(`a ${method} with the t of the one before, on another connection`, () => {
    const begun = async () => {
      const session = await Polling.open(server);
      await session.post("4lost");
      const head = `${method} /engine.io/?EIO=4&transport=polling&sid=${session.sid}&t=g1`;
      return { session, head, first: await request(head, body) };
    };

    test("is its repetition if that one's connection has ended: the session ends, and the client connects again", async () => {
      for (const end of ["destroy", "resetAndDestroy"]) {
        const { session, head, first } = await begun();
        assert.match(first.text, /^HTTP\/1.1 200/);
        first.socket[end]();
        const second = await request(head, body);
        assert.match(second.text, /^HTTP\/1.1 400[^]*Session ID unknown/, end);
        second.socket.destroy();
        assert.equal((await session.get()).status, 400);
      }
    });

    test("is a new request if that one's connection is open", async () => {
      const { session, head, first } = await begun();
      if (method === "GET") await session.post("4next");
      const second = await request(head, body);
      assert.match(second.text, /^HTTP\/1.1 200/);
      assert.match(method === "GET" ? second.text : (await session.get()).text, method === "GET" ? /4next/ : /^4lost\x1e4again\x1e4again$/);
      for (const { socket } of [first, second]) socket.destroy();
    });
  });
}

test("a session goes on when its connections are closed after each answer", async () => {
  const session = await Polling.open(server);
  for (let number = 0; number < 20; number += 1) {
    assert.equal((await session.post(`4${number}`)).status, 200);
    assert.equal((await session.get()).text, `4${number}`);
  }
});
