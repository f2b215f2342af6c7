// Some actions have a rate limit of their own, which REST and sockets share.

import assert from "node:assert/strict";
import { before, describe, test } from "node:test";
import { openEngineSocket } from "../support/engineio.js";
import { rest } from "../support/http.js";
import { sharedServer } from "../support/server.js";
import { client, connected } from "../support/socketio-clients.js";
import { user } from "../support/users.js";
import { retry } from "../support/wait-until.js";

const server = sharedServer({ RATE_LIMITS: "on" });

const withoutMessage = (result) => ({ ...result, error: undefined, retryAfter: typeof result.retryAfter });
const RATE_LIMITED = { ok: false, code: "rate_limited", error: undefined, retryAfter: "number" };

describe("the rate limit of studio messages", () => {
  let anna;
  let roomId;
  before(async () => {
    anna = user(server, "anna");
    roomId = (await anna.request("POST", "/shared/chat/rooms", { name: "Lounge" })).id;
  });
  const send = () => rest("POST", `${server.url}/shared/chat/rooms/${roomId}/messages`, { token: anna.token, body: { content: "hi" } });

  test("is shared by sockets and REST", async (t) => {
    const socket = await connected(client(t, `${server.url}/chat`, { auth: { token: anna.token } }));
    for (let i = 0; i < 5; i++) {
      assert.equal((await send()).status, 201);
      assert.equal((await socket.emitWithAck("message:send", { roomId, content: "hi" })).ok, true);
    }
    const response = await send();
    assert.deepEqual([response.status, response.json.code], [429, "rate_limited"]);
    assert.match(response.headers["retry-after"], /^[1-6]$/);
    assert.deepEqual(withoutMessage(await socket.emitWithAck("message:send", { roomId, content: "hi" })), RATE_LIMITED);
    assert.equal((await socket.emitWithAck("join_room", { roomId })).ok, true, "other commands have a separate budget");
  });

  test("does not count messages that are malformed or beyond the limit of commands", async (t) => {
    const dora = user(server, "dora");
    const { id } = await dora.request("POST", "/shared/chat/rooms", { name: "Lounge" });
    const socket = await connected(client(t, `${server.url}/chat`, { auth: { token: dora.token } }));
    const send = (content) => socket.emitWithAck("message:send", { roomId: id, content });
    for (let i = 0; i < 10; i++) {
      assert.equal((await send(7)).code, "invalid");
      assert.equal((await rest("POST", `${server.url}/shared/chat/rooms/${id}/messages`, { token: dora.token, body: { content: 7 } })).status, 400);
    }
    const unknown = Array.from({ length: 300 }, () => socket.emitWithAck("unknown event", {}));
    const acks = await Promise.all(Array.from({ length: 20 }, () => send("over the limit")));
    await Promise.all(unknown);
    assert.ok(acks.some(({ ok }) => !ok), "the budget of commands is spent");
    // The budget regains a command every 50 ms, and the user has a budget of ten messages left.
    await retry(10_000, async () => {
      if (acks.filter(({ ok }) => ok).length >= 10) return true;
      acks.push(await send("within the limit"));
      return null;
    });
    const rejections = acks.filter(({ ok }) => !ok).map(({ code, retryAfter }) => `${code} ${retryAfter}`);
    assert.deepEqual([...new Set(rejections)], ["rate_limited 1"]);
  });
});

test("the rate limit of messenger's typing:start does not apply to typing:stop", async (t) => {
  const ben = user(server, "ben");
  const { id } = await ben.request("POST", "/api/conversations", { participantIds: ["carl"] });
  const socket = await connected(client(t, `${server.url}/messenger`, { auth: { token: ben.token } }));
  const acks = [];
  for (let i = 0; i < 80; i++) acks.push(await socket.emitWithAck("typing:start", id));
  assert.ok(acks.slice(0, 60).every(({ ok }) => ok));
  const rejected = acks.find(({ ok }) => !ok);
  assert.deepEqual(withoutMessage(rejected), RATE_LIMITED);
  assert.equal((await socket.emitWithAck("typing:stop", id)).ok, true, "typing:stop is accepted");
});

test("connection attempts to unknown namespaces count against the limit of the address", async () => {
  const from = { localAddress: "127.0.0.7" };
  const socket = await openEngineSocket(server, { path: "/socket.io/", ...from });
  for (let i = 0; i < 5000; i++) socket.send(`40/nowhere-${i},`);
  const { code, reason } = await socket.closed;
  assert.deepEqual([code, reason], [4429, "Rate limit exceeded, try again in 1 s"]);
  assert.ok(socket.unread.length >= 100 && socket.unread.length < 1000, `${socket.unread.length} replies`);
  assert.ok(socket.unread.every((packet) => packet.includes("Invalid namespace")));
});
