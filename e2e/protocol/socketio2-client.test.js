// The stock client of Socket.IO 2, which uses Engine.IO 3.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { conformanceServer, LONG_HEARTBEATS } from "../support/conformance-server.js";
import { client, client2, connected, echoNumbers, nextEvent, numbers, TRANSPORTS } from "../support/socketio-clients.js";
import { waitFor } from "../support/wait-for.js";

const server = conformanceServer({ ...LONG_HEARTBEATS, ALLOW_EIO3: "true" });
const shortHeartbeat = conformanceServer({ ALLOW_EIO3: "true" });
const withoutEngineIo3 = conformanceServer(LONG_HEARTBEATS);

const ack = (socket, ...args) => {
  const acknowledged = new Promise((resolve) => socket.emit("message-with-ack", ...args, (...ackArgs) => resolve(ackArgs)));
  return waitFor(acknowledged, () => "no acknowledgement has arrived");
};

for (const [transport, transports] of Object.entries(TRANSPORTS)) {
  describe(`over ${transport} the client of version 2`, () => {
    test("is connected without a CONNECT packet, with the session id as its id", async (t) => {
      const socket = client2(t, server.url, { transports });
      const auth = nextEvent(socket, "auth");
      await connected(socket);
      assert.equal(socket.id, socket.io.engine.id);
      assert.equal((await auth).length, 1);
    });

    test("joins another namespace", async (t) => {
      const socket = client2(t, `${server.url}/custom?token=abc`, { transports });
      const auth = nextEvent(socket, "auth");
      await connected(socket);
      assert.equal(socket.id, `/custom#${socket.io.engine.id}`);
      assert.equal((await auth)[0].token, "abc");
      assert.deepEqual(await ack(socket, 1), [1]);
    });

    test("may append a query of 4 KB to a namespace, and no more", async (t) => {
      const open = (bytes) => client2(t, `${server.url}/custom?token=${"x".repeat(bytes - "token=".length)}`, { transports });
      const socket = open(4096);
      const auth = nextEvent(socket, "auth");
      await connected(socket);
      assert.equal((await auth)[0].token.length, 4096 - "token=".length);
      const [error] = await nextEvent(open(4097), "error");
      assert.equal(error, "The query of a namespace has at most 4096 bytes");
    });

    test("receives an error for an unknown namespace", async (t) => {
      const [error] = await nextEvent(client2(t, `${server.url}/nowhere`, { transports }), "error");
      assert.deepEqual(error, { message: "Invalid namespace" });
    });

    test("receives 3,000 echoes once and in order", async (t) => {
      const socket = await connected(client2(t, server.url, { transports }));
      assert.deepEqual(await echoNumbers(socket, 3000), numbers(3000));
    });

    test("sends and receives binary", async (t) => {
      const socket = await connected(client2(t, server.url, { transports }));
      const back = nextEvent(socket, "message-back");
      socket.emit("message", Buffer.from([1, 2, 3]), { deep: Buffer.alloc(70_000, 5) }, "€");
      assert.deepEqual(await back, [Buffer.from([1, 2, 3]), { deep: Buffer.alloc(70_000, 5) }, "€"]);
      assert.deepEqual(await echoNumbers(socket, 300, (i) => Buffer.alloc(i, i)), numbers(300));
    });

    test("receives an acknowledgement", async (t) => {
      const socket = await connected(client2(t, server.url, { transports }));
      assert.deepEqual(await ack(socket, 1, "2", Buffer.from([3])), [1, "2", Buffer.from([3])]);
    });

    test("stays connected by its own heartbeats", async (t) => {
      const socket = await connected(client2(t, shortHeartbeat.url, { transports }));
      for (let pongs = 0; pongs < 4; pongs++) await nextEvent(socket, "pong");
      assert.deepEqual(await ack(socket, 1), [1]);
    });
  });
}

test("a client of version 4 is served on the same port", async (t) => {
  const socket = await connected(client(t, server.url));
  assert.equal(await socket.emitWithAck("message-with-ack", 1), 1);
});

test("without ALLOW_EIO3 a client of version 2 is rejected", async (t) => {
  for (const transports of [["polling"], ["websocket"]]) {
    await assert.rejects(connected(client2(t, withoutEngineIo3.url, { transports })));
  }
});
