// Messages over long-polling, and the errors that end a session.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { conformanceServer, LONG_HEARTBEATS } from "../support/conformance-server.js";
import { PollingSession, SEPARATOR } from "../support/engineio.js";
import { beginRequest } from "../support/http.js";
import { waitForEvent } from "../support/wait-for.js";
import { waitUntil } from "../support/wait-until.js";

const server = conformanceServer(LONG_HEARTBEATS);

const sessionUnknown = { code: 1, message: "Session ID unknown" };

async function assertSessionUnknown(session) {
  const response = await session.get();
  assert.deepEqual([response.status, JSON.parse(response.text)], [400, sessionUnknown]);
}

describe("a payload", () => {
  test("of one text is answered with `ok` and echoed", async () => {
    const session = await PollingSession.open(server);
    const posted = await session.post("4hello");
    assert.deepEqual([posted.status, posted.text, posted.headers["content-type"]], [200, "ok", "text/html"]);
    const polled = await session.get();
    assert.deepEqual([polled.status, polled.text, polled.headers["content-type"]], [200, "4hello", "text/plain; charset=UTF-8"]);
  });

  test("of several texts is handled before `ok`, so the next poll receives all of them in order", async () => {
    const session = await PollingSession.open(server);
    for (let round = 0; round < 50; round++) {
      const payload = Array.from({ length: 20 }, (_, i) => `4${round}.${i}`).join(SEPARATOR);
      assert.equal((await session.post(payload)).text, "ok");
      assert.equal((await session.get()).text, payload);
    }
  });

  test("may mix texts and binaries, which are encoded as base64", async () => {
    const session = await PollingSession.open(server);
    const payload = ["4hello", "bAQIDBA==", "4after", "b"].join(SEPARATOR);
    await session.post(payload);
    assert.equal((await session.get()).text, payload);
  });

  test("may have any Unicode text, and empty messages", async () => {
    const session = await PollingSession.open(server);
    const payload = ["4", "4€😀é", "4\u0000", "4\u2028"].join(SEPARATOR);
    await session.post(payload);
    assert.equal((await session.get()).text, payload);
  });

  test("with an invalid packet ends the session", async () => {
    const session = await PollingSession.open(server);
    const response = await session.post(["4first", "x", "4third"].join(SEPARATOR)).catch((error) => error);
    assert.ok(response instanceof Error || response.status === 400);
    await assertSessionUnknown(session);
  });

  for (const body of ["abc", "", SEPARATOR, `4a${SEPARATOR}`, "9", "-1", "{}", "\u00e94x"]) {
    test(`${JSON.stringify(body)} is invalid, and ends the session`, async () => {
      const session = await PollingSession.open(server);
      const response = await session.post(body).catch((error) => error);
      assert.ok(response instanceof Error || response.status === 400, `${response.status} ${response.text}`);
      await assertSessionUnknown(session);
    });
  }

  test("with the content type of version 3 ends the session", async () => {
    const session = await PollingSession.open(server);
    const response = await session.post("4x", { headers: { "content-type": "application/octet-stream" } });
    assert.deepEqual([response.status, response.text], [400, ""]);
    await assertSessionUnknown(session);
  });

  test("of the maximum size is accepted", async () => {
    const session = await PollingSession.open(server);
    const message = "4".padEnd(1_000_000, "x");
    assert.equal((await session.post(message)).status, 200);
    assert.equal((await session.get()).text, message);
  });

  test("beyond the maximum size is rejected with 413, and the session continues", async () => {
    const session = await PollingSession.open(server);
    const response = await session.post("4".padEnd(1_000_001, "x"));
    assert.deepEqual([response.status, response.text], [413, ""]);
    assert.equal((await session.post("4alive")).text, "ok");
    assert.equal((await session.get()).text, "4alive");
  });

  test("beyond the maximum size is rejected also without a declared length", async () => {
    const session = await PollingSession.open(server);
    const headers = { "transfer-encoding": "chunked" };
    const response = await session.post("4".padEnd(1_500_000, "x"), { headers }).catch((error) => error);
    assert.ok(response instanceof Error || response.status === 413);
    assert.equal((await session.post("4alive")).text, "ok");
  });
});

describe("a poll", () => {
  test("waits until there is a packet", async () => {
    const session = await PollingSession.open(server);
    const polled = session.get();
    await session.post("4hello");
    assert.equal((await polled).text, "4hello");
  });

  test("during another poll ends the session: the first receives a close packet, the second a status only", async () => {
    const session = await PollingSession.open(server);
    const responses = await Promise.all([session.get(), session.get()]);
    const byStatus = responses.sort((a, b) => a.status - b.status).map(({ status, text }) => [status, text]);
    assert.deepEqual(byStatus, [[200, "1"], [400, ""]]);
    await assertSessionUnknown(session);
  });

  test("that the client aborts ends the session", async () => {
    const session = await PollingSession.open(server);
    const { outgoing, response } = beginRequest("GET", session.url);
    outgoing.end();
    await waitForEvent(outgoing, "finish");
    // After the echo on another session the server has read this request.
    const other = await PollingSession.open(server);
    await other.post("4barrier");
    await other.get();
    outgoing.destroy();
    await assert.rejects(response);
    await waitUntil(async () => {
      const { status } = await session.post("4x");
      return status === 400 ? null : `the status of the POST is ${status}`;
    });
    await assertSessionUnknown(session);
  });
});

test("a POST during another POST ends the session", async () => {
  const session = await PollingSession.open(server);
  const { outgoing, response } = beginRequest("POST", session.url, { headers: { expect: "100-continue", "transfer-encoding": "chunked" } });
  outgoing.flushHeaders();
  await waitForEvent(outgoing, "continue");
  outgoing.write("4begins");
  const second = await session.post("4other");
  assert.deepEqual([second.status, second.text], [400, ""]);
  outgoing.end();
  const first = await response.catch((error) => error);
  assert.ok(first instanceof Error || first.status === 400);
  await assertSessionUnknown(session);
});
