// TLS, which the engine drives itself: every transport, messages of many TLS records, and data in the same segment as the handshake.

import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { request } from "node:https";
import { tmpdir } from "node:os";
import path from "node:path";
import { after, before, describe, test } from "node:test";
import { connect } from "node:tls";
import { generate } from "selfsigned";
import { startServer } from "../support/server.js";
import { client, connected, TRANSPORTS, waitForUpgrade } from "../support/socketio-clients.js";
import { waitFor } from "../support/wait-for.js";
import { openWebSocket } from "../support/ws-queue.js";

const folder = mkdtempSync(path.join(tmpdir(), "roomcast-tls-"));
const server = {};
let running;

before(async () => {
  const certificate = await generate([{ name: "commonName", value: "localhost" }], { keySize: 2048 });
  const files = { TLS_CERT: path.join(folder, "cert.pem"), TLS_KEY: path.join(folder, "key.pem") };
  writeFileSync(files.TLS_CERT, certificate.cert);
  writeFileSync(files.TLS_KEY, certificate.private);
  running = await startServer(files);
  const trust = { ca: certificate.cert, servername: "localhost", checkServerIdentity: () => undefined };
  Object.assign(server, { url: running.url.replace("http", "https"), ws: running.ws.replace("ws", "wss"), port: running.port, trust, token: running.token });
});

after(async () => {
  await running?.stop();
  rmSync(folder, { recursive: true, force: true });
});

function sendRequest(method, where, claims, body) {
  const headers = { authorization: `Bearer ${server.token(claims)}`, "content-type": "application/json" };
  const response = new Promise((resolve, reject) => {
    const outgoing = request(server.url + where, { method, headers, ...server.trust }, async (response) => {
      let text = "";
      for await (const chunk of response) text += chunk;
      resolve({ status: response.statusCode, body: text && JSON.parse(text) });
    });
    outgoing.on("error", reject).end(body && JSON.stringify(body));
  });
  return waitFor(response, () => `${method} ${where} has no response`);
}

for (const [transport, transports] of Object.entries(TRANSPORTS)) {
  test(`30 events of many TLS records arrive over ${transport}`, async (t) => {
    const anna = { sub: `anna-${transport}`, name: "Anna" };
    const household = (await sendRequest("POST", "/households", anna, { name: "Home" })).body;
    const socket = client(t, server.url, { transports, auth: { token: server.token(anna) }, ...server.trust });
    await connected(socket);
    if (transport === "upgrade") await waitForUpgrade(socket);
    assert.deepEqual(await socket.emitWithAck("join:household", household.id).then((ack) => ack.ok), true);
    // Each event needs several TLS records, and all are sent at the same time.
    const count = 30;
    const titles = Array.from({ length: count }, (_, number) => `${number}`);
    const description = "é".repeat(4_000);
    const received = [];
    const all = new Promise((resolve) => {
      socket.on("task:created", ({ task }) => received.push(task) === count && resolve());
    });
    await Promise.all(titles.map((title) => sendRequest("POST", `/households/${household.id}/tasks`, anna, { title, description })));
    await waitFor(all, () => `${received.length} of ${count} tasks have arrived`);
    assert.deepEqual(received.map((task) => task.title).sort(), [...titles].sort());
    assert.ok(received.every((task) => task.description === description));
  });
}

describe("the raw WebSocket over TLS", () => {
  const address = () => `${server.ws}/api/v1/ws/connect?token=${server.token({ sub: "ben", name: "Ben" })}`;

  test("receives a greeting and replies", async () => {
    const socket = await openWebSocket(address(), server.trust);
    assert.equal(JSON.parse(await socket.next()).type, "connected");
    socket.send(JSON.stringify({ type: "ping" }));
    assert.equal(JSON.parse(await socket.next()).type, "pong");
    await socket.close();
  });

  test("accepts a message of many records, and many messages in one record", async () => {
    const socket = await openWebSocket(address(), server.trust);
    await socket.next();
    socket.send("x".repeat(900_000));
    assert.equal(JSON.parse(await socket.next()).type, "error");
    for (let round = 0; round < 200; round++) socket.send(JSON.stringify({ type: "ping" }));
    for (let round = 0; round < 200; round++) assert.equal(JSON.parse(await socket.next()).type, "pong");
    await socket.close();
  });

  test("receives a message that the client sends together with the handshake", async () => {
    const url = new URL(address());
    const lines = [
      `GET ${url.pathname}${url.search} HTTP/1.1`,
      "Host: localhost",
      "Connection: Upgrade",
      "Upgrade: websocket",
      "Sec-WebSocket-Version: 13",
      "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
    ];
    const ping = Buffer.from(JSON.stringify({ type: "ping" }));
    const frame = Buffer.concat([Buffer.from([0x81, 0x80 | ping.length, 0, 0, 0, 0]), ping]);
    const socket = connect({ port: server.port, host: "127.0.0.1", ...server.trust });
    // The client sends two records together.
    socket.cork();
    socket.write(`${lines.join("\r\n")}\r\n\r\n`);
    socket.write(frame);
    socket.uncork();
    let output = "";
    const pongArrived = (async () => {
      for await (const chunk of socket) {
        output += chunk.toString("latin1");
        if (output.includes('"pong"')) break;
      }
    })();
    await waitFor(pongArrived, () => `no pong has arrived; the server has sent ${output}`);
    socket.destroy();
    assert.match(output, /^HTTP\/1.1 101 /);
  });
});

test("plain HTTP on the TLS port fails", async () => {
  await assert.rejects(fetch(`http://127.0.0.1:${server.port}/households`));
});
