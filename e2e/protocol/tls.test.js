// The same over TLS, which the engine drives by hand: every way of travelling, messages of many records, and readers that are slow.

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
  const made = await generate([{ name: "commonName", value: "localhost" }], { keySize: 2048 });
  const files = { TLS_CERT: path.join(folder, "cert.pem"), TLS_KEY: path.join(folder, "key.pem") };
  writeFileSync(files.TLS_CERT, made.cert);
  writeFileSync(files.TLS_KEY, made.private);
  running = await startServer(files);
  const trust = { ca: made.cert, servername: "localhost", checkServerIdentity: () => undefined };
  Object.assign(server, { url: running.url.replace("http", "https"), ws: running.ws.replace("ws", "wss"), port: running.port, trust, token: running.token });
});

after(async () => {
  await running?.stop();
  rmSync(folder, { recursive: true, force: true });
});

function ask(method, where, claims, body) {
  const headers = { authorization: `Bearer ${server.token(claims)}`, "content-type": "application/json" };
  const response = new Promise((resolve, reject) => {
    const asking = request(server.url + where, { method, headers, ...server.trust }, async (response) => {
      let text = "";
      for await (const chunk of response) text += chunk;
      resolve({ status: response.statusCode, body: text && JSON.parse(text) });
    });
    asking.on("error", reject).end(body && JSON.stringify(body));
  });
  return waitFor(response, () => `${method} ${where} is not answered`);
}

for (const [how, transports] of Object.entries(TRANSPORTS)) {
  test(`a household's events travel by ${how}`, async (t) => {
    const anna = { sub: `anna-${how}`, name: "Anna" };
    const household = (await ask("POST", "/households", anna, { name: "Home" })).body;
    const socket = client(t, server.url, { transports, auth: { token: server.token(anna) }, ...server.trust });
    await connected(socket);
    if (how === "upgrade") await waitForUpgrade(socket);
    assert.deepEqual(await socket.emitWithAck("join:household", household.id).then((ack) => ack.ok), true);
    // Several TLS records each, and all of them at once.
    const count = 30;
    const titles = Array.from({ length: count }, (_, number) => `${number}`);
    const description = "é".repeat(4_000);
    const got = [];
    const all = new Promise((resolve) => {
      socket.on("task:created", ({ task }) => got.push(task) === count && resolve());
    });
    await Promise.all(titles.map((title) => ask("POST", `/households/${household.id}/tasks`, anna, { title, description })));
    await waitFor(all, () => `${got.length} of ${count} tasks have arrived`);
    assert.deepEqual(got.map((task) => task.title).sort(), [...titles].sort());
    assert.ok(got.every((task) => task.description === description));
  });
}

describe("the raw WebSocket", () => {
  const address = () => `${server.ws}/api/v1/ws/connect?token=${server.token({ sub: "ben", name: "Ben" })}`;

  test("is greeted and answered", async () => {
    const socket = await openWebSocket(address(), server.trust);
    assert.equal(JSON.parse(await socket.next()).type, "connected");
    socket.send(JSON.stringify({ type: "ping" }));
    assert.equal(JSON.parse(await socket.next()).type, "pong");
    await socket.close();
  });

  test("takes a message of many records, and many messages in one", async () => {
    const socket = await openWebSocket(address(), server.trust);
    await socket.next();
    socket.send("x".repeat(900_000));
    assert.equal(JSON.parse(await socket.next()).type, "error");
    for (let round = 0; round < 200; round++) socket.send(JSON.stringify({ type: "ping" }));
    for (let round = 0; round < 200; round++) assert.equal(JSON.parse(await socket.next()).type, "pong");
    await socket.close();
  });

  test("hears what was said in the same breath as the handshake", async () => {
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
    // Two records, sent together.
    socket.cork();
    socket.write(`${lines.join("\r\n")}\r\n\r\n`);
    socket.write(frame);
    socket.uncork();
    let said = "";
    const answered = (async () => {
      for await (const chunk of socket) {
        said += chunk.toString("latin1");
        if (said.includes('"pong"')) break;
      }
    })();
    await waitFor(answered, () => `there is no pong in ${said}`);
    socket.destroy();
    assert.match(said, /^HTTP\/1.1 101 /);
  });
});

test("plain HTTP is not spoken there", async () => {
  await assert.rejects(fetch(`http://127.0.0.1:${server.port}/households`));
});
