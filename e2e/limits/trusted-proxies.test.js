// Behind proxies that are trusted, everybody is known by the address that those have heard from: budgets, and the log for who answers for it.

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

// Each way to knock, and whether it was let in.
const polls = async (options) => (await get(`${server.url}/socket.io/?EIO=4&transport=polling`, options)).status === 200;
const opens = async (options) => (await connectionOutcome(`${server.ws}/api/v1/ws/connect`, options)).opened;
const asks = async ({ headers }) => (await get(`${server.url}/households`, { headers: { ...headers, authorization: "Bearer e30.e30.e30" } })).status === 401;

// Knocks until it is refused, and resolves with how often it was not. An attempt comes back in a tenth of a second.
async function granted(knock, options) {
  for (let times = 0; times < 1000; times++) if (!(await knock(options))) return times;
  throw new Error("nobody is refused");
}

// Somebody who has not knocked yet may do so a hundred times.
const isFresh = async (knock, options) => assert.ok((await granted(knock, options)) >= 100, JSON.stringify(options));
const isSpent = async (knock, options) => assert.ok((await granted(knock, options)) < 50, JSON.stringify(options));

// A line of the audit that says so; the log may be a little behind.
async function audited(...parts) {
  const found = () => server.output.split("\n").find((line) => parts.every((part) => line.includes(part)));
  await waitUntil(() => (found() ? null : `no line has ${parts.join(" and ")} in ${server.output}`));
  return found();
}

describe("an address that a trusted proxy names", () => {
  test("has a budget of its own, whatever stands further left", async () => {
    await isFresh(polls, from("192.0.2.1"));
    await isSpent(polls, from("203.0.113.7, 192.0.2.1"));
    await isSpent(polls, from("192.0.2.1, 10.1.2.3"));
    await isSpent(polls, { headers: { forwarded: 'for="192.0.2.1:4711";proto=https' } });
    await isFresh(polls, from("192.0.2.1, 192.0.2.2"));
  });

  test("is it for a WebSocket, too, which does not come by HTTP's way", async () => {
    await isFresh(opens, from("192.0.2.10"));
    await isSpent(polls, from("192.0.2.10"));
    const socket = await openWebSocket(`${server.ws}/api/v1/ws/connect?token=${server.token({ sub: "anna" })}`, from("192.0.2.11"));
    assert.equal(JSON.parse(await socket.next()).type, "connected");
    await audited("connected", "anna", "192.0.2.11");
    await socket.close();
  });

  test("is it for REST, too, whose bad tokens are counted apart", async () => {
    await isFresh(asks, from("192.0.2.20"));
    await audited("token_invalid", "192.0.2.20");
    await isSpent(asks, from("203.0.113.7, 192.0.2.20"));
    await isFresh(polls, from("192.0.2.20"));
  });
});

test("what somebody says who is no trusted proxy is not believed", async () => {
  // All of loopback is this machine's; 127.0.0.2 is not trusted.
  let last = 0;
  await isFresh(() => opens({ ...from(`198.51.100.${last++ % 200}`), localAddress: "127.0.0.2" }));
});

test("what a trusted proxy says that cannot be read leaves it the proxy's own", async () => {
  await isFresh(polls, {});
  for (const garbage of ["unknown", "", "192.0.2.30, ???", "999.1.1.1"]) await isSpent(polls, from(garbage));
  await isSpent(polls, { headers: { "x-forwarded-for": "192.0.2.31", forwarded: "for=192.0.2.32" } });
});

test("who is refused is told when to come again, and a page may read it", async () => {
  const options = { headers: { ...from("192.0.2.40").headers, origin: "http://localhost:5173" } };
  const refused = await retry(1000, async () => {
    const response = await get(`${server.url}/socket.io/?EIO=4&transport=polling`, options);
    return response.status === 200 ? null : response;
  });
  assert.deepEqual([refused.status, refused.headers["retry-after"]], [429, "1"]);
  assert.deepEqual(JSON.parse(refused.text), { code: 4, message: "Rate limit exceeded, try again in 1 s" });
  assert.equal(refused.headers["access-control-allow-origin"], "http://localhost:5173");
});
