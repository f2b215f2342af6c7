// The stock client with socket.io-msgpack-parser.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import parser from "socket.io-msgpack-parser";
import { conformanceServer, LONG_HEARTBEATS } from "../support/conformance-server.js";
import { client, connected, echoNumbers, nextEvent, numbers, TRANSPORTS } from "../support/socketio-clients.js";

const server = conformanceServer({ ...LONG_HEARTBEATS, PARSER: "msgpack" });

for (const [transport, transports] of Object.entries(TRANSPORTS)) {
  describe(`over ${transport} the client with msgpack`, () => {
    const open = (t, path = "", options = {}) => client(t, `${server.url}${path}`, { transports, parser, ...options });

    test("connects and receives its auth payload", async (t) => {
      const socket = open(t, "", { auth: { token: "abc" } });
      const auth = nextEvent(socket, "auth");
      await connected(socket);
      assert.deepEqual(await auth, [{ token: "abc" }]);
    });

    test("is rejected in an unknown namespace", async (t) => {
      await assert.rejects(connected(open(t, "/nowhere")), { message: "Invalid namespace" });
    });

    test("receives values of every kind unchanged", async (t) => {
      const socket = await connected(open(t));
      const args = [null, true, -1, 2 ** 40, 1.5, "é€😀", [1, [2]], { a: { b: null } }, Buffer.from([1, 2, 3]), { deep: [Buffer.alloc(70_000, 5)] }];
      const back = nextEvent(socket, "message-back");
      socket.emit("message", ...args);
      assert.deepEqual(await back, args);
    });

    test("receives 3,000 echoes in order, and acknowledgements", async (t) => {
      const socket = await connected(open(t));
      assert.deepEqual(await echoNumbers(socket, 3000, (i) => (i % 7 ? i : Buffer.alloc(20, i))), numbers(3000));
      assert.deepEqual(await socket.emitWithAck("message-with-ack", { a: 1 }), { a: 1 });
    });
  });
}

test("a client without msgpack cannot connect", async (t) => {
  const socket = client(t, server.url, { transports: ["websocket"] });
  const [reason] = await Promise.race([nextEvent(socket, "disconnect"), nextEvent(socket.io, "close")]);
  assert.ok(reason);
  assert.equal(socket.connected, false);
});
