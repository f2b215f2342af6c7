// Bodies that nobody wants, and clients that send all of them before they listen: the answer reaches them nevertheless.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { assertMemoryStable, MEGABYTE } from "../support/assert-healthy.js";
import { PollingSession } from "../support/engineio.js";
import { sharedServer } from "../support/server.js";
import { TcpConnection } from "../support/websocket-frames.js";

const server = sharedServer();
const TIMES = 20;
const BODY = Buffer.alloc(20 * MEGABYTE, 0x20);

// Where a large body may go: each is a path, and the headers that it takes to get there.
const DOORS = {
  "a request": async () => ["/households", { authorization: `Bearer ${server.token({ sub: "alice" })}`, "content-type": "application/json" }, 413],
  "a request with a bad token": async () => ["/households", { authorization: "Bearer no", "content-type": "application/json" }, 401],
  "a POST of long-polling": async () => {
    const session = await PollingSession.open(server, { path: "/socket.io/" });
    return [session.url.slice(server.url.length), { "content-type": "text/plain" }, 413];
  },
};

// A request with this head, whose body is written before anything is read, as simple clients do.
async function written(path, headers, pieces) {
  const wire = new TcpConnection(server.port);
  // What comes meanwhile stays with the kernel, and is lost if the connection is reset.
  wire.socket.pause();
  const lines = Object.entries({ host: "test", ...headers }).map(([name, value]) => `${name}: ${value}`);
  await wire.write([`POST ${path} HTTP/1.1`, ...lines, "", ""].join("\r\n"));
  for (const piece of pieces) await wire.write(piece);
  wire.socket.resume();
  const head = await wire.head();
  wire.destroy();
  return head;
}

const status = (head) => Number(head?.split(" ")[1]);

for (const [what, door] of Object.entries(DOORS)) {
  describe(`twenty megabytes in ${what}`, () => {
    test("are answered to fetch", async () => {
      const [path, headers, expected] = await door();
      const before = server.running.memory();
      for (let i = 0; i < TIMES; i++) {
        const response = await fetch(server.url + path, { method: "POST", headers, body: BODY });
        assert.equal(response.status, expected);
        await response.text();
      }
      assertMemoryStable(server, before, 10);
    });

    test("are answered to who writes first and reads then", async () => {
      const [path, headers, expected] = await door();
      for (let i = 0; i < TIMES; i++) {
        const head = await written(path, { ...headers, "content-length": BODY.length }, [BODY]);
        assert.equal(status(head), expected);
        assert.equal(/^connection: close$/im.test(head), expected === 413);
      }
    });

    test("are answered to who does not say how much it is", async () => {
      const [path, headers, expected] = await door();
      const chunk = Buffer.concat([Buffer.from("100000\r\n"), Buffer.alloc(MEGABYTE, 0x20), Buffer.from("\r\n")]);
      const pieces = [...Array.from({ length: 20 }, () => chunk), Buffer.from("0\r\n\r\n")];
      for (let i = 0; i < TIMES; i++) {
        assert.equal(status(await written(path, { ...headers, "transfer-encoding": "chunked" }, pieces)), expected);
      }
    });

    test("are not even sent by who asks first", async () => {
      const [path, headers, expected] = await door();
      const head = await written(path, { ...headers, "content-length": BODY.length, expect: "100-continue" }, []);
      assert.equal(status(head), expected);
      assert.match(head, /^connection: close$/im);
    });
  });
}

test("what is announced to be more than anybody would throw away is refused at once", async () => {
  for (const door of Object.values(DOORS)) {
    const [path, headers, expected] = await door();
    assert.equal(status(await written(path, { ...headers, "content-length": 100 * MEGABYTE }, [])), expected);
  }
});
