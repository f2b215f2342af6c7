// Every acknowledged message is stored, and reaches every client that may receive it once and in one order, through network faults and server kills.
// This is a short run; `cargo xtask chaos --long` is the long one.

import assert from "node:assert/strict";
import { connect, createServer } from "node:net";
import { test } from "node:test";
import { startServer } from "../support/server.js";
import { user } from "../support/users.js";
import { waitForEvent } from "../support/wait-for.js";
import { PythonClient } from "./python-client.js";
import { run } from "./run.js";

const SHORT_RUN = { seed: 1, messages: 2000, kills: 3, cuts: 60 };

test("no acknowledged message is lost, doubled, reordered, or sent to other rooms, through 60 cuts and 3 kills", async (t) => {
  const result = await run(SHORT_RUN);
  t.diagnostic(JSON.stringify(result));
  assert.deepEqual(result.errors, []);
  assert.equal(result.acked, SHORT_RUN.messages);
  assert.equal(result.kills, SHORT_RUN.kills);
  assert.ok(result.cuts >= SHORT_RUN.cuts, `${result.cuts} cuts`);
  assert.ok(result.statistics.recovered > 0, "no session was recovered");
});

const SHORT_CLUSTER_RUN = { seed: 1, nodes: 3, messages: 2000, kills: 3, freezes: 1, redisRestarts: 2, postgresRestarts: 2, cuts: 60 };

test("the same holds for three nodes, also if they freeze and Redis and PostgreSQL restart", async (t) => {
  const result = await run(SHORT_CLUSTER_RUN);
  t.diagnostic(JSON.stringify(result));
  assert.deepEqual(result.errors, []);
  assert.equal(result.acked, SHORT_CLUSTER_RUN.messages);
  for (const fault of ["kills", "freezes", "redisRestarts", "postgresRestarts"]) assert.equal(result[fault], SHORT_CLUSTER_RUN[fault], fault);
  assert.ok(result.cuts >= SHORT_CLUSTER_RUN.cuts, `${result.cuts} cuts`);
  assert.ok(result.statistics.recovered > 0, "no session was recovered");
});

test("a Python process that exits at once fails the run", async () => {
  const client = new PythonClient("http://127.0.0.1:1", { sub: 1, token: "", room: 1, transports: ["websocket"], kind: "python" }, "false");
  await assert.rejects(client.ready, /python 1 ended with 1/);
  await assert.rejects(client.receivedEverything(), /python 1 ended with 1/);
  const missing = new PythonClient("http://127.0.0.1:1", { sub: 2, token: "", room: 1, transports: ["websocket"], kind: "python" }, "/nowhere/python");
  await assert.rejects(missing.ready, /ENOENT/);
});

test("a Python client with a stalled handshake connects again", async (t) => {
  const server = await startServer();
  t.after(() => server.stop());
  const { id: room } = await user(server, "7").request("POST", "/shared/chat/rooms", { name: "Team" });
  const sockets = [];
  const proxy = createServer((socket) => {
    socket.on("error", () => {});
    sockets.push(socket);
    // The first connection has no response and stays open.
    if (sockets.length === 1) return socket.resume();
    const upstream = connect(server.port, "127.0.0.1");
    upstream.on("error", () => {});
    socket.pipe(upstream).pipe(socket);
  });
  t.after(() => {
    sockets.forEach((socket) => socket.destroy());
    proxy.close();
  });
  proxy.listen(0, "127.0.0.1");
  await waitForEvent(proxy, "listening");
  const url = `http://127.0.0.1:${proxy.address().port}`;
  const token = server.token({ sub: "7", name: "7" });
  const client = new PythonClient(url, { sub: 7, token, room, transports: ["websocket"], kind: "python" });
  t.after(() => client.child.kill());
  await client.caughtUp();
  assert.ok(sockets.length > 1);
});
