// Long-polling requests that look alike. No part of a request tells a repetition from a new request (`t` only prevents caching), so every request is
// handled.

import assert from "node:assert/strict";
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

test("a session goes on when its connections are closed after each answer", async () => {
  const session = await Polling.open(server);
  for (let number = 0; number < 20; number += 1) {
    assert.equal((await session.post(`4${number}`)).status, 200);
    assert.equal((await session.get()).text, `4${number}`);
  }
});
