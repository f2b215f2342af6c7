// The stock client of Socket.IO 4, over each transport and across the upgrade.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { conformanceServer, LONG_HEARTBEATS } from "../support/conformance-server.js";
import { client, connected, echoNumbers, nextEvent, numbers, TRANSPORTS, waitForUpgrade } from "../support/socketio-clients.js";
import { waitFor } from "../support/wait-for.js";

const server = conformanceServer(LONG_HEARTBEATS);
const shortHeartbeat = conformanceServer();

for (const [transport, transports] of Object.entries(TRANSPORTS)) {
  describe(`over ${transport} the client`, () => {
    test("connects, receives an id other than the session id, and receives its auth payload", async (t) => {
      const socket = client(t, server.url, { transports, auth: { token: "abc" } });
      const auth = nextEvent(socket, "auth");
      await connected(socket);
      assert.match(socket.id, /^[A-Za-z0-9_-]{20}$/);
      assert.notEqual(socket.id, socket.io.engine.id);
      assert.ok(!socket.recovered);
      assert.deepEqual(await auth, [{ token: "abc" }]);
    });

    test("receives 5,000 echoes once and in order", async (t) => {
      const socket = await connected(client(t, server.url, { transports }));
      assert.deepEqual(await echoNumbers(socket, 5000), numbers(5000));
    });

    test("receives the echoes of large and small messages in order", async (t) => {
      const socket = await connected(client(t, server.url, { transports }));
      const value = (i) => "x".repeat(i % 50 === 0 ? 200_000 : 10);
      assert.deepEqual(await echoNumbers(socket, 200, value), numbers(200));
    });

    test("sends and receives binary at any depth", async (t) => {
      const socket = await connected(client(t, server.url, { transports }));
      const args = [Buffer.from([1, 2, 3]), { deep: [{ er: Buffer.alloc(100_000, 5) }], text: "€" }, Buffer.alloc(0), null];
      const back = nextEvent(socket, "message-back");
      socket.emit("message", ...args);
      assert.deepEqual(await back, args);
    });

    test("receives 500 binary echoes in order", async (t) => {
      const socket = await connected(client(t, server.url, { transports }));
      assert.deepEqual(await echoNumbers(socket, 500, (i) => Buffer.alloc(i, i)), numbers(500));
    });

    test("receives 1,000 concurrent acknowledgements, also with binary", async (t) => {
      const socket = await connected(client(t, server.url, { transports }));
      assert.deepEqual(await socket.emitWithAck("message-with-ack", "x"), "x");
      assert.deepEqual(await socket.emitWithAck("message-with-ack", Buffer.from([7])), Buffer.from([7]));
      const acks = await Promise.all(numbers(1000).map((i) => socket.emitWithAck("message-with-ack", i)));
      assert.deepEqual(acks, numbers(1000));
    });

    test("can use several namespaces on one connection", async (t) => {
      const main = client(t, server.url, { transports, forceNew: false, multiplex: true });
      const custom = main.io.socket("/custom", { auth: { as: "custom" } });
      const auth = nextEvent(custom, "auth");
      await Promise.all([connected(main), connected(custom)]);
      assert.notEqual(main.id, custom.id);
      assert.deepEqual(await auth, [{ as: "custom" }]);
      assert.equal(await custom.emitWithAck("message-with-ack", 1), 1);
      custom.disconnect();
      assert.equal(await main.emitWithAck("message-with-ack", 2), 2);
      custom.connect();
      await connected(custom);
    });

    test("is rejected in an unknown namespace", async (t) => {
      await assert.rejects(connected(client(t, `${server.url}/nowhere`, { transports })), { message: "Invalid namespace" });
    });

    test("stays connected by its heartbeats", async (t) => {
      const socket = await connected(client(t, shortHeartbeat.url, { transports }));
      if (transport === "upgrade") await waitForUpgrade(socket);
      for (let pings = 0; pings < 4; pings++) await nextEvent(socket.io.engine, "ping");
      assert.equal(await socket.emitWithAck("message-with-ack", 1), 1);
    });

    test("reconnects after it has disconnected", async (t) => {
      const socket = await connected(client(t, server.url, { transports }));
      const id = socket.id;
      for (let i = 0; i < 5; i++) {
        socket.disconnect().connect();
        await connected(socket);
        assert.equal(await socket.emitWithAck("message-with-ack", i), i);
      }
      assert.notEqual(socket.id, id);
    });
  });
}

test("20 clients that upgrade while they send receive their echoes in order", async (t) => {
  const sockets = numbers(20).map(() => client(t, server.url, { transports: TRANSPORTS.upgrade }));
  await Promise.all(
    sockets.map(async (socket) => {
      await connected(socket);
      const back = await echoNumbers(socket, 500, (i) => (i % 10 ? i : Buffer.alloc(10, i)));
      assert.deepEqual(back, numbers(500));
      await waitForUpgrade(socket);
      assert.equal(socket.io.engine.transport.name, "websocket");
      assert.equal(await socket.emitWithAck("message-with-ack", "after"), "after");
    }),
  );
});

test("a client that upgrades in the middle of a stream loses no message", async (t) => {
  const socket = client(t, server.url, { transports: TRANSPORTS.upgrade });
  await connected(socket);
  const count = 4000;
  const echoed = [];
  const all = new Promise((resolve) => socket.on("message-back", (number) => echoed.push(number) === count && resolve()));
  // The client sends a few messages at a time during the upgrade, so that the upgrade can happen between any two of them.
  let sent = 0;
  const send = () => {
    for (let i = 0; i < 5 && sent < count; i++) socket.emit("message", sent++);
    if (sent < count) setImmediate(send);
  };
  send();
  await waitFor(all, () => `${echoed.length} of ${count} echoes have arrived`);
  assert.deepEqual(echoed, numbers(count));
  await waitForUpgrade(socket);
});
