// HTTP connections that clients keep busy. The number per address is limited, the server closes those that do not read the response, and it still answers
// health checks.

import assert from "node:assert/strict";
import { connect } from "node:net";
import { describe, test } from "node:test";
import { PollingSession } from "../support/engineio.js";
import { get } from "../support/http.js";
import { startServer } from "../support/server.js";
import { waitFor, waitForEvent } from "../support/wait-for.js";
import { waitUntil } from "../support/wait-until.js";

const REQUESTS = "GET /openapi.json HTTP/1.1\r\nHost: x\r\n\r\n".repeat(20);

async function startTestServer(t, settings, options) {
  const server = await startServer({ METRICS: "open", ...settings }, options);
  t.after(() => server.stop());
  return server;
}

// A TCP connection from a loopback address that sends these bytes and reads nothing.
async function openStalledReader(t, server, localAddress, bytes) {
  const socket = connect({ port: server.port, host: "127.0.0.1", localAddress });
  t.after(() => socket.destroy());
  socket.on("error", () => {});
  await waitForEvent(socket, "connect");
  socket.pause();
  socket.write(bytes);
  return socket;
}

const createMany = (count, make) => Promise.all(Array.from({ length: count }, (_, number) => make(number)));

// The status of a GET from this address, or "closed" if the connection closes before the response.
const requestStatus = (server, path, localAddress) => statusOf(new Promise((resolve, reject) => {
  const socket = connect({ port: server.port, host: "127.0.0.1", localAddress });
  socket.once("error", reject).once("close", () => reject(new Error("closed"))).on("data", (data) => {
    resolve(data.toString("latin1"));
    socket.destroy();
  });
  socket.write(`GET ${path} HTTP/1.1\r\nHost: x\r\n\r\n`);
}));
const statusOf = (response) => waitFor(response.then((text) => Number(text.split(" ")[1]), () => "closed"), () => "a GET has no response");

describe("clients that do not read the response", () => {
  test("may have 256 connections from one address, and other addresses are served", async (t) => {
    const server = await startTestServer(t, { MAX_HTTP_CONNECTIONS_PER_ADDRESS: undefined, ANSWER_TIMEOUT: "1h" });
    await createMany(256, () => openStalledReader(t, server, "127.0.0.2", REQUESTS));
    // The server accepts the connections in their order.
    assert.equal(await requestStatus(server, "/openapi.json", "127.0.0.2"), 429);
    assert.equal(await requestStatus(server, "/health/live", "127.0.0.2"), 429);
    assert.equal(await requestStatus(server, "/openapi.json", "127.0.0.3"), 200);
    const { text } = await get(`${server.url}/metrics`);
    assert.match(text, /roomcast_http_connections_refused_total\{code="too_many_connections"\} 2\n/);
  });

  test("are disconnected after ANSWER_TIMEOUT, and a waiting poll is not", async (t) => {
    const server = await startTestServer(t, { ANSWER_TIMEOUT: "1s" });
    const session = await PollingSession.open(server, { path: "/socket.io/" });
    const polled = session.get();
    const stalled = await createMany(20, () => openStalledReader(t, server, "127.0.0.2", REQUESTS.repeat(100)));
    await waitUntil(() => {
      const open = stalled.filter((socket) => !socket.closed);
      // The client detects a reset connection when it writes.
      for (const socket of open) socket.write("x");
      return open.length === 0 ? null : `${open.length} of ${stalled.length} connections are open`;
    });
    await session.post("40");
    assert.match((await polled).text, /^44/);
  });

  test("leave slots for health checks when they have taken all others", async (t) => {
    const server = await startTestServer(t, { MAX_HTTP_CONNECTIONS: "64", ANSWER_TIMEOUT: "1h" });
    await createMany(64, (number) => openStalledReader(t, server, `127.0.1.${number}`, REQUESTS));
    // Connections that have just closed may still hold slots: the one that checked that the server listens, and those of the requests.
    let more = 64;
    await waitUntil(async () => {
      const paths = ["/households", "/socket.io/?EIO=4&transport=polling"];
      const statuses = [];
      for (const path of paths) statuses.push(await requestStatus(server, path, "127.0.0.2"));
      if (statuses.every((status) => status === 503)) return null;
      const seen = `${more} connections are open, and the statuses of ${paths.join(" and ")} are ${statuses.join(" and ")}`;
      assert.ok(more < 128, seen);
      await openStalledReader(t, server, `127.0.1.${more++}`, REQUESTS);
      return seen;
    });
    // Idle connections take the slots for health checks as well.
    await createMany(100, (number) => openStalledReader(t, server, `127.0.2.${number}`, ""));
    for (const path of ["/health/live", "/health/ready", "/api/v1/socket/health"]) assert.equal(await requestStatus(server, path, "127.0.0.2"), 200, path);
  });
});

test("when all descriptors are in use health checks are answered, and other requests again when some are free", async (t) => {
  const server = await startTestServer(t, {}, { descriptors: 200 });
  const taken = await createMany(300, (number) => openStalledReader(t, server, `127.0.1.${number % 250}`, "GET / HTTP/1.1\r\n"));
  assert.equal(await requestStatus(server, "/health/live", "127.0.0.2"), 200);
  assert.equal(await requestStatus(server, "/health/ready", "127.0.0.2"), 200);
  for (const socket of taken) socket.destroy();
  await waitUntil(async () => {
    const status = await requestStatus(server, "/households", "127.0.0.2");
    return status === 401 ? null : `the status of /households is ${status}`;
  });
});
