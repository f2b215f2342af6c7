// permessage-deflate (RFC 7692), which is off by default.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { conformanceServer, LONG_HEARTBEATS } from "../support/conformance-server.js";
import { openEngineSocket, PollingSession } from "../support/engineio.js";
import { client, connected, echoNumbers, numbers } from "../support/socketio-clients.js";
import { waitForEvent } from "../support/wait-for.js";
import { openWebSocket, QueuedWebSocket } from "../support/ws-queue.js";

const server = conformanceServer({ ...LONG_HEARTBEATS, DEFLATE: "true" });
const withoutDeflate = conformanceServer(LONG_HEARTBEATS);

const repetitive = "the same text again and again, ".repeat(3000);

async function negotiate(offer) {
  const socket = new QueuedWebSocket(`${server.ws}/raw`, [], { headers: { "sec-websocket-extensions": offer } });
  // The client library rejects a response to an offer that it did not make, so only the response header is checked.
  const [[response]] = await Promise.all([waitForEvent(socket.ws, "upgrade"), socket.opened.catch(() => {})]);
  socket.ws.terminate();
  return response.headers["sec-websocket-extensions"];
}

test("compression is not negotiated when the server has it off", async () => {
  const socket = await openEngineSocket(withoutDeflate, { perMessageDeflate: true });
  assert.equal(socket.ws.extensions, "");
  await socket.close();
});

test("compression is not negotiated with a client that does not offer it", async () => {
  const socket = await openEngineSocket(server, { perMessageDeflate: false });
  assert.equal(socket.ws.extensions, "");
  socket.send(`4${repetitive}`);
  assert.equal(await socket.next(), `4${repetitive}`);
  await socket.close();
});

test("compression is negotiated with server_no_context_takeover", async () => {
  for (const offer of ["permessage-deflate", "permessage-deflate; client_max_window_bits", "permessage-deflate; server_no_context_takeover", "permessage-deflate;client_no_context_takeover"]) {
    assert.match((await negotiate(offer)) ?? "", /^permessage-deflate;.*server_no_context_takeover/, offer);
  }
});

test("compression is not negotiated for an invalid offer", async () => {
  for (const offer of ["permessage-deflate; unknown=1", "permessage-deflate; server_max_window_bits=99", "x-webkit-deflate-frame", "permessage-deflate; server_max_window_bits=8; server_max_window_bits=8"]) {
    assert.equal(await negotiate(offer), undefined, offer);
  }
});

test("compression is negotiated with every window size that a client may request", async () => {
  for (let bits = 8; bits <= 15; bits++) {
    const terms = await negotiate(`permessage-deflate; server_max_window_bits=${bits}`);
    assert.equal(terms, `permessage-deflate; server_no_context_takeover; client_no_context_takeover; server_max_window_bits=${bits}`);
  }
});

// The sizes and parameters of sections 12 and 13 of the Autobahn test suite, and the window sizes that it does not cover.
describe("a client that requests a window", () => {
  const SIZES = [16, 64, 256, 1024, 4096, 8192, 16_384, 32_768, 65_536, 131_072];
  // Texts that repeat at a distance of some 300 and 5,000 bytes.
  const distances = [40, 700].map((length) => Array.from({ length }, (_, i) => `word${(i * 7919) % 10_007} `).join(""));

  for (let bits = 8; bits <= 15; bits++) {
    for (const noContextTakeover of [undefined, true]) {
      test(`of ${bits} bits, ${noContextTakeover ? "without" : "with"} context takeover, sends and receives messages of every size`, async () => {
        const perMessageDeflate = { threshold: 0, serverMaxWindowBits: bits, clientMaxWindowBits: bits, serverNoContextTakeover: noContextTakeover, clientNoContextTakeover: noContextTakeover };
        const socket = await openEngineSocket(server, { path: "/engine.io/", perMessageDeflate });
        assert.equal(socket.ws._extensions["permessage-deflate"].params.server_max_window_bits, bits);
        for (const size of SIZES) {
          for (const unit of distances) {
            const text = `4${unit.repeat(Math.ceil(size / unit.length)).slice(0, size)}`;
            const bytes = Buffer.from(text);
            socket.send(text, bytes);
            assert.equal(await socket.next(), text);
            assert.deepEqual(await socket.next(), bytes);
          }
        }
        await socket.close();
      });
    }
  }
});

test("the server accepts the second offer if the first one is invalid", async () => {
  assert.match((await negotiate("permessage-deflate; unknown=1, permessage-deflate")) ?? "", /^permessage-deflate/);
});

for (const [terms, perMessageDeflate] of Object.entries({
  "the client's defaults": { threshold: 0 },
  "no context on either side": { threshold: 0, clientNoContextTakeover: true, serverNoContextTakeover: true },
  "a small client window": { threshold: 0, clientMaxWindowBits: 10 },
})) {
  describe(`with ${terms}`, () => {
    const open = (path) => openEngineSocket(server, { path, perMessageDeflate });

    test("texts and binaries of every size are echoed unchanged", async () => {
      const socket = await open("/engine.io/");
      assert.match(socket.ws.extensions, /permessage-deflate/);
      const sent = [];
      for (const size of [0, 1, 2, 100, 125, 126, 1000, 65_535, 65_536, 300_000]) {
        const text = `4${repetitive.repeat(4).slice(0, size)}`;
        const random = Buffer.from(Array.from({ length: Math.min(size, 70_000) }, () => Math.floor(Math.random() * 256)));
        socket.send(text, random);
        sent.push(text, random);
      }
      for (const message of sent) assert.deepEqual(await socket.next(), message);
      await socket.close();
    });

    test("fragments of one message are inflated together, with a ping between them", async () => {
      const socket = await open("/engine.io/");
      const parts = ["4first ", repetitive, "€€€", " last"];
      parts.forEach((part, i) => {
        socket.ws.send(part, { fin: i === parts.length - 1, compress: true });
        if (i === 1) socket.ws.ping("between");
      });
      assert.equal(await socket.next(), parts.join(""));
      await socket.close();
    });

    test("uncompressed messages may be mixed with compressed ones", async () => {
      const socket = await open("/engine.io/");
      for (let i = 0; i < 20; i++) {
        socket.ws.send(`4${i} ${repetitive}`, { compress: i % 2 === 0 });
        assert.equal(await socket.next(), `4${i} ${repetitive}`);
      }
      await socket.close();
    });
  });
}

test("compression reduces the bytes that the server sends to less than a tenth", async () => {
  const socket = await openEngineSocket(server, { perMessageDeflate: { threshold: 0 } });
  socket.send(`4${repetitive}`);
  await socket.next();
  const { bytesRead } = socket.ws._socket;
  assert.ok(bytesRead < repetitive.length / 10, `${bytesRead} bytes for ${repetitive.length}`);
  await socket.close();
});

test("a stock client with compression and one without receive 300 echoes each", async (t) => {
  const transports = ["websocket"];
  const sockets = [true, false].map((perMessageDeflate) => client(t, server.url, { transports, perMessageDeflate }));
  await Promise.all(sockets.map(connected));
  const all = await Promise.all(sockets.map((socket) => echoNumbers(socket, 300, (i) => (i % 3 ? repetitive.slice(0, i) : Buffer.alloc(i, 65)))));
  for (const back of all) assert.deepEqual(back, numbers(300));
});

test("compression also works after the upgrade of a session", async () => {
  const session = await PollingSession.open(server);
  await session.post(`4${repetitive}`);
  const socket = await openWebSocket(session.ws, { perMessageDeflate: { threshold: 0 } });
  socket.send("5", `4later ${repetitive}`);
  assert.equal(await socket.next(), `4${repetitive}`);
  assert.equal(await socket.next(), `4later ${repetitive}`);
  await socket.close();
});
