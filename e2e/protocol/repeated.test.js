// Libraries for HTTP, and browsers, send a request again by themselves when its connection ends before the answer. Nothing is lost by it, and nothing
// is done twice.

import assert from "node:assert/strict";
import { connect } from "node:net";
import { describe, test } from "node:test";
import { conformance } from "../support/conformance.js";
import { Polling } from "../support/engineio.js";
import { get, post } from "../support/http.js";

const server = conformance();

async function open() {
  const session = await Polling.open(server);
  const at = (mark) => `${session.url}&t=${mark}`;
  return { get: async (mark) => (await get(at(mark))).text, post: async (mark, body) => (await post(at(mark), body)).text };
}

describe("a long-polling request that comes again with its mark", () => {
  test("is a GET that is answered as before, until the next one", async () => {
    const session = await open();
    await session.post("a", "4one");
    const first = await session.get("g1");
    assert.equal(first, "4one");
    await session.post("b", "4two");
    assert.equal(await session.get("g1"), first);
    assert.equal(await session.get("g1"), first);
    assert.equal(await session.get("g2"), "4two");
    await session.post("c", "4three");
    assert.equal(await session.get("g1"), "4three", "the mark is only the last one's");
  });

  test("is a POST that is done once", async () => {
    const session = await open();
    for (const mark of ["a", "a", "b", "b", "b"]) assert.equal(await session.post(mark, `4${mark}`), "ok");
    assert.equal(await session.get("g1"), "4a\x1e4b");
  });

  test("without a mark is another one", async () => {
    const session = await Polling.open(server);
    for (const times of [1, 2]) await session.post(`4${times}`);
    assert.equal((await session.get()).text, "41\x1e42");
    await session.post("43");
    assert.equal((await session.get()).text, "43");
  });

  test("finds again what was lost on the way", async () => {
    const session = await Polling.open(server);
    const path = `/engine.io/?EIO=4&transport=polling&sid=${session.sid}&t=g1`;
    await session.post("4lost");
    // It is answered, and nobody is there any more who reads it.
    await new Promise((resolve, reject) => {
      const socket = connect(server.port, "127.0.0.1");
      socket.once("error", reject);
      socket.once("data", () => socket.resetAndDestroy());
      socket.once("close", resolve);
      socket.write(`GET ${path} HTTP/1.1\r\nHost: localhost\r\n\r\n`);
    });
    assert.equal((await get(`${server.url}${path}`)).text, "4lost");
  });
});
