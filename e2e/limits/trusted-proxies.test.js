// Behind a trusted proxy the client address comes from the forwarded headers. It determines the rate limits, and the audit log contains it.

import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { get } from "../support/http.js";
import { startServer } from "../support/server.js";
import { retry, waitUntil } from "../support/wait-until.js";
import { connectionOutcome, openWebSocket } from "../support/ws-queue.js";

let server;
before(async () => (server = await startServer({ RATE_LIMITS: "on", TRUSTED_PROXIES: "127.0.0.1, 10.0.0.0/8", LOG_LEVEL: "info" })));
after(() => server?.stop());

const from = (address) => ({ headers: { "x-forwarded-for": address } });

// The ways to make an attempt. Each resolves with whether the server accepted it.
const pollIsAccepted = async (options) => (await get(`${server.url}/socket.io/?EIO=4&transport=polling`, options)).status === 200;
const webSocketIsAccepted = async (options) => (await connectionOutcome(`${server.ws}/api/v1/ws/connect`, options)).opened;
const requestIsAccepted = async ({ headers }) => (await get(`${server.url}/households`, { headers: { ...headers, authorization: "Bearer e30.e30.e30" } })).status === 401;

// Makes attempts until one is rejected, and resolves with the number of accepted ones. The budget regains an attempt every 100 ms.
async function countAccepted(attempt, options) {
  for (let times = 0; times < 1000; times++) if (!(await attempt(options))) return times;
  throw new Error("no attempt is rejected");
}

// An address without earlier attempts has a budget of a hundred.
const assertFullBudget = async (attempt, options) => assert.ok((await countAccepted(attempt, options)) >= 100, JSON.stringify(options));
const assertSpentBudget = async (attempt, options) => assert.ok((await countAccepted(attempt, options)) < 50, JSON.stringify(options));

// Waits for an audit line that contains all of these parts, because the log may be late.
async function waitForAuditLine(...parts) {
  const found = () => server.output.split("\n").find((line) => parts.every((part) => line.includes(part)));
  await waitUntil(() => (found() ? null : `no line contains ${parts.join(" and ")}: ${server.output}`));
  return found();
}

describe("an address that a trusted proxy names", () => {
  test("has a separate budget, and addresses to the left of it are ignored", async () => {
    await assertFullBudget(pollIsAccepted, from("192.0.2.1"));
    await assertSpentBudget(pollIsAccepted, from("203.0.113.7, 192.0.2.1"));
    await assertSpentBudget(pollIsAccepted, from("192.0.2.1, 10.1.2.3"));
    await assertSpentBudget(pollIsAccepted, { headers: { forwarded: 'for="192.0.2.1:4711";proto=https' } });
    await assertFullBudget(pollIsAccepted, from("192.0.2.1, 192.0.2.2"));
  });

  test("is used for a raw WebSocket as well", async () => {
    await assertFullBudget(webSocketIsAccepted, from("192.0.2.10"));
    await assertSpentBudget(pollIsAccepted, from("192.0.2.10"));
    const socket = await openWebSocket(`${server.ws}/api/v1/ws/connect?token=${server.token({ sub: "anna" })}`, from("192.0.2.11"));
    assert.equal(JSON.parse(await socket.next()).type, "connected");
    await waitForAuditLine("connected", "anna", "192.0.2.11");
    await socket.close();
  });

  test("is used for REST as well, where invalid tokens have a separate budget", async () => {
    await assertFullBudget(requestIsAccepted, from("192.0.2.20"));
    await waitForAuditLine("token_invalid", "192.0.2.20");
    await assertSpentBudget(requestIsAccepted, from("203.0.113.7, 192.0.2.20"));
    await assertFullBudget(pollIsAccepted, from("192.0.2.20"));
  });
});

test("the forwarded headers of an untrusted address are ignored", async () => {
  // Every loopback address belongs to this machine, and 127.0.0.2 is not trusted.
  let last = 0;
  await assertFullBudget(() => webSocketIsAccepted({ ...from(`198.51.100.${last++ % 200}`), localAddress: "127.0.0.2" }));
});

test("an attempt with unreadable forwarded headers counts for the proxy's own address", async () => {
  await assertFullBudget(pollIsAccepted, {});
  for (const garbage of ["unknown", "", "192.0.2.30, ???", "999.1.1.1"]) await assertSpentBudget(pollIsAccepted, from(garbage));
  await assertSpentBudget(pollIsAccepted, { headers: { "x-forwarded-for": "192.0.2.31", forwarded: "for=192.0.2.32" } });
});

test("a rejected attempt has a retry time that a page of another origin may read", async () => {
  const options = { headers: { ...from("192.0.2.40").headers, origin: "http://localhost:5173" } };
  const rejected = await retry(1000, async () => {
    const response = await get(`${server.url}/socket.io/?EIO=4&transport=polling`, options);
    return response.status === 200 ? null : response;
  });
  assert.deepEqual([rejected.status, rejected.headers["retry-after"]], [429, "1"]);
  assert.deepEqual(JSON.parse(rejected.text), { code: 4, message: "Rate limit exceeded, try again in 1 s" });
  assert.equal(rejected.headers["access-control-allow-origin"], "http://localhost:5173");
});
