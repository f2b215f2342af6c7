// Requests that are too big, too slow, or not HTTP at all.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { assertMemoryStable, assertServesNewClients, MEGABYTE, openDescriptors } from "../support/assert-healthy.js";
import { conformanceServer, LONG_HEARTBEATS } from "../support/conformance-server.js";
import { PollingSession } from "../support/engineio.js";
import { beginRequest, get } from "../support/http.js";
import { waitForEvent } from "../support/wait-for.js";
import { waitUntil } from "../support/wait-until.js";
import { TcpConnection } from "../support/websocket-frames.js";

const server = conformanceServer(LONG_HEARTBEATS);

describe("a POST of a hundred megabytes is refused while it comes, and takes no memory", () => {
  for (const [what, headers] of [
    ["when its length is told", { "content-length": String(100 * MEGABYTE) }],
    ["when its length is not told", { "transfer-encoding": "chunked" }],
  ]) {
    test(what, async () => {
      const session = await PollingSession.open(server);
      const before = server.running.memory();
      const { outgoing, response } = beginRequest("POST", session.url, { headers });
      let over = false;
      const settled = response.then(
        ({ status }) => status,
        () => "reset",
      );
      void settled.then(() => (over = true));
      const piece = Buffer.alloc(MEGABYTE, 0x34);
      for (let i = 0; i < 100 && !over; i++) {
        if (!outgoing.write(piece)) await Promise.race([waitForEvent(outgoing, "drain"), settled]);
        assertMemoryStable(server, before, 20);
      }
      assert.ok([413, "reset"].includes(await settled));
      outgoing.destroy();
      await assertServesNewClients(server);
      assertMemoryStable(server, before, 20);
    });
  }
});

test("a thousand handshakes that never end take little memory, and are forgotten with their connections", async () => {
  await assertServesNewClients(server);
  const [memory, files] = [server.running.memory(), openDescriptors(server)];
  const halves = ["", "G", "GET /engine.io/?EIO=4&transport=polling HTTP/1.1\r\nHost: x\r\n", "GET /raw HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: webso"];
  const wires = Array.from({ length: 1000 }, () => new TcpConnection(server.port));
  await Promise.all(wires.map((wire, i) => wire.write(halves[i % halves.length])));
  await assertServesNewClients(server);
  assertMemoryStable(server, memory, 40, "with a thousand half-open handshakes");
  for (const wire of wires) wire.destroy();
  await waitUntil(async () => {
    await assertServesNewClients(server);
    const open = openDescriptors(server);
    return open > files + 10 ? `${open} descriptors are open, and ${files} were before` : null;
  });
});

test("headers that come a byte at a time keep nobody waiting", async () => {
  const wires = Array.from({ length: 50 }, () => new TcpConnection(server.port));
  const request = "GET /engine.io/?EIO=4&transport=polling HTTP/1.1\r\nHost: x\r\nX-Slow: ";
  for (const byte of request) {
    await Promise.all(wires.map((wire) => wire.write(byte)));
  }
  await assertServesNewClients(server);
  // Whoever is that slow is still served when the end comes.
  await wires[0].write("yes\r\n\r\n");
  assert.match(await wires[0].head(), /^HTTP\/1\.1 200/);
  for (const wire of wires) wire.destroy();
});

describe("what is no good HTTP is refused or cut off", () => {
  const garbage = {
    "random bytes": Buffer.from(Array.from({ length: 5000 }, () => Math.floor(Math.random() * 256))),
    "nothing but zeros": Buffer.alloc(10_000),
    "a TLS hello": Buffer.from("16030100c8010000c40303", "hex"),
    "an SSH greeting": Buffer.from("SSH-2.0-OpenSSH_9.2\r\n"),
    "the preface of HTTP/2": Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
    "a request of version 9": Buffer.from("GET / HTTP/9.9\r\n\r\n"),
    "a method that is none": Buffer.from("G@T / HTTP/1.1\r\nHost: x\r\n\r\n"),
    "a header without a colon": Buffer.from("GET / HTTP/1.1\r\nHost x\r\n\r\n"),
    "a header with a zero byte": Buffer.from("GET / HTTP/1.1\r\nHost: x\r\nA: b\0c\r\n\r\n"),
    "two lengths that differ": Buffer.from("POST /engine.io/?EIO=4&transport=polling HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabcd"),
    "a length that is no number": Buffer.from("POST /engine.io/?EIO=4&transport=polling HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n"),
    "a header of ten megabytes": Buffer.concat([Buffer.from("GET / HTTP/1.1\r\nX: "), Buffer.alloc(10 * MEGABYTE, 65)]),
    "ten thousand headers": Buffer.from(`GET / HTTP/1.1\r\n${"A: b\r\n".repeat(10_000)}\r\n`),
    "a path of ten megabytes": Buffer.concat([Buffer.from("GET /"), Buffer.alloc(10 * MEGABYTE, 65)]),
  };
  for (const [what, bytes] of Object.entries(garbage)) {
    test(what, async () => {
      const before = server.running.memory();
      const wire = new TcpConnection(server.port);
      void wire.write(bytes);
      // A server may wait for more of it; the client has no more to say.
      wire.socket.end();
      const response = await wire.head();
      if (response !== null) assert.match(response, /^HTTP\/1\.1 (4\d\d|505)/);
      assertMemoryStable(server, before, 20);
      wire.destroy();
    });
  }
});

test("odd queries are read without harm", async () => {
  for (const query of ["&".repeat(5000), "EIO=4&transport=polling&sid=%ff%fe", "EIO[]=4&transport[]=polling", `EIO=4&transport=polling&${"a=1&".repeat(1000)}`, "%", "=&=&="]) {
    const { status } = await get(`${server.url}/engine.io/?${query}`);
    assert.ok([200, 400, 414].includes(status), `${query.slice(0, 40)}: ${status}`);
  }
});

test("after all that, others are served", () => assertServesNewClients(server));
