// A user is online from the first connection until the grace period after the last one has passed. Each change is sent once.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import path from "node:path";
import { describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { ControlledProxy } from "../support/controlled-proxy.js";
import { RecordingClients } from "../support/recording-client.js";
import { sharedServer } from "../support/server.js";
import { TRANSPORTS } from "../support/socketio-clients.js";
import { user } from "../support/users.js";

const folder = path.dirname(fileURLToPath(import.meta.url));
const settings = { PRESENCE_AUDIENCE: "everyone", ALLOW_EIO3: "true", MAX_CONNECTIONS_PER_USER: "0", SOCKETIO_MAX_CONNECTIONS_PER_USER: "0" };

// Servers with a grace period that no test reaches, and with a short one.
const longGrace = sharedServer({ ...settings, PRESENCE_GRACE: "1h" });
const shortGrace = sharedServer({ ...settings, PRESENCE_GRACE: "100ms" });
const shortHeartbeat = sharedServer({ ...settings, PRESENCE_GRACE: "100ms", PING_INTERVAL: "500ms", PING_TIMEOUT: "4s", WS_HEARTBEAT_INTERVAL: "2s" });
const contactsOnly = sharedServer({ ...settings, PRESENCE_GRACE: "100ms", PRESENCE_AUDIENCE: "contacts" });

// Every kind of connection that a user can have.
const CONNECTIONS = {
  ...Object.fromEntries(
    Object.entries(TRANSPORTS).flatMap(([transport, transports]) =>
      [4, 2].map((version) => [`${transport}, Socket.IO ${version}`, (clients, sub, through) => clients.open(sub, "/", { transports, version, through })]),
    ),
  ),
  "the raw WebSocket": (clients, sub, through) => clients.raw(sub, { through }),
};

let visitors = 0;

// The status changes that a listener has received so far, such as `anna online`. The server collects changes and sends them in rounds. A visitor who comes
// online in a later round shows that all earlier changes have arrived.
async function changes(clients, listener) {
  const received = [];
  for (let round = 0; round < 2; round++) {
    const sub = `visitor-${++visitors}`;
    await clients.open(sub, "/household");
    received.push(...(await listener.receivedBefore(([name, [payload]]) => name === "user:status-changed" && payload.userId === sub)));
  }
  const changed = received.filter(([name, [payload]]) => name === "user:status-changed" && !payload.userId.startsWith("visitor-"));
  return changed.map(([, [{ userId, status }]]) => `${userId} ${status}`);
}

const waitForOffline = (listener, sub) => listener.receivedBefore(([name, [payload]]) => name === "user:status-changed" && payload.userId === sub && payload.status === "offline");

// A client of ben that receives all status changes.
async function openListener(clients) {
  const ben = await clients.open("ben", "/messenger");
  await changes(clients, ben);
  return ben;
}

describe("several connections of one user", () => {
  test("of all kinds make the user online once, with the first connection", async (t) => {
    const clients = new RecordingClients(longGrace, t);
    const ben = await openListener(clients);
    const opened = [];
    for (const open of Object.values(CONNECTIONS)) opened.push(await open(clients, "tabs"));
    assert.deepEqual(await changes(clients, ben), ["tabs online"]);
    for (const client of opened) client.close();
    assert.deepEqual(await changes(clients, ben), []);
    assert.deepEqual(await ben.request("user:get-status", ["tabs"]), { userId: "tabs", status: "online" });
  });

  for (const [kind, open] of Object.entries(CONNECTIONS)) {
    test(`make the user offline when the last one, over ${kind}, is closed`, async (t) => {
      const clients = new RecordingClients(shortGrace, t);
      const ben = await openListener(clients);
      const sub = `last over ${kind}`;
      const [first, last] = [await clients.open(sub, "/trips"), await open(clients, sub)];
      first.close();
      assert.deepEqual(await changes(clients, ben), [`${sub} online`]);
      last.close();
      await waitForOffline(ben, sub);
      assert.deepEqual(await changes(clients, ben), []);
    });
  }

  test("in two namespaces of one connection make the user offline when both are left", async (t) => {
    for (const transports of Object.values(TRANSPORTS)) {
      const clients = new RecordingClients(shortGrace, t);
      const ben = await openListener(clients);
      const sub = `two-${transports.join()}`;
      const chat = await clients.open(sub, "/chat", { transports });
      const trips = await clients.open(sub, "/trips", { over: chat });
      chat.close();
      assert.deepEqual(await changes(clients, ben), [`${sub} online`]);
      trips.close();
      await waitForOffline(ben, sub);
      assert.deepEqual(await changes(clients, ben), []);
    }
  });
});

describe("a page reload", () => {
  test("within the grace period sends no status change, over every transport", async (t) => {
    const clients = new RecordingClients(longGrace, t);
    const ben = await openListener(clients);
    const { data: trip } = await user(longGrace, "ben").request("POST", "/api/v1/trips", { name: "Rome" });
    await user(longGrace, "ben").request("POST", `/api/v1/trips/${trip.id}/members`, { userId: "anna" });
    const member = await clients.open("ben", "/trips");
    await member.request("trip:join", [{ tripId: trip.id }]);
    // The tabs reload independently and at the same time.
    const reloads = Object.values(TRANSPORTS).flatMap((transports) =>
      [4, 2].map(async (version) => {
        for (let time = 0; time < 15; time++) {
          const tab = await clients.open("anna", "/trips", { transports, version });
          assert.equal((await tab.request("trip:join", [{ tripId: trip.id }])).ok, true);
          tab.close();
        }
      }),
    );
    await Promise.all(reloads);
    assert.deepEqual(await changes(clients, ben), ["anna online"]);
    await member.request("ping", []);
    const joins = member.received.filter(([name]) => name === "user:joined" || name === "user:left");
    assert.deepEqual(joins.map(([name, [payload]]) => `${name} ${payload.userId}`), ["user:joined anna"]);
  });
});

describe("a client that vanishes", () => {
  test("because its process is killed goes offline after the grace period", async (t) => {
    const clients = new RecordingClients(shortGrace, t);
    const ben = await openListener(clients);
    const program = `
      import { io } from "socket.io-client";
      io(process.argv[1], { transports: [process.argv[3]], auth: { token: process.argv[2] } });
    `;
    for (const transport of ["websocket", "polling"]) {
      const sub = `killed-${transport}`;
      const args = ["--input-type=module", "-e", program, shortGrace.url, shortGrace.token({ sub }), transport];
      // The process does not inherit the output of the test runner, which would wait for it if the test file were killed.
      const client = spawn(process.execPath, args, { cwd: folder, stdio: "ignore" });
      t.after(() => client.kill("SIGKILL"));
      await ben.receivedBefore(([name, [payload]]) => name === "user:status-changed" && payload.userId === sub && payload.status === "online");
      client.kill("SIGKILL");
      // The kernel closes the WebSocket of a killed process. A killed poller only stops polling, and its session ends with the heartbeat timeout.
      if (transport === "websocket") await waitForOffline(ben, sub);
    }
  });

  test("without closing its connection goes offline after the heartbeat timeout, for every kind of connection", async (t) => {
    const clients = new RecordingClients(shortHeartbeat, t);
    const ben = await openListener(clients);
    const proxy = await ControlledProxy.start(t, shortHeartbeat.port);
    const silent = Object.keys(CONNECTIONS).map((kind) => `silent over ${kind}`);
    for (const [kind, open] of Object.entries(CONNECTIONS)) await open(clients, `silent over ${kind}`, proxy);
    assert.deepEqual((await changes(clients, ben)).sort(), silent.map((sub) => `${sub} online`).sort());
    proxy.silence();
    const offline = [];
    while (offline.length < silent.length) {
      const [, [{ userId, status }]] = await ben.next(([name]) => name === "user:status-changed");
      if (!userId.startsWith("visitor-")) offline.push(`${userId} ${status}`);
    }
    assert.deepEqual(offline.sort(), silent.map((sub) => `${sub} offline`).sort());
  });
});

test("with PRESENCE_AUDIENCE=everyone only a blocked user receives no status change", async (t) => {
  const clients = new RecordingClients(longGrace, t);
  await user(longGrace, "shy").request("PUT", "/api/v1/blocks/ben");
  const cleo = await clients.open("cleo", "/messenger");
  await changes(clients, cleo);
  const ben = await openListener(clients);
  const { id } = await user(longGrace, "shy").request("POST", "/api/conversations", { participantIds: ["cleo"] });
  await user(longGrace, "cleo").request("POST", `/api/conversations/${id}/participants`, { userId: "ben" });
  await changes(clients, cleo);
  await clients.open("shy", "/messenger");
  assert.deepEqual(await changes(clients, cleo), ["shy online"]);
  assert.deepEqual(await changes(clients, ben), []);
  assert.equal((await ben.request("user:get-status", ["shy"])).status, "offline");
  assert.equal((await cleo.request("user:get-status", ["shy"])).status, "online");
  assert.deepEqual((await cleo.request("conversation:get-online-users", [id])).toSorted(), ["ben", "cleo", "shy"]);
  assert.deepEqual((await ben.request("conversation:get-online-users", [id])).toSorted(), ["ben", "cleo"]);
});

describe("with PRESENCE_AUDIENCE=contacts", () => {
  test("other users receive no status changes, and see the user as offline", async (t) => {
    const clients = new RecordingClients(contactsOnly, t);
    const anna = user(contactsOnly, "anna");
    const { id } = await anna.request("POST", "/api/conversations", { participantIds: ["ben", "carl"] });
    // Two users are contacts after both have acted in one space.
    const act = (sub, conversation) => user(contactsOnly, sub).request("POST", `/api/conversations/${conversation}/messages`, { content: "Here" });
    for (const sub of ["ben", "carl"]) await act(sub, id);
    await anna.request("DELETE", `/api/conversations/${id}/participants/carl`);
    const [ben, carl, dora] = [await clients.open("ben", "/messenger"), await clients.open("carl", "/messenger"), await clients.open("dora", "/messenger")];
    // The status change of guest shows carl and dora that all earlier changes have arrived.
    for (const sub of ["carl", "dora"]) {
      const { id: other } = await user(contactsOnly, sub).request("POST", "/api/conversations", { participantIds: ["guest"] });
      await act("guest", other);
    }

    const client = await clients.open("anna", "/messenger");
    await ben.receivedBefore(([name, [payload]]) => name === "user:status-changed" && payload.userId === "anna" && payload.status === "online");
    for (const outside of [carl, dora]) assert.equal((await outside.request("user:get-status", ["anna"])).status, "offline");
    client.close();
    await waitForOffline(ben, "anna");

    await clients.open("guest", "/household");
    for (const outside of [carl, dora]) {
      const before = await outside.receivedBefore(([name, [payload]]) => name === "user:status-changed" && payload.userId === "guest");
      assert.deepEqual(before.filter(([, [payload]]) => payload?.userId === "anna"), []);
    }
  });
});

describe("a removed member", () => {
  test("stays online and leaves the room at once, also within the grace period of a reload", async (t) => {
    const clients = new RecordingClients(longGrace, t);
    const ben = await openListener(clients);
    const owner = user(longGrace, "ben");
    const { data: trip } = await owner.request("POST", "/api/v1/trips", { name: "Rome" });
    const member = await clients.open("ben", "/trips");
    await member.request("trip:join", [{ tripId: trip.id }]);
    for (const sub of ["stays", "reloads"]) {
      await owner.request("POST", `/api/v1/trips/${trip.id}/members`, { userId: sub });
      const client = await clients.open(sub, "/trips");
      await client.request("trip:join", [{ tripId: trip.id }]);
      await member.receivedBefore(([name, [payload]]) => name === "user:joined" && payload.userId === sub);
      if (sub === "reloads") {
        client.close();
        await changes(clients, ben);
      }
      await owner.request("DELETE", `/api/v1/trips/${trip.id}/members/${sub}`);
      await member.receivedBefore(([name, [payload]]) => name === "user:left" && payload.userId === sub);
      assert.ok(!(await changes(clients, ben)).includes(`${sub} offline`));
    }
  });
});
