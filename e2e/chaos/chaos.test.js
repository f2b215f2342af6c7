// What was confirmed is on disk and reaches everybody who may see it, once and in one order, whatever the network and the machine do. A short run;
// `cargo xtask chaos --long` is the long one.

import assert from "node:assert/strict";
import { connect, createServer } from "node:net";
import { test } from "node:test";
import { startServer } from "../support/server.js";
import { user } from "../support/users.js";
import { waitForEvent } from "../support/wait-for.js";
import { PythonDevice } from "./python-client.js";
import { run } from "./run.js";

const SHORT = { seed: 1, messages: 2000, kills: 3, cuts: 60 };

test("nothing that was confirmed is lost, doubled, reordered or told to strangers, through cuts and kills", async (t) => {
  const outcome = await run(SHORT);
  t.diagnostic(JSON.stringify(outcome));
  assert.deepEqual(outcome.wrong, []);
  assert.equal(outcome.acked, SHORT.messages);
  assert.equal(outcome.kills, SHORT.kills);
  assert.ok(outcome.cuts >= SHORT.cuts, `${outcome.cuts} cuts`);
  assert.ok(outcome.figures.recovered > 0, "nobody came back as who they were");
});

test("a Python that ends at once is noticed", async () => {
  const device = new PythonDevice("http://127.0.0.1:1", { sub: 1, token: "", room: 1, transports: ["websocket"], transport: "python" }, "false");
  await assert.rejects(device.ready, /python 1 ended with 1/);
  await assert.rejects(device.hasHeardAll(), /python 1 ended with 1/);
  const missing = new PythonDevice("http://127.0.0.1:1", { sub: 2, token: "", room: 1, transports: ["websocket"], transport: "python" }, "/nowhere/python");
  await assert.rejects(missing.ready, /ENOENT/);
});

test("a Python whose handshake is stalled tries again", async (t) => {
  const server = await startServer();
  t.after(() => server.stop());
  const { id: room } = await user(server, "7").request("POST", "/shared/chat/rooms", { name: "Team" });
  const sockets = [];
  const proxy = createServer((client) => {
    client.on("error", () => {});
    sockets.push(client);
    // The first connection is never answered, and is not closed.
    if (sockets.length === 1) return client.resume();
    const upstream = connect(server.port, "127.0.0.1");
    upstream.on("error", () => {});
    client.pipe(upstream).pipe(client);
  });
  t.after(() => {
    sockets.forEach((socket) => socket.destroy());
    proxy.close();
  });
  proxy.listen(0, "127.0.0.1");
  await waitForEvent(proxy, "listening");
  const url = `http://127.0.0.1:${proxy.address().port}`;
  const token = server.token({ sub: "7", name: "7" });
  const device = new PythonDevice(url, { sub: 7, token, room, transports: ["websocket"], transport: "python" });
  t.after(() => device.child.kill());
  await device.isReady();
  assert.ok(sockets.length > 1);
});
