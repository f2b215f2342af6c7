// Requests that are too big, too slow, or not HTTP.

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

describe("a POST of 100 MB is rejected before its end, without allocating its memory", () => {
  for (const [body, headers] of [
    ["with a declared length", { "content-length": String(100 * MEGABYTE) }],
    ["with a chunked body", { "transfer-encoding": "chunked" }],
  ]) {
    test(body, async () => {
      const session = await PollingSession.open(server);
      const before = server.running.memory();
      const { outgoing, response } = beginRequest("POST", session.url, { headers });
      let done = false;
      const outcome = response.then(
        ({ status }) => status,
        () => "reset",
      );
      void outcome.then(() => (done = true));
      const piece = Buffer.alloc(MEGABYTE, 0x34);
      for (let i = 0; i < 100 && !done; i++) {
        if (!outgoing.write(piece)) await Promise.race([waitForEvent(outgoing, "drain"), outcome]);
        assertMemoryStable(server, before, 20);
      }
      assert.ok([413, "reset"].includes(await outcome));
      outgoing.destroy();
      await assertServesNewClients(server);
      assertMemoryStable(server, before, 20);
    });
  }
});

test("1,000 unfinished handshakes need little memory, and are released when their connections close", async () => {
  await assertServesNewClients(server);
  const [memory, files] = [server.running.memory(), openDescriptors(server)];
  const halves = ["", "G", "GET /engine.io/?EIO=4&transport=polling HTTP/1.1\r\nHost: x\r\n", "GET /raw HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: webso"];
  const connections = Array.from({ length: 1000 }, () => new TcpConnection(server.port));
  await Promise.all(connections.map((connection, i) => connection.write(halves[i % halves.length])));
  await assertServesNewClients(server);
  assertMemoryStable(server, memory, 40, "with 1,000 unfinished handshakes");
  for (const connection of connections) connection.destroy();
  await waitUntil(async () => {
    await assertServesNewClients(server);
    const open = openDescriptors(server);
    return open > files + 10 ? `${open} descriptors are open, and ${files} were before` : null;
  });
});

test("50 requests that send their headers byte by byte do not delay other clients", async () => {
  const connections = Array.from({ length: 50 }, () => new TcpConnection(server.port));
  const request = "GET /engine.io/?EIO=4&transport=polling HTTP/1.1\r\nHost: x\r\nX-Slow: ";
  for (const byte of request) {
    await Promise.all(connections.map((connection) => connection.write(byte)));
  }
  await assertServesNewClients(server);
  // Such a slow request is answered when it is complete.
  await connections[0].write("yes\r\n\r\n");
  assert.match(await connections[0].head(), /^HTTP\/1\.1 200/);
  for (const connection of connections) connection.destroy();
});

describe("a connection is rejected or closed after", () => {
  const garbage = {
    "random bytes": Buffer.from(Array.from({ length: 5000 }, () => Math.floor(Math.random() * 256))),
    "10,000 zero bytes": Buffer.alloc(10_000),
    "a TLS client hello": Buffer.from("16030100c8010000c40303", "hex"),
    "an SSH greeting": Buffer.from("SSH-2.0-OpenSSH_9.2\r\n"),
    "the HTTP/2 preface": Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
    "a request of HTTP version 9.9": Buffer.from("GET / HTTP/9.9\r\n\r\n"),
    "an invalid method": Buffer.from("G@T / HTTP/1.1\r\nHost: x\r\n\r\n"),
    "a header without a colon": Buffer.from("GET / HTTP/1.1\r\nHost x\r\n\r\n"),
    "a header with a zero byte": Buffer.from("GET / HTTP/1.1\r\nHost: x\r\nA: b\0c\r\n\r\n"),
    "two different Content-Length headers": Buffer.from("POST /engine.io/?EIO=4&transport=polling HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabcd"),
    "a negative Content-Length": Buffer.from("POST /engine.io/?EIO=4&transport=polling HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n"),
    "a header of 10 MB": Buffer.concat([Buffer.from("GET / HTTP/1.1\r\nX: "), Buffer.alloc(10 * MEGABYTE, 65)]),
    "10,000 headers": Buffer.from(`GET / HTTP/1.1\r\n${"A: b\r\n".repeat(10_000)}\r\n`),
    "a path of 10 MB": Buffer.concat([Buffer.from("GET /"), Buffer.alloc(10 * MEGABYTE, 65)]),
  };
  for (const [name, bytes] of Object.entries(garbage)) {
    test(name, async () => {
      const before = server.running.memory();
      const connection = new TcpConnection(server.port);
      void connection.write(bytes);
      // The server may wait for more bytes, so the client ends its side of the connection.
      connection.socket.end();
      const response = await connection.head();
      if (response !== null) assert.match(response, /^HTTP\/1\.1 (4\d\d|505)/);
      assertMemoryStable(server, before, 20);
      connection.destroy();
    });
  }
});

test("requests with unusual queries are answered with 200, 400, or 414", async () => {
  for (const query of ["&".repeat(5000), "EIO=4&transport=polling&sid=%ff%fe", "EIO[]=4&transport[]=polling", `EIO=4&transport=polling&${"a=1&".repeat(1000)}`, "%", "=&=&="]) {
    const { status } = await get(`${server.url}/engine.io/?${query}`);
    assert.ok([200, 400, 414].includes(status), `${query.slice(0, 40)}: ${status}`);
  }
});

test("the server accepts new clients after all attacks", () => assertServesNewClients(server));
