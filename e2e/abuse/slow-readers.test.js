// Clients that let the server talk and never listen: their connections end, and what waits for them is bounded.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { assertMemoryStable, assertServesNewClients } from "../support/assert-healthy.js";
import { conformanceServer, LONG_HEARTBEATS } from "../support/conformance-server.js";
import { openEngineSocket, PollingSession } from "../support/engineio.js";
import { waitFor } from "../support/wait-for.js";
import { frame, openTcpWebSocket, PING, TEXT } from "../support/websocket-frames.js";

const server = conformanceServer(LONG_HEARTBEATS);

// The outbox holds a megabyte at most; the rest is room for buffers that are shared and for the allocator.
const BOUND = 12;

async function floods(wire, message) {
  const before = server.running.memory();
  wire.socket.pause();
  const many = Buffer.concat(Array.from({ length: Math.ceil(500_000 / message.length) }, () => message));
  await writesUntilCut(wire, many, () => assertMemoryStable(server, before, BOUND));
}

// Writes the bytes again and again until the server has ended the connection. It may go on reading for a while behind its close frame, but not for ever.
function writesUntilCut(wire, bytes, check = () => {}) {
  const writes = async () => {
    while (!wire.socket.destroyed) {
      await wire.write(bytes);
      check();
    }
  };
  return waitFor(writes(), () => `the server reads on; it has read ${wire.socket.bytesWritten} bytes`).finally(() => wire.destroy());
}

describe("a reader that never reads is cut off", () => {
  test("when it asks for echoes of large messages", async () => floods(await openTcpWebSocket(server), frame(TEXT, Buffer.alloc(100_000, 65))));

  test("when it asks for echoes of small ones", async () => floods(await openTcpWebSocket(server), frame(TEXT, "hello")));

  test("when it pings", async () => floods(await openTcpWebSocket(server), frame(PING, Buffer.alloc(125, 65))));

  test("when it asks for acks", async () => {
    const wire = await openTcpWebSocket(server, "/socket.io/?EIO=4&transport=websocket");
    await wire.write(frame(TEXT, "40"));
    await floods(wire, frame(TEXT, `421["message-with-ack","${"x".repeat(1000)}"]`));
  });

  test("when it asks for refusals", async () => {
    const wire = await openTcpWebSocket(server, "/socket.io/?EIO=4&transport=websocket");
    await floods(wire, frame(TEXT, `40/${"x".repeat(1000)},`));
  });

  test("when it posts and never polls", async () => {
    const session = await PollingSession.open(server);
    const before = server.running.memory();
    const message = `4${"x".repeat(300_000)}`;
    let posts = 0;
    while ((await session.post(message)).status === 200) {
      assertMemoryStable(server, before, BOUND);
      assert.ok(++posts < 100, "the session ends");
    }
    assert.equal((await session.get()).status, 400);
  });
});

test("many of them at once take no more than their share, and others are served meanwhile", async () => {
  await assertServesNewClients(server);
  const before = server.running.memory();
  const wires = await Promise.all(Array.from({ length: 20 }, () => openTcpWebSocket(server)));
  const piece = Buffer.concat(Array.from({ length: 5 }, () => frame(TEXT, Buffer.alloc(100_000, 65))));
  const ends = wires.map((wire) => {
    wire.socket.pause();
    return writesUntilCut(wire, piece);
  });
  for (let i = 0; i < 10; i++) await assertServesNewClients(server);
  assertMemoryStable(server, before, 20 * 1 + BOUND + 20);
  await Promise.all(ends);
  assertMemoryStable(server, before, BOUND + 20, "when all are gone");
});

test("a reader that is slow and reads on gets everything, in order", async () => {
  const socket = await openEngineSocket(server);
  socket.ws.pause();
  const sent = Array.from({ length: 700 }, (_, i) => `4${i} ${"x".repeat(1000)}`);
  socket.send(...sent);
  await assertServesNewClients(server);
  socket.ws.resume();
  for (const message of sent) assert.equal(await socket.next(), message);
  await socket.close();
});

test("after all that, others are served", () => assertServesNewClients(server));
