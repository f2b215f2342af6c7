// Clients that cause replies and never read them. The server closes their connections and bounds the memory of the waiting replies.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { assertMemoryStable, assertServesNewClients } from "../support/assert-healthy.js";
import { conformanceServer, LONG_HEARTBEATS } from "../support/conformance-server.js";
import { openEngineSocket, PollingSession } from "../support/engineio.js";
import { waitFor } from "../support/wait-for.js";
import { frame, openTcpWebSocket, PING, TEXT } from "../support/websocket-frames.js";

const server = conformanceServer(LONG_HEARTBEATS);

// The maximum growth of the server in megabytes: one for the outbox, and the rest for shared buffers and the allocator.
const BOUND = 12;

async function floodUntilClosed(connection, message) {
  const before = server.running.memory();
  connection.socket.pause();
  const many = Buffer.concat(Array.from({ length: Math.ceil(500_000 / message.length) }, () => message));
  await writeUntilClosed(connection, many, () => assertMemoryStable(server, before, BOUND));
}

// Writes the bytes repeatedly until the server closes the connection. The server may read for a while after its close frame.
function writeUntilClosed(connection, bytes, check = () => {}) {
  const writes = async () => {
    while (!connection.socket.destroyed) {
      await connection.write(bytes);
      check();
    }
  };
  return waitFor(writes(), () => `the server still reads; it has read ${connection.socket.bytesWritten} bytes`).finally(() => connection.destroy());
}

describe("a client that never reads is disconnected", () => {
  test("after it causes echoes of large messages", async () => floodUntilClosed(await openTcpWebSocket(server), frame(TEXT, Buffer.alloc(100_000, 65))));

  test("after it causes echoes of small messages", async () => floodUntilClosed(await openTcpWebSocket(server), frame(TEXT, "hello")));

  test("after it sends pings", async () => floodUntilClosed(await openTcpWebSocket(server), frame(PING, Buffer.alloc(125, 65))));

  test("after it causes acks", async () => {
    const connection = await openTcpWebSocket(server, "/socket.io/?EIO=4&transport=websocket");
    await connection.write(frame(TEXT, "40"));
    await floodUntilClosed(connection, frame(TEXT, `421["message-with-ack","${"x".repeat(1000)}"]`));
  });

  test("after it causes errors", async () => {
    const connection = await openTcpWebSocket(server, "/socket.io/?EIO=4&transport=websocket");
    await floodUntilClosed(connection, frame(TEXT, `40/${"x".repeat(1000)},`));
  });

  test("after it posts and never polls", async () => {
    const session = await PollingSession.open(server);
    const before = server.running.memory();
    const message = `4${"x".repeat(300_000)}`;
    let posts = 0;
    while ((await session.post(message)).status === 200) {
      assertMemoryStable(server, before, BOUND);
      assert.ok(++posts < 100, "the session has not ended");
    }
    assert.equal((await session.get()).status, 400);
  });
});

test("20 clients that never read stay within their memory bounds, and other clients are served", async () => {
  await assertServesNewClients(server);
  const before = server.running.memory();
  const connections = await Promise.all(Array.from({ length: 20 }, () => openTcpWebSocket(server)));
  const piece = Buffer.concat(Array.from({ length: 5 }, () => frame(TEXT, Buffer.alloc(100_000, 65))));
  const ends = connections.map((connection) => {
    connection.socket.pause();
    return writeUntilClosed(connection, piece);
  });
  for (let i = 0; i < 10; i++) await assertServesNewClients(server);
  assertMemoryStable(server, before, 20 * 1 + BOUND + 20);
  await Promise.all(ends);
  assertMemoryStable(server, before, BOUND + 20, "after all have disconnected");
});

test("a client that reads slowly receives everything in order", async () => {
  const socket = await openEngineSocket(server);
  socket.ws.pause();
  const sent = Array.from({ length: 700 }, (_, i) => `4${i} ${"x".repeat(1000)}`);
  socket.send(...sent);
  await assertServesNewClients(server);
  socket.ws.resume();
  for (const message of sent) assert.equal(await socket.next(), message);
  await socket.close();
});

test("the server accepts new clients after all attacks", () => assertServesNewClients(server));
