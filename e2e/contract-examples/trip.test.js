// The trip contract's documentation with the stock client: the places of the token, CORS, the examples, and the statistics.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { test } from "node:test";
import { http, rest } from "../support/http.js";
import { mount } from "../support/react-screen.js";
import { sharedServer } from "../support/server.js";
import { client, connected, nextEvent, waitForUpgrade } from "../support/socketio-clients.js";
import { waitForEvent } from "../support/wait-for.js";
import { waitUntil } from "../support/wait-until.js";
import io, { activeSockets, useServer } from "./stock-client.js";
import { TripScreen } from "./trip-client.js";

const origin = "http://localhost:5173";
const server = sharedServer({ FRONTEND_URLS: `http://localhost:3000,${origin}`, PRESENCE_GRACE: "0" });
const token = (sub, more = {}) => server.token({ sub, name: sub, ...more });
const api = (method, path, sub, body, more) => rest(method, `${server.url}/api/v1${path}`, { token: sub && token(sub, more), body });

test("a token is accepted as auth payload, header, query, or cookie, over both transports, and the greeting has the socket id", async (t) => {
  for (const transport of ["websocket", "polling"]) {
    const places = {
      auth: { auth: { token: token("anna") } },
      header: { extraHeaders: { authorization: `Bearer ${token("anna")}` } },
      query: { query: { token: token("anna") } },
      cookie: { extraHeaders: { cookie: `token=${token("anna")}`, origin } },
    };
    for (const [place, options] of Object.entries(places)) {
      for (const namespace of ["/", "/trips"]) {
        const socket = client(t, `${server.url}${namespace}`, { transports: [transport], ...options });
        const greeting = nextEvent(socket, "connected");
        await connected(socket);
        const [{ message, userId, socketId, timestamp }] = await greeting;
        assert.deepEqual([typeof message, userId, socketId], ["string", "anna", socket.id], `${place} over ${transport} in ${namespace}`);
        assert.ok(!Number.isNaN(Date.parse(timestamp)));
        socket.disconnect();
      }
    }
    await assert.rejects(connected(client(t, server.url, { transports: [transport], auth: { token: "wrong" } })));
  }
});

test("pages of FRONTEND_URLS may use credentials, and pages of other origins may not", async () => {
  for (const url of [`${server.url}/api/v1/socket/health`, `${server.url}/api/v1/trips`, `${server.url}/socket.io/?EIO=4&transport=polling`]) {
    const ours = await http("GET", url, { headers: { origin } });
    assert.equal(ours.headers["access-control-allow-origin"], origin, url);
    assert.equal(ours.headers["access-control-allow-credentials"], "true", url);
    const others = await http("GET", url, { headers: { origin: "https://evil.example" } });
    assert.equal(others.headers["access-control-allow-origin"], undefined, url);
    assert.equal(others.headers["access-control-allow-credentials"], undefined, url);
  }
  const preflight = await http("OPTIONS", `${server.url}/api/v1/trips`, { headers: { origin, "access-control-request-method": "POST" } });
  assert.deepEqual([preflight.status, preflight.headers["access-control-allow-origin"]], [204, origin]);
});

const invite = (trip, userId) => api("POST", `/trips/${trip.id}/members`, "anna", { userId });
const connections = async (sub) => (await api("GET", "/socket/my-connections", sub)).json.data.connections;

test("the React hook shows a trip's updates, also after a reconnect, and closes its sockets", async (t) => {
  useServer(server);
  const [rome, oslo] = await Promise.all(["Rome", "Oslo"].map(async (name) => (await api("POST", "/trips", "anna", { name })).json.data));
  await Promise.all([invite(rome, "ben"), invite(oslo, "ben")]);
  const anna = client(t, server.url, { auth: { token: token("anna") } });
  await connected(anna);
  for (const trip of [rome, oslo]) await anna.emitWithAck("trip:join", { tripId: trip.id });

  // In strict mode the first of two sockets is closed while it connects.
  const screen = await mount(TripScreen, { token: token("ben"), tripId: rome.id });
  t.after(() => screen.unmount());
  await screen.shows(`Connected in ${rome.id}`);
  assert.deepEqual([activeSockets().length, (await connections("ben")).length], [1, 1]);
  await api("PUT", `/trips/${rome.id}`, "anna", { name: "Roma" });
  await screen.shows(": Roma.");

  await waitForUpgrade(activeSockets()[0]);
  const cut = nextEvent(anna, "user:left");
  activeSockets()[0].io.engine.transport.ws.terminate();
  await screen.shows("Disconnected in null");
  await cut;
  await screen.shows(`Connected in ${rome.id}`);
  await api("PUT", `/trips/${rome.id}`, "anna", { name: "Rom" });
  await screen.shows(": Roma, Rom.");

  // With another trip the effect runs again: the hook closes its socket and opens a new one.
  const userLeft = nextEvent(anna, "user:left");
  await screen.set({ token: token("ben"), tripId: oslo.id });
  const [{ tripId }] = await userLeft;
  assert.equal(tripId, rome.id);
  await screen.shows(`Connected in ${oslo.id}`);
  assert.deepEqual([activeSockets().length, (await connections("ben")).length], [1, 1]);
  await api("PUT", `/trips/${oslo.id}`, "anna", { name: "Christiania" });
  await screen.shows("Christiania.");

  const left = nextEvent(anna, "user:left");
  screen.unmount();
  await left;
  assert.deepEqual([activeSockets(), await connections("ben")], [[], []]);
});

test("the first client of the documentation receives connected, joined, update, notification, and pong events", async (t) => {
  useServer(server);
  const trip = (await api("POST", "/trips", "anna", { name: "Rome" })).json.data;
  const socket = io("ws://localhost:3000", { auth: { token: token("anna") } });
  t.after(() => socket.close());
  const greeted = nextEvent(socket, "connected");
  const joined = nextEvent(socket, "trip:joined");
  // The example does not wait for its connection. The library sends the event later.
  socket.emit("trip:join", { tripId: trip.id });
  assert.equal(typeof (await greeted)[0].message, "string");
  assert.equal((await joined)[0].tripId, trip.id);
  const updated = nextEvent(socket, "trip:updated");
  await api("PUT", `/trips/${trip.id}`, "anna", { name: "Roma" });
  const [{ changes, updatedBy }] = await updated;
  assert.deepEqual([changes, updatedBy], [{ name: "Roma" }, "anna"]);
  const notified = nextEvent(socket, "notification");
  await api("POST", "/socket/test-notification", "anna", { title: "Hi", message: "There" });
  assert.equal((await notified)[0].title, "Hi");
  const pong = nextEvent(socket, "pong");
  socket.emit("ping");
  await pong;
});

test("the paths stats, rooms, and my-connections return the correct numbers", async (t) => {
  const admin = { role: "admin" };
  const stats = async () => (await api("GET", "/socket/stats", "root", undefined, admin)).json.data;
  const before = await stats();
  const trip = (await api("POST", "/trips", "carl", { name: "Oslo" })).json.data;
  const first = client(t, server.url, { transports: ["websocket"], auth: { token: token("carl") } });
  const second = client(t, `${server.url}/trips`, { transports: ["polling"], auth: { token: token("carl") } });
  await Promise.all([connected(first), connected(second)]);
  await first.emitWithAck("trip:join", trip.id);
  await second.emitWithAck("trip:join", { tripId: trip.id });
  await first.emitWithAck("trip:join", {});
  await first.emitWithAck("no such event");
  await http("GET", `${server.url}/socket.io/?EIO=4&transport=polling`, { headers: { origin: "https://evil.example" } });

  const now = await stats();
  assert.equal(now.connections.current - before.connections.current, 2);
  assert.equal(now.connections.totalSockets - before.connections.totalSockets, 2);
  assert.deepEqual(now.rooms.find(({ room }) => room === `trip:${trip.id}`), { room: `trip:${trip.id}`, members: 1, connections: 2 });
  const more = (of) => (now.events.byType[of] ?? 0) - (before.events.byType[of] ?? 0);
  assert.deepEqual([more("trip:join"), more("unknown")], [3, 1]);
  const failed = (of) => (now.errors.byType[of] ?? 0) - (before.errors.byType[of] ?? 0);
  assert.deepEqual([failed("invalid"), failed("unknown_event")], [1, 1]);
  const rejections = ({ errors }) => errors.refusedConnections.byType.origin_not_allowed ?? 0;
  assert.equal(rejections(now) - rejections(before), 1);
  assert.ok(now.durations.current.longest >= now.durations.current.average);

  const mine = (await api("GET", "/socket/my-connections", "carl")).json.data;
  const seen = mine.connections.map(({ socketId, namespace, transport }) => [socketId, namespace, transport]);
  assert.deepEqual(new Set(seen.map(String)), new Set([[first.id, "/", "websocket"], [second.id, "/trips", "polling"]].map(String)));
  assert.ok(mine.connections.every(({ rooms }) => rooms.includes("user:carl") && rooms.includes(`trip:${trip.id}`)));
  const rooms = (await api("GET", "/socket/rooms", "root", undefined, admin)).json.data;
  assert.ok(rooms.rooms.some(({ room }) => room === `trip:${trip.id}`));

  const health = await http("GET", `${server.url}/api/v1/socket/health`);
  const body = JSON.parse(health.text);
  assert.deepEqual([health.status, body.data.status, body.data.sockets], [200, "healthy", now.connections.sockets]);
});

const LOCK = `
import sqlite3, sys
db = sqlite3.connect(sys.argv[1], isolation_level=None)
db.execute("BEGIN EXCLUSIVE")
print(flush=True)
sys.stdin.read()
`;

test("the health path returns 503 while the database cannot be written", async (t) => {
  const health = async () => (await http("GET", `${server.url}/api/v1/socket/health`)).status;
  assert.equal(await health(), 200);
  const other = spawn("python3", ["-c", LOCK, `${server.folder}/roomcast.db`], { stdio: ["pipe", "pipe", "inherit"] });
  t.after(() => other.kill());
  await waitForEvent(other.stdout, "data");
  // The server caches the result of its write check for one second.
  const waitForHealth = (status) => waitUntil(async () => ((await health()) === status ? null : `the status of the health path is not ${status}`));
  await waitForHealth(503);
  other.stdin.end();
  await waitForEvent(other, "close");
  await waitForHealth(200);
});

test("other members receive the disconnect of a member at once, and all namespaces receive an announcement", async (t) => {
  const trip = (await api("POST", "/trips", "anna", { name: "Bern" })).json.data;
  await api("POST", `/trips/${trip.id}/members`, "anna", { userId: "ben" });
  const anna = client(t, server.url, { auth: { token: token("anna") } });
  const ben = client(t, server.url, { auth: { token: token("ben") } });
  await Promise.all([connected(anna), connected(ben)]);
  await anna.emitWithAck("trip:join", trip.id);
  await ben.emitWithAck("trip:join", trip.id);
  const left = nextEvent(anna, "user:left");
  ben.disconnect();
  const [{ userId, tripId }] = await left;
  assert.deepEqual([userId, tripId], ["ben", trip.id]);

  const everywhere = ["/", "/trips", "/household", "/chat", "/messenger"].map((name) => client(t, `${server.url}${name}`, { auth: { token: token("dora") } }));
  await Promise.all(everywhere.map(connected));
  const announcements = everywhere.map((socket) => nextEvent(socket, "maintenance"));
  await api("POST", "/socket/broadcast", "root", { event: "maintenance", title: "Pause", message: "Back at noon" }, { role: "admin" });
  for (const [{ title }] of await Promise.all(announcements)) assert.equal(title, "Pause");
});
