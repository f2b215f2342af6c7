// `GET /api/v1/explain` says why a user received an event or not: its way to each connection of the user, with the times.

import assert from "node:assert/strict";
import { test } from "node:test";
import { connectRecordingClient, createConversation, joinConversation, loseConnection, preventReconnect, waitForMessage } from "../recovery/clients.js";
import { rest } from "../support/http.js";
import { sharedServer, startServer } from "../support/server.js";
import { API_KEY, user, waitForSocketCount } from "../support/users.js";
import { retry, waitUntilByServerClock } from "../support/wait-until.js";

const server = sharedServer({ METRICS: "open", PING_INTERVAL: "200ms", RECOVERY_WINDOW: "5s", OUTBOX_LIMIT: "50MB", ROOMCAST_API_KEY: API_KEY });

async function explain(event, user, of = server) {
  const query = new URLSearchParams({ event, user });
  const response = await rest("GET", `${of.url}/api/v1/explain?${query}`, { token: API_KEY });
  assert.equal(response.status, 200, response.text);
  return response.json;
}

// Waits until the outcome is this one, and resolves with the explanation.
async function explained(event, user, outcome, of = server) {
  let explanation;
  await waitUntilByServerClock(of, 20, async () => {
    explanation = await explain(event, user, of);
    return explanation.outcome === outcome ? null : JSON.stringify(explanation, null, 1);
  });
  return explanation;
}

async function emit(to, data, more = {}, of = server) {
  const response = await rest("POST", `${of.url}/api/v1/emit`, { token: API_KEY, body: { to, event: "order", data, ...more } });
  assert.equal(response.status, 200, response.text);
  return response.json.position;
}

const stepsOf = (connection) => connection.steps.map(({ step }) => step);

test("a message is confirmed by the pong after it", async (t) => {
  const { id, send } = await createConversation(server, "ben");
  const ben = await connectRecordingClient(t, server, "ben", "/messenger");
  await joinConversation(ben, id);
  const message = await send("hello");
  const explanation = await explained(message.id, "ben", "confirmed");
  assert.match(explanation.summary, /^ben received the event: connection .{20} has confirmed it\.$/);
  const { event, membership, connections, user, node } = explanation;
  assert.deepEqual([event.kind, event.by, event.source, event.rooms, event.isInLog], ["message_sent", "anna", "user", [`conversation:${id}`], true]);
  assert.deepEqual([user, node], [{ id: "ben", isKnown: true }, { id: null, others: [] }]);
  assert.deepEqual(membership.map(({ room, wasMember, membership }) => [room, wasMember, membership]), [[`conversation:${id}`, true, "member"]]);
  const [connection] = connections.filter((connection) => connection.id === ben.id);
  assert.deepEqual(stepsOf(connection), ["queued", "written", "confirmed"]);
  assert.deepEqual([connection.namespace, connection.transport, connection.endedAt], ["/messenger", "websocket", null]);
  assert.equal(connection.rooms[0].room, `conversation:${id}`);
  const times = [event.storedAt, connection.rooms[0].since, ...connection.steps.map(({ at }) => at)];
  assert.ok(times.every((time) => Math.abs(Date.now() - Date.parse(time)) < 600_000), `${times}`);
  assert.ok(connection.rooms[0].since <= event.publishedAt && event.publishedAt <= connection.steps[2].at);
  // The position names the same event, and the content is in no answer.
  assert.deepEqual((await explain(event.position, "ben")).event, event);
  assert.ok(!JSON.stringify(explanation).includes("hello"));
});

test("a user without a membership, and one without a connection, have different outcomes", async (t) => {
  const { id, send } = await createConversation(server, "carl");
  const eve = await connectRecordingClient(t, server, "eve", "/messenger");
  const refused = await joinConversation(eve, id);
  assert.equal(refused.code, "not_found", JSON.stringify(refused));
  const message = await send("for carl");
  const forEve = await explain(message.id, "eve");
  assert.equal(forEve.outcome, "not_a_member");
  assert.deepEqual(forEve.membership.map(({ membership }) => membership), ["never"]);
  assert.deepEqual(forEve.connections.map(({ outcome }) => outcome), ["not_in_room"]);
  assert.deepEqual(forEve.refusals.map(({ room, request, code }) => [room, request, code]), [[`conversation:${id}`, "join:conversation", "not_found"]]);
  const forCarl = await explain(message.id, "carl");
  assert.deepEqual([forCarl.outcome, forCarl.connections], ["offline", []]);
  assert.deepEqual((await explain(message.id, "nobody")).user, { id: "nobody", isKnown: false });
});

test("a membership is that of the time of the event", async () => {
  const [anna, ida] = ["anna", "ida"].map((sub) => user(server, sub));
  const { id, inviteCode } = await anna.request("POST", "/households", { name: "Home" });
  const eventOf = async (title) => {
    await anna.request("POST", `/households/${id}/tasks`, { title });
    const marker = await emit({ rooms: [`household:${id}`] }, title);
    return marker.replace(/\d+$/, (offset) => offset - 1);
  };
  const before = await eventOf("before");
  await ida.request("POST", `/households/${id}/join`, { inviteCode });
  const during = await eventOf("during");
  await ida.request("DELETE", `/households/${id}/members/ida`);
  const after = await eventOf("after");
  await ida.request("POST", `/households/${id}/join`, { inviteCode });
  const found = async (position) => (await explain(position, "ida")).membership.map(({ wasMember, membership }) => [wasMember, membership]);
  assert.deepEqual(await found(before), [[false, "joined_later"]]);
  assert.deepEqual(await found(after), [[false, "joined_later"]]);
  await ida.request("DELETE", `/households/${id}/members/ida`);
  assert.deepEqual(await found(during), [[true, "member_until"]]);
  const last = await eventOf("last");
  assert.deepEqual(await found(last), [[false, "left_before"]]);
  assert.equal((await explain(last, "ida")).outcome, "not_a_member");
});

test("an event during a disconnect awaits the return, and is replayed then", async (t) => {
  const { id, send } = await createConversation(server, "dora");
  const dora = await connectRecordingClient(t, server, "dora", "/messenger");
  await joinConversation(dora, id);
  const reconnect = preventReconnect(dora);
  const socketId = dora.id;
  await loseConnection(dora);
  await waitForSocketCount(server, "dora", 0);
  const message = await send("missed");
  const away = await explain(message.id, "dora");
  assert.equal(away.outcome, "awaits_return", JSON.stringify(away));
  assert.deepEqual(away.connections.map(({ id, outcome }) => [id, outcome]), [[socketId, "awaits_return"]]);
  assert.ok(away.connections[0].recoverableUntil > away.connections[0].endedAt);
  assert.equal(await reconnect(), true);
  await waitForMessage(dora, "missed");
  const back = await explained(message.id, "dora", "confirmed");
  assert.deepEqual(back.connections.map(({ id, outcome, isRecovered }) => [id, outcome, isRecovered]), [
    [socketId, "continued", false],
    [socketId, "confirmed", true],
  ]);
  assert.deepEqual(stepsOf(back.connections[1]), ["replayed", "written", "confirmed"]);
  assert.equal(back.connections[1].summary, "The event was replayed after a reconnect, and the client has confirmed it.");
});

test("an event for a client that does not return expires", async (t) => {
  const { id, send } = await createConversation(server, "emil");
  const emil = await connectRecordingClient(t, server, "emil", "/messenger");
  await joinConversation(emil, id);
  preventReconnect(emil);
  await loseConnection(emil);
  await waitForSocketCount(server, "emil", 0);
  const message = await send("never received");
  const gone = await explained(message.id, "emil", "expired");
  assert.match(gone.connections[0].summary, /^The connection has ended \(transport (close|error)\) before the client confirmed the event/);
});

test("events wait for a client that does not read, and a newer one replaces an older one", async (t) => {
  const { id } = await user(server, "anna").request("POST", "/households", { name: "Home" });
  const anna = await connectRecordingClient(t, server, "anna", "/household");
  const ws = anna.io.engine.transport.ws;
  ws.pause();
  // Larger than the buffers of the kernel.
  const large = await emit({ users: ["anna"] }, "x".repeat(900_000));
  for (let number = 0; number < 20; number++) await emit({ users: ["anna"] }, "x".repeat(900_000));
  const rename = async (name) => {
    await user(server, "anna").request("PUT", `/households/${id}`, { name });
    return emit({ rooms: [`household:${id}`] }, name);
  };
  const [first, second] = [await rename("First"), await rename("Second")];
  const before = (position) => position.replace(/\d+$/, (offset) => offset - 1);
  const waits = await explained(second, "anna", "waiting");
  const mine = ({ connections }) => connections.find((connection) => connection.id === anna.id);
  assert.deepEqual(stepsOf(mine(waits)), ["queued"]);
  assert.match(mine(waits).summary, /^The event waits in the server, because the client does not read: \d+ bytes wait\.$/);
  const replaced = await explain(before(first), "anna");
  assert.deepEqual([replaced.event.kind, replaced.outcome, stepsOf(mine(replaced))], ["space_updated", "replaced", ["queued", "replaced"]]);
  assert.equal((await explain(before(second), "anna")).outcome, "waiting");
  ws.resume();
  const read = await explained(second, "anna", "confirmed");
  assert.deepEqual(stepsOf(mine(read)), ["queued", "written", "confirmed"]);
  assert.ok(mine(read).steps[0].at < mine(read).steps[1].at, "it was written later");
  assert.equal((await explained(large, "anna", "confirmed")).event.source, "back_end");
});

test("a client that returns with the position of an event had received it", async (t) => {
  const { id, send } = await createConversation(server, "gina");
  const gina = await connectRecordingClient(t, server, "gina", "/messenger");
  await joinConversation(gina, id);
  const { ws } = gina.io.engine.transport;
  const write = ws.send.bind(ws);
  ws.send = (data, ...rest) => (data === "3" ? undefined : write(data, ...rest));
  const message = await send("received, and not confirmed");
  await waitForMessage(gina, "received, and not confirmed");
  assert.equal((await explain(message.id, "gina")).outcome, "written");
  const reconnect = preventReconnect(gina);
  await loseConnection(gina);
  assert.equal(await reconnect(), true);
  const { outcome, connections } = await explain(message.id, "gina");
  assert.deepEqual([outcome, connections.map(({ outcome }) => outcome)], ["confirmed", ["continued", "confirmed"]]);
  assert.equal(connections[1].summary, "The client returned with a position behind the event, so it had received the event before.");
});

for (const [name, transports] of Object.entries({ polling: ["polling"], upgrade: ["polling", "websocket"] })) {
  test(`a message is confirmed over ${name}`, async (t) => {
    const { id, send } = await createConversation(server, name);
    const socket = await connectRecordingClient(t, server, name, "/messenger", { transports });
    await joinConversation(socket, id);
    const { connections } = await explained((await send("hello")).id, name, "confirmed");
    assert.deepEqual(connections.map(stepsOf), [["queued", "written", "confirmed"]]);
  });
}

test("a client that never reads is closed as too slow, and the event that closed it is named", async (t) => {
  const small = await startServer({ METRICS: "open", RECOVERY_WINDOW: "1s", OUTBOX_LIMIT: "100KB", ROOMCAST_API_KEY: API_KEY });
  t.after(() => small.stop());
  const hugo = await connectRecordingClient(t, small, "hugo", "/messenger", { reconnection: false });
  hugo.io.engine.transport.ws.pause();
  const last = await retry(1000, async () => {
    const position = await emit({ users: ["hugo"] }, "x".repeat(80_000), {}, small);
    return (await user(small, "hugo").request("GET", "/api/v1/socket/my-connections")).data.count === 0 ? position : null;
  });
  const explanation = await explained(last, "hugo", "too_slow", small);
  assert.match(explanation.summary, /^hugo did not receive the event: connection .{20} was closed because its client did not read\.$/);
});

test("an excluded user, and a namespace without the event, are named", async (t) => {
  const frida = await connectRecordingClient(t, server, "frida", "/messenger");
  const position = await emit({ everyone: true }, 1, { except: { users: ["frida"] } });
  assert.equal((await explain(position, "frida")).outcome, "excluded");
  const one = await emit({ everyone: true }, 1, { except: { connections: [frida.id] } });
  assert.equal((await explain(one, "frida")).outcome, "excluded");
  const { id } = await user(server, "frida").request("POST", "/households", { name: "Home" });
  const household = await connectRecordingClient(t, server, "frida", "/household");
  await user(server, "frida").request("POST", `/households/${id}/tasks`, { title: "Dishes" });
  const marker = await emit({ rooms: [`household:${id}`] }, 1);
  const created = marker.replace(/\d+$/, (offset) => offset - 1);
  const { connections } = await explain(created, "frida");
  const outcomes = Object.fromEntries(connections.map(({ id, outcome }) => [id, outcome]));
  assert.equal(outcomes[frida.id], "not_in_room");
  assert.ok(["written", "confirmed"].includes(outcomes[household.id]), JSON.stringify(outcomes));
});

test("an event that cannot be named is refused with the reason", async () => {
  const answer = (event, more = "&user=ben") => rest("GET", `${server.url}/api/v1/explain?event=${event}${more}`, { token: API_KEY });
  const own = await emit({ users: ["ben"] }, 1);
  const future = own.replace(/\d+$/, (offset) => Number(offset) + 1000);
  const positionForms = "event: must be a position such as 4jx0Bn1c-1042, or the id of a message";
  for (const [event, status, error] of [
    ["", 400, positionForms],
    ["hello", 400, positionForms],
    ["null", 400, "event: null is the position of a volatile event, which is not stored; only stored events can be explained"],
    [future, 400, /^event: is not a position of this event log/],
    ["other-1", 400, /^event: is not a position of this event log/],
    ["1000000000000001", 404, "Message not found"],
  ]) {
    const { json, ...response } = await answer(event);
    assert.equal(response.status, status, `${event}: ${response.text}`);
    assert.match(json.error, error instanceof RegExp ? error : new RegExp(`^${error}$`));
  }
  assert.equal((await answer(own, "")).json.error, "user: must be the id of a user");
  const asUser = await rest("GET", `${server.url}/api/v1/explain?event=${own}&user=ben`, { token: server.token({ sub: "ben" }) });
  assert.equal(asUser.status, 403);
});
