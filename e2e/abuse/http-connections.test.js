// HTTP connections that clients keep busy: an address may have a number of them, the server closes those whose answers are not read, and it answers health
// checks meanwhile.

import assert from "node:assert/strict";
import { connect } from "node:net";
import { describe, test } from "node:test";
import { PollingSession } from "../support/engineio.js";
import { get } from "../support/http.js";
import { startServer } from "../support/server.js";
import { waitFor, waitForEvent } from "../support/wait-for.js";
import { waitUntil } from "../support/wait-until.js";

const READER = "GET /openapi.json HTTP/1.1\r\nHost: x\r\n\r\n".repeat(20);

async function started(t, settings, options) {
  const server = await startServer({ METRICS: "open", ...settings }, options);
  t.after(() => server.stop());
  return server;
}

// A TCP connection from an address of this machine that has sent this and reads nothing.
async function reader(t, server, localAddress, said) {
  const socket = connect({ port: server.port, host: "127.0.0.1", localAddress });
  t.after(() => socket.destroy());
  socket.on("error", () => {});
  await waitForEvent(socket, "connect");
  socket.pause();
  socket.write(said);
  return socket;
}

const all = (count, make) => Promise.all(Array.from({ length: count }, (_, number) => make(number)));

// How a GET from this address is answered: its status, or "refused" if the connection ends first.
const asked = (server, path, localAddress) => statusOf(new Promise((resolve, reject) => {
  const socket = connect({ port: server.port, host: "127.0.0.1", localAddress });
  socket.once("error", reject).once("close", () => reject(new Error("closed"))).on("data", (data) => {
    resolve(data.toString("latin1"));
    socket.destroy();
  });
  socket.write(`GET ${path} HTTP/1.1\r\nHost: x\r\n\r\n`);
}));
const statusOf = (response) => waitFor(response.then((text) => Number(text.split(" ")[1]), () => "refused"), () => "a GET is not answered");

describe("readers of an answer that do not read", () => {
  test("have 256 connections from one address, and others are served meanwhile", async (t) => {
    const server = await started(t, { MAX_HTTP_CONNECTIONS_PER_ADDRESS: undefined, ANSWER_TIMEOUT: "1h" });
    await all(256, () => reader(t, server, "127.0.0.2", READER));
    // Connections are accepted in the order in which they were made.
    assert.equal(await asked(server, "/openapi.json", "127.0.0.2"), 429);
    assert.equal(await asked(server, "/health/live", "127.0.0.2"), 429);
    assert.equal(await asked(server, "/openapi.json", "127.0.0.3"), 200);
    const { text } = await get(`${server.url}/metrics`);
    assert.match(text, /roomcast_http_connections_refused_total\{code="too_many_connections"\} 2\n/);
  });

  test("are closed when their answers make no progress, and a poll that waits is not", async (t) => {
    const server = await started(t, { ANSWER_TIMEOUT: "1s" });
    const session = await PollingSession.open(server, { path: "/socket.io/" });
    const polled = session.get();
    const stalled = await all(20, () => reader(t, server, "127.0.0.2", READER.repeat(100)));
    await waitUntil(() => {
      const open = stalled.filter((socket) => !socket.closed);
      // A connection that was reset is closed when its client writes to it next.
      for (const socket of open) socket.write("x");
      return open.length === 0 ? null : `${open.length} of ${stalled.length} connections are open`;
    });
    await session.post("40");
    assert.match((await polled).text, /^44/);
  });

  test("leave places for health checks when they have taken all others", async (t) => {
    const server = await started(t, { MAX_HTTP_CONNECTIONS: "64", ANSWER_TIMEOUT: "1h" });
    await all(64, (number) => reader(t, server, `127.0.1.${number}`, READER));
    // Connections that have just ended may still hold places: the one that showed that the server listens, and those of the requests.
    let more = 64;
    await waitUntil(async () => {
      const paths = ["/households", "/socket.io/?EIO=4&transport=polling"];
      const statuses = [];
      for (const path of paths) statuses.push(await asked(server, path, "127.0.0.2"));
      if (statuses.every((status) => status === 503)) return null;
      const seen = `${more} connections are open, and ${paths.join(" and ")} are answered ${statuses.join(" and ")}`;
      assert.ok(more < 128, seen);
      await reader(t, server, `127.0.1.${more++}`, READER);
      return seen;
    });
    // The places for health checks are taken by connections that say nothing, too.
    await all(100, (number) => reader(t, server, `127.0.2.${number}`, ""));
    for (const path of ["/health/live", "/health/ready", "/api/v1/socket/health"]) assert.equal(await asked(server, path, "127.0.0.2"), 200, path);
  });
});

test("when all descriptors are taken health checks are answered, and others again when some come free", async (t) => {
  const server = await started(t, {}, { descriptors: 200 });
  const taken = await all(300, (number) => reader(t, server, `127.0.1.${number % 250}`, "GET / HTTP/1.1\r\n"));
  assert.equal(await asked(server, "/health/live", "127.0.0.2"), 200);
  assert.equal(await asked(server, "/health/ready", "127.0.0.2"), 200);
  for (const socket of taken) socket.destroy();
  await waitUntil(async () => {
    const status = await asked(server, "/households", "127.0.0.2");
    return status === 401 ? null : `/households is answered ${status}`;
  });
});
