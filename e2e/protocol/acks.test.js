// Acknowledgements with binary data, in both directions, with every stock client: the client acknowledges an event of the server, and the server
// acknowledges an event of the client.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import parser from "socket.io-msgpack-parser";
import { conformanceServer, LONG_HEARTBEATS } from "../support/conformance-server.js";
import { client, client2, client3, connected, nextEvent, TRANSPORTS } from "../support/socketio-clients.js";
import { waitFor } from "../support/wait-for.js";

const BYTES = Buffer.alloc(3000, 7);
// Each case: the arguments of the server's event, and the arguments of the acknowledgement.
const CASES = {
  "no arguments": [[], []],
  "texts": [["a", { b: [null] }], ["c", 1.5]],
  "binary": [[Buffer.from([1, 2, 3]), { deep: [BYTES] }, "€"], [{ found: BYTES, no: [] }, Buffer.alloc(0), "end"]],
};

const json = conformanceServer({ ...LONG_HEARTBEATS, ALLOW_EIO3: "true" });
const msgpack = conformanceServer({ ...LONG_HEARTBEATS, PARSER: "msgpack" });

const CLIENTS = {
  "version 4": [json, client, {}],
  "version 3": [json, client3, {}],
  "version 2": [json, client2, {}],
  "version 4 with msgpack": [msgpack, client, { parser }],
};

for (const [name, [server, open, options]] of Object.entries(CLIENTS)) {
  describe(`the client of ${name}`, () => {
    for (const [transport, transports] of Object.entries(TRANSPORTS)) {
      for (const [payload, [eventArgs, ackArgs]] of Object.entries(CASES)) {
        test(`over ${transport} acknowledges an event with ${payload}`, async (t) => {
          const socket = await connected(open(t, server.url, { transports, ...options }));
          const received = new Promise((resolve) => {
            socket.once("question", (...args) => {
              args.pop()(...ackArgs);
              resolve(args);
            });
          });
          const acknowledged = nextEvent(socket, "answered");
          socket.emit("ask-me", ...eventArgs);
          assert.deepEqual(await waitFor(received, () => "no event has arrived"), eventArgs);
          assert.deepEqual(await acknowledged, ackArgs);
        });

        test(`over ${transport} receives an acknowledgement with ${payload}`, async (t) => {
          const socket = await connected(open(t, server.url, { transports, ...options }));
          const acknowledged = new Promise((resolve) => {
            socket.emit("message-with-ack", ...ackArgs, (...args) => resolve(args));
          });
          assert.deepEqual(await waitFor(acknowledged, () => "no acknowledgement has arrived"), ackArgs);
        });
      }
    }
  });
}
