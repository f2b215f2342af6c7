// Bodies that are too large, and clients that send the complete body before they read. The response reaches them nevertheless.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { assertMemoryStable, MEGABYTE } from "../support/assert-healthy.js";
import { PollingSession } from "../support/engineio.js";
import { sharedServer } from "../support/server.js";
import { TcpConnection } from "../support/websocket-frames.js";

const server = sharedServer();
const TIMES = 20;
const BODY = Buffer.alloc(20 * MEGABYTE, 0x20);

// Requests with a large body. Each resolves with the path, the headers, and the expected status.
const REQUESTS = {
  "a REST request": async () => ["/households", { authorization: `Bearer ${server.token({ sub: "alice" })}`, "content-type": "application/json" }, 413],
  "a REST request with an invalid token": async () => ["/households", { authorization: "Bearer no", "content-type": "application/json" }, 401],
  "a long-polling POST": async () => {
    const session = await PollingSession.open(server, { path: "/socket.io/" });
    return [session.url.slice(server.url.length), { "content-type": "text/plain" }, 413];
  },
};

// Sends a request and its complete body before it reads the response, as simple clients do.
async function sendBodyFirst(path, headers, pieces) {
  const connection = new TcpConnection(server.port);
  // The kernel buffers the response in the meantime, and discards it if the connection is reset.
  connection.socket.pause();
  const lines = Object.entries({ host: "test", ...headers }).map(([name, value]) => `${name}: ${value}`);
  await connection.write([`POST ${path} HTTP/1.1`, ...lines, "", ""].join("\r\n"));
  for (const piece of pieces) await connection.write(piece);
  connection.socket.resume();
  const head = await connection.head();
  connection.destroy();
  return head;
}

const status = (head) => Number(head?.split(" ")[1]);

for (const [request, prepare] of Object.entries(REQUESTS)) {
  describe(`the error response to ${request} with a body of 20 MB`, () => {
    test("reaches fetch", async () => {
      const [path, headers, expected] = await prepare();
      const before = server.running.memory();
      for (let i = 0; i < TIMES; i++) {
        const response = await fetch(server.url + path, { method: "POST", headers, body: BODY });
        assert.equal(response.status, expected);
        await response.text();
      }
      assertMemoryStable(server, before, 10);
    });

    test("reaches a client that writes everything before it reads", async () => {
      const [path, headers, expected] = await prepare();
      for (let i = 0; i < TIMES; i++) {
        const head = await sendBodyFirst(path, { ...headers, "content-length": BODY.length }, [BODY]);
        assert.equal(status(head), expected);
        assert.equal(/^connection: close$/im.test(head), expected === 413);
      }
    });

    test("reaches a client that sends a chunked body", async () => {
      const [path, headers, expected] = await prepare();
      const chunk = Buffer.concat([Buffer.from("100000\r\n"), Buffer.alloc(MEGABYTE, 0x20), Buffer.from("\r\n")]);
      const pieces = [...Array.from({ length: 20 }, () => chunk), Buffer.from("0\r\n\r\n")];
      for (let i = 0; i < TIMES; i++) {
        assert.equal(status(await sendBodyFirst(path, { ...headers, "transfer-encoding": "chunked" }, pieces)), expected);
      }
    });

    test("reaches a client that sends `Expect: 100-continue`, before it sends the body", async () => {
      const [path, headers, expected] = await prepare();
      const head = await sendBodyFirst(path, { ...headers, "content-length": BODY.length, expect: "100-continue" }, []);
      assert.equal(status(head), expected);
      assert.match(head, /^connection: close$/im);
    });
  });
}

test("a body with a declared length of 100 MB is rejected at once", async () => {
  for (const prepare of Object.values(REQUESTS)) {
    const [path, headers, expected] = await prepare();
    assert.equal(status(await sendBodyFirst(path, { ...headers, "content-length": 100 * MEGABYTE }, [])), expected);
  }
});
