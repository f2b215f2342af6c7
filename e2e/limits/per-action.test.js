// Some things may be done less often than others, on whatever way they are asked for.

import assert from "node:assert/strict";
import { before, describe, test } from "node:test";
import { openEngineSocket } from "../support/engineio.js";
import { rest } from "../support/http.js";
import { sharedServer } from "../support/server.js";
import { client, connected } from "../support/socketio-clients.js";
import { user } from "../support/users.js";
import { retry } from "../support/wait-until.js";

const server = sharedServer({ RATE_LIMITS: "on" });

const refusal = (result) => ({ ...result, error: undefined, retryAfter: typeof result.retryAfter });
const REFUSED = { ok: false, code: "rate_limited", error: undefined, retryAfter: "number" };

describe("studio's messages", () => {
  let anna;
  let roomId;
  before(async () => {
    anna = user(server, "anna");
    roomId = (await anna.request("POST", "/shared/chat/rooms", { name: "Lounge" })).id;
  });
  const send = () => rest("POST", `${server.url}/shared/chat/rooms/${roomId}/messages`, { token: anna.token, body: { content: "hi" } });

  test("cost the same over a socket and by REST, and from one budget", async (t) => {
    const socket = await connected(client(t, `${server.url}/chat`, { auth: { token: anna.token } }));
    for (let i = 0; i < 5; i++) {
      assert.equal((await send()).status, 201);
      assert.equal((await socket.emitWithAck("message:send", { roomId, content: "hi" })).ok, true);
    }
    const response = await send();
    assert.deepEqual([response.status, response.json.code], [429, "rate_limited"]);
    assert.match(response.headers["retry-after"], /^[1-6]$/);
    assert.deepEqual(refusal(await socket.emitWithAck("message:send", { roomId, content: "hi" })), REFUSED);
    assert.equal((await socket.emitWithAck("join_room", { roomId })).ok, true, "other commands have another budget");
  });

  test("that are malformed, or come behind too many commands, are refused and cost nothing of it", async (t) => {
    const dora = user(server, "dora");
    const { id } = await dora.request("POST", "/shared/chat/rooms", { name: "Lounge" });
    const socket = await connected(client(t, `${server.url}/chat`, { auth: { token: dora.token } }));
    const say = (content) => socket.emitWithAck("message:send", { roomId: id, content });
    for (let i = 0; i < 10; i++) {
      assert.equal((await say(7)).code, "invalid");
      assert.equal((await rest("POST", `${server.url}/shared/chat/rooms/${id}/messages`, { token: dora.token, body: { content: 7 } })).status, 400);
    }
    const quick = Array.from({ length: 300 }, () => socket.emitWithAck("unknown event", {}));
    const acks = await Promise.all(Array.from({ length: 20 }, () => say("too quick")));
    await Promise.all(quick);
    assert.ok(acks.some(({ ok }) => !ok), "the commands of a while are used up");
    // A command comes back in a twentieth of a second, and there are still ten messages to be said.
    await retry(10_000, async () => {
      if (acks.filter(({ ok }) => ok).length >= 10) return true;
      acks.push(await say("in time"));
      return null;
    });
    const refusals = acks.filter(({ ok }) => !ok).map(({ code, retryAfter }) => `${code} ${retryAfter}`);
    assert.deepEqual([...new Set(refusals)], ["rate_limited 1"]);
  });
});

test("messenger's signs of typing", async (t) => {
  const ben = user(server, "ben");
  const { id } = await ben.request("POST", "/api/conversations", { participantIds: ["carl"] });
  const socket = await connected(client(t, `${server.url}/messenger`, { auth: { token: ben.token } }));
  const acks = [];
  for (let i = 0; i < 80; i++) acks.push(await socket.emitWithAck("typing:start", id));
  assert.ok(acks.slice(0, 60).every(({ ok }) => ok));
  const refused = acks.find(({ ok }) => !ok);
  assert.deepEqual(refusal(refused), REFUSED);
  assert.equal((await socket.emitWithAck("typing:stop", id)).ok, true, "to have stopped may be said");
});

test("an address's attempts, also when it asks for namespaces that there are not", async () => {
  const from = { localAddress: "127.0.0.7" };
  const socket = await openEngineSocket(server, { path: "/socket.io/", ...from });
  for (let i = 0; i < 5000; i++) socket.send(`40/nowhere-${i},`);
  const { code, reason } = await socket.closed;
  assert.deepEqual([code, reason], [4429, "Rate limit exceeded, try again in 1 s"]);
  assert.ok(socket.unread.length >= 100 && socket.unread.length < 1000, `${socket.unread.length} answers`);
  assert.ok(socket.unread.every((packet) => packet.includes("Invalid namespace")));
});
