// Long-polling requests with the same query parameter `t`. It only prevents caching, so the server handles each of them. The exception is a GET that an
// HTTP library must have repeated, because its client never uses a `t` twice.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { conformanceServer } from "../support/conformance-server.js";
import { DotNetClient } from "../support/dotnet-client.js";
import { PollingSession } from "../support/engineio.js";
import { get, post } from "../support/http.js";
import { retry } from "../support/wait-until.js";

const server = conformanceServer();

async function open(t) {
  const session = await PollingSession.open(server);
  const url = `${session.url}&t=${t}`;
  return { url, get: async () => (await get(url)).text, post: async (body) => (await post(url, body)).text };
}

describe("with one value of t", () => {
  test("all POSTs with different bodies are handled", async () => {
    const session = await open("x");
    for (const body of ["4one", "4two", "4three"]) assert.equal(await session.post(body), "ok");
    assert.equal(await session.get(), "4one\x1e4two\x1e4three");
  });

  test("all POSTs with the same body are handled", async () => {
    const session = await open("x");
    for (let times = 0; times < 3; times += 1) assert.equal(await session.post("4same"), "ok");
    assert.equal(await session.get(), "4same\x1e4same\x1e4same");
  });

  test("each GET receives its own packets", async () => {
    const session = await open("x");
    for (let number = 0; number < 20; number += 1) {
      await session.post(`4${number}`);
      assert.equal(await session.get(), `4${number}`);
    }
  });

  test("a GET waits for packets after an earlier GET was answered", async () => {
    const session = await open("x");
    await session.post("4one");
    assert.equal(await session.get(), "4one");
    const next = session.get();
    await session.post("4two");
    assert.equal(await next, "4two");
  });
});

test("the client for .NET, whose t is the UNIX second, sends and receives everything once", async () => {
  const client = await DotNetClient.connect(server, "/socket.io/", () => 1764446400);
  const expected = [];
  for (let number = 0; number < 30; number += 1) {
    // Each text is sent twice.
    const packet = JSON.stringify(["message", `number ${number >> 1}`]);
    await client.post(`42${packet}`);
    expected.push(packet.replace("message", "message-back"));
    await retry(10, async () => (client.events.length < expected.length ? client.poll() : true));
  }
  assert.deepEqual(client.events, expected);
  client.close();
});

// Sends a POST and a GET for each value of `t`. Each GET has its own connection, with this Connection header. The handshake has the `t` "open". Resolves
// with the packet that each GET received, or with its status.
async function sendGets(values, connection = "keep-alive") {
  // The server uses the last of two values of `t`.
  const session = await PollingSession.open(server, { query: "&t=open" });
  const responses = [];
  for (const [number, t] of values.entries()) {
    await session.post(`4${number}`);
    const { status, text } = await get(`${session.url}&t=${t}`, { headers: { connection } });
    responses.push(status === 200 ? text : status);
  }
  return responses;
}

describe("a GET with the t of the previous GET, on another connection", () => {
  test("is a repetition if the handshake and all earlier GETs had different values, and ends the session", async () => {
    assert.deepEqual(await sendGets(["1764456789.25", "1764456789.5", "1764456789.5", "1764456790.1"]), ["40", "41", 400, 400]);
  });

  test("is a new request if the client closes each connection after its request", async () => {
    assert.deepEqual(await sendGets(["1764456789.25", "1764456789.5", "1764456789.5", "1764456790.1"], "close"), ["40", "41", "42", "43"]);
  });

  test("is a new request if t is an integer, which may be the same by chance", async () => {
    assert.deepEqual(await sendGets(["1", "2", "3", "3", "3"]), ["40", "41", "42", "43", "44"]);
  });

  test("is a new request if the client has repeated a t before", async () => {
    assert.deepEqual(await sendGets(["open", "a", "a", "b", "b"]), ["40", "41", "42", "43", "44"]);
  });
});

test("a POST with the t and the body of the previous POST is a new request", async () => {
  const session = await PollingSession.open(server);
  for (const t of ["a.1", "a.2", "a.3", "a.4", "a.4"]) assert.equal((await post(`${session.url}&t=${t}`, "4same")).text, "ok");
  assert.equal((await session.get()).text, Array(5).fill("4same").join("\x1e"));
});

test("a session continues when its connections are closed after each response", async () => {
  const session = await PollingSession.open(server);
  for (let number = 0; number < 20; number += 1) {
    assert.equal((await session.post(`4${number}`)).status, 200);
    assert.equal((await session.get()).text, `4${number}`);
  }
});
