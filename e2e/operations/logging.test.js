// The server keeps running when it cannot write its log, and no client can fill the log.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { openEngineSocket } from "../support/engineio.js";
import { get } from "../support/http.js";
import { startServer } from "../support/server.js";
import { client, connected } from "../support/socketio-clients.js";
import { waitUntil } from "../support/wait-until.js";
import { connectionOutcome } from "../support/ws-queue.js";

async function startTestServer(t, settings) {
  const server = await startServer({ METRICS: "open", ...settings });
  t.after(() => server.stop());
  return server;
}

describe("a server with closed standard output and standard error", () => {
  test("keeps serving, and counts the lines that it cannot write", async (t) => {
    const server = await startTestServer(t, { LOG_LEVEL: "info" });
    server.child.stderr.destroy();
    server.child.stdout.destroy();
    const token = server.token({ sub: "anna" });
    for (let attempt = 0; attempt < 20; attempt++) {
      assert.equal((await get(`${server.url}/households`)).status, 401);
      assert.equal((await connectionOutcome(`${server.ws}/api/v1/ws/connect`)).code, 4401);
      const socket = client(t, server.url, { auth: { token }, transports: ["websocket"] });
      await connected(socket);
      socket.disconnect();
    }
    const { text } = await get(`${server.url}/metrics`);
    const failed = Number(text.match(/^roomcast_log_writes_failed_total (\d+)$/m)[1]);
    assert.ok(failed >= 20, `${failed} lines`);
    assert.ok(server.alive);
  });
});

// The audit lines with this reason. A line may represent several rejections.
const lines = (server, reason) => server.output.split("\n").filter((line) => line.includes(`reason="${reason}"`) || line.includes(`"reason":"${reason}"`));
const standsFor = (line) => Number(line.match(/repeated=(\d+)/)?.[1] ?? 1);

// Waits until the lines represent this number of rejections, and fails if they represent more.
async function waitForRejections(server, reason, rejections) {
  const sum = () => lines(server, reason).reduce((sum, line) => sum + standsFor(line), 0);
  await waitUntil(() => (sum() >= rejections ? null : `the lines represent ${sum()} of ${rejections} rejections: ${lines(server, reason).join("; ")}`));
  assert.equal(sum(), rejections);
}

describe("the audit log has at most one line a second for repeated rejections", () => {
  const causes = {
    "of REST requests without a token": ["token_missing", async (server) => get(`${server.url}/households`)],
    "of handshakes beyond the rate limit": ["rate_limited", async (server) => get(`${server.url}/socket.io/?EIO=4&transport=polling`)],
  };
  for (const [name, [reason, attempt]] of Object.entries(causes)) {
    test(name, async (t) => {
      const server = await startTestServer(t, { RATE_LIMITS: "on" });
      const startedAt = performance.now();
      let rejected = 0;
      // The server refills a budget while a slow machine sends requests, so rounds follow until enough requests are refused.
      for (let round = 0; rejected <= 500; round++) {
        assert.ok(round < 200, `${rejected} rejections of ${50 * round} requests`);
        const responses = await Promise.all(Array.from({ length: 50 }, () => attempt(server)));
        rejected += responses.filter(({ status }) => status === 401 || status === 429).length;
      }
      await waitForRejections(server, reason, rejected);
      const seconds = Math.ceil((performance.now() - startedAt) / 1000);
      assert.ok(lines(server, reason).length <= seconds + 1, `${lines(server, reason).length} lines in ${seconds} seconds`);
    });
  }

  test("of namespaces without a token on one socket", async (t) => {
    const server = await startTestServer(t, {});
    const startedAt = performance.now();
    const socket = await openEngineSocket(server, { path: "/socket.io/" });
    const ATTEMPTS = 2000;
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) socket.send("40/household,");
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) assert.match(await socket.next(), /^44/);
    await waitForRejections(server, "token_missing", ATTEMPTS);
    const seconds = Math.ceil((performance.now() - startedAt) / 1000);
    assert.ok(lines(server, "token_missing").length <= seconds + 1);
    await socket.close();
  });
});

describe("at LOG_LEVEL=debug", () => {
  test("joins, rejected requests, and unknown events are logged, and the audit line names the check that a token failed", async (t) => {
    const server = await startTestServer(t, { LOG_LEVEL: "debug" });
    const waitForLine = (pattern) => waitUntil(() => (pattern.test(server.output) ? null : `no line like ${pattern} in ${server.output}`));
    const token = server.token({ sub: "anna" });
    const headers = { authorization: `Bearer ${token}`, "content-type": "application/json" };
    const created = await fetch(`${server.url}/households`, { method: "POST", headers, body: JSON.stringify({ name: "Home" }) });
    const { id } = await created.json();
    const socket = client(t, server.url, { auth: { token }, transports: ["websocket"] });
    await connected(socket);
    assert.equal((await socket.emitWithAck("join:household", { householdId: id })).ok, true);
    await waitForLine(new RegExp(`DEBUG .*joined user="anna" room="household:${id}" event="join:household"`));
    assert.equal((await socket.emitWithAck("join:household", {})).code, "invalid");
    await waitForLine(/DEBUG .*refused user="anna" event="join:household" code="invalid" error=householdId: is required/);
    assert.equal((await socket.emitWithAck("join:kitchen\n\u001b[2J", 1)).ok, false);
    await waitForLine(/DEBUG .*unknown event user="anna" event="join:kitchen\\n\\u\{1b\}\[2J"/);
    assert.equal((await fetch(`${server.url}/households/none`, { headers })).status, 404);
    await waitForLine(/DEBUG .*refused method=GET path="\/households\/none" status=404 code="not_found"/);

    const forged = token.slice(0, -2) + (token.endsWith("AA") ? "BB" : "AA");
    const rejected = await fetch(`${server.url}/households`, { headers: { authorization: `Bearer ${forged}` } });
    assert.deepEqual(await rejected.json(), { error: "The token is not valid", code: "token_invalid" });
    await waitForLine(/WARN audit: refused .*transport="http" reason="token_invalid: signature"/);
    assert.ok(!server.output.includes(token) && !server.output.includes(forged));
  });
});
