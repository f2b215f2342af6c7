// Who is online: with the first connection of any kind, until the last is gone for the grace. Told once, whatever happens in between.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import path from "node:path";
import { describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { openCuttableProxy } from "../support/cuttable-proxy.js";
import { RecordingClients } from "../support/recording-client.js";
import { sharedServer } from "../support/server.js";
import { TRANSPORTS } from "../support/socketio-clients.js";
import { user } from "../support/users.js";

const folder = path.dirname(fileURLToPath(import.meta.url));
const settings = { PRESENCE_AUDIENCE: "everyone", ALLOW_EIO3: "true", MAX_CONNECTIONS_PER_USER: "0", SOCKETIO_MAX_CONNECTIONS_PER_USER: "0" };

// A grace that no test outlasts, and one that is over soon.
const patient = sharedServer({ ...settings, PRESENCE_GRACE: "1h" });
const prompt = sharedServer({ ...settings, PRESENCE_GRACE: "100ms" });
const watchful = sharedServer({ ...settings, PRESENCE_GRACE: "100ms", PING_INTERVAL: "500ms", PING_TIMEOUT: "4s", WS_HEARTBEAT_INTERVAL: "2s" });
const discreet = sharedServer({ ...settings, PRESENCE_GRACE: "100ms", PRESENCE_AUDIENCE: "contacts" });

// Every kind of connection that a person can have.
const WAYS = {
  ...Object.fromEntries(
    Object.entries(TRANSPORTS).flatMap(([transport, transports]) =>
      [4, 2].map((version) => [`${transport}, Socket.IO ${version}`, (sockets, sub, through) => sockets.open(sub, "/", { transports, version, through })]),
    ),
  ),
  "the raw WebSocket": (sockets, sub, through) => sockets.raw(sub, { through }),
};

let passers = 0;

// What a listener has heard of people, as `anna online`, up to here: changes are gathered for a moment and told together, in rounds, so a round of
// its own follows that of everything earlier.
async function changes(sockets, listener) {
  const received = [];
  for (let round = 0; round < 2; round++) {
    const sub = `passer-${++passers}`;
    await sockets.open(sub, "/household");
    received.push(...(await listener.receivedBefore(([name, [what]]) => name === "user:status-changed" && what.userId === sub)));
  }
  const told = received.filter(([name, [what]]) => name === "user:status-changed" && !what.userId.startsWith("passer-"));
  return told.map(([, [{ userId, status }]]) => `${userId} ${status}`);
}

const goesOffline = (listener, sub) => listener.receivedBefore(([name, [what]]) => name === "user:status-changed" && what.userId === sub && what.status === "offline");

// Somebody who hears who is online.
async function listener(sockets) {
  const ben = await sockets.open("ben", "/messenger");
  await changes(sockets, ben);
  return ben;
}

describe("several tabs and devices", () => {
  test("of whatever kind are one person, who is online with the first", async (t) => {
    const sockets = new RecordingClients(patient, t);
    const ben = await listener(sockets);
    const clients = [];
    for (const open of Object.values(WAYS)) clients.push(await open(sockets, "tabs"));
    assert.deepEqual(await changes(sockets, ben), ["tabs online"]);
    for (const client of clients) client.close();
    assert.deepEqual(await changes(sockets, ben), []);
    assert.deepEqual(await ben.request("user:get-status", ["tabs"]), { userId: "tabs", status: "online" });
  });

  for (const [way, open] of Object.entries(WAYS)) {
    test(`the last of which is ${way}, and goes with a goodbye`, async (t) => {
      const sockets = new RecordingClients(prompt, t);
      const ben = await listener(sockets);
      const sub = `last by ${way}`;
      const [first, last] = [await sockets.open(sub, "/trips"), await open(sockets, sub)];
      first.close();
      assert.deepEqual(await changes(sockets, ben), [`${sub} online`]);
      last.close();
      await goesOffline(ben, sub);
      assert.deepEqual(await changes(sockets, ben), []);
    });
  }

  test("two namespaces of one connection are one, and the last that is left counts", async (t) => {
    for (const transports of Object.values(TRANSPORTS)) {
      const sockets = new RecordingClients(prompt, t);
      const ben = await listener(sockets);
      const sub = `two-${transports.join()}`;
      const chat = await sockets.open(sub, "/chat", { transports });
      const trips = await sockets.open(sub, "/trips", { over: chat });
      chat.close();
      assert.deepEqual(await changes(sockets, ben), [`${sub} online`]);
      trips.close();
      await goesOffline(ben, sub);
      assert.deepEqual(await changes(sockets, ben), []);
    }
  });
});

describe("a reload", () => {
  test("does not blink, however many there are and on whatever way", async (t) => {
    const sockets = new RecordingClients(patient, t);
    const ben = await listener(sockets);
    const { data: trip } = await user(patient, "ben").request("POST", "/api/v1/trips", { name: "Rome" });
    await user(patient, "ben").request("POST", `/api/v1/trips/${trip.id}/members`, { userId: "anna" });
    const fellow = await sockets.open("ben", "/trips");
    await fellow.request("trip:join", [{ tripId: trip.id }]);
    // Each tab by itself, all at once.
    const reloads = Object.values(TRANSPORTS).flatMap((transports) =>
      [4, 2].map(async (version) => {
        for (let time = 0; time < 15; time++) {
          const tab = await sockets.open("anna", "/trips", { transports, version });
          assert.equal((await tab.request("trip:join", [{ tripId: trip.id }])).ok, true);
          tab.close();
        }
      }),
    );
    await Promise.all(reloads);
    assert.deepEqual(await changes(sockets, ben), ["anna online"]);
    await fellow.request("ping", []);
    const comings = fellow.received.filter(([name]) => name === "user:joined" || name === "user:left");
    assert.deepEqual(comings.map(([name, [what]]) => `${name} ${what.userId}`), ["user:joined anna"]);
  });
});

describe("a client that vanishes", () => {
  test("killed with its process is gone after the grace", async (t) => {
    const sockets = new RecordingClients(prompt, t);
    const ben = await listener(sockets);
    const program = `
      import { io } from "socket.io-client";
      io(process.argv[1], { transports: [process.argv[3]], auth: { token: process.argv[2] } });
    `;
    for (const transport of ["websocket", "polling"]) {
      const sub = `killed-${transport}`;
      const args = ["--input-type=module", "-e", program, prompt.url, prompt.token({ sub }), transport];
      // Its output is not the runner's, which would wait for this process if the test file were killed.
      const client = spawn(process.execPath, args, { cwd: folder, stdio: "ignore" });
      t.after(() => client.kill("SIGKILL"));
      await ben.receivedBefore(([name, [what]]) => name === "user:status-changed" && what.userId === sub && what.status === "online");
      client.kill("SIGKILL");
      // A killed WebSocket is a closed one. A killed poller is one that polls no more, and its session lasts as long as a silent one's.
      if (transport === "websocket") await goesOffline(ben, sub);
    }
  });

  test("without a close, from whatever kind of connection, is gone when it has been silent for too long", async (t) => {
    const sockets = new RecordingClients(watchful, t);
    const ben = await listener(sockets);
    const through = await openCuttableProxy(t, watchful);
    const silent = Object.keys(WAYS).map((way) => `silent by ${way}`);
    for (const [way, open] of Object.entries(WAYS)) await open(sockets, `silent by ${way}`, through);
    assert.deepEqual((await changes(sockets, ben)).sort(), silent.map((sub) => `${sub} online`).sort());
    through.cut();
    const gone = [];
    while (gone.length < silent.length) {
      const [, [{ userId, status }]] = await ben.next(([name]) => name === "user:status-changed");
      if (!userId.startsWith("passer-")) gone.push(`${userId} ${status}`);
    }
    assert.deepEqual(gone.sort(), silent.map((sub) => `${sub} offline`).sort());
  });
});

test("where everyone may know, only a blocked user is not told", async (t) => {
  const sockets = new RecordingClients(patient, t);
  await user(patient, "shy").request("PUT", "/api/v1/blocks/ben");
  const cleo = await sockets.open("cleo", "/messenger");
  await changes(sockets, cleo);
  const ben = await listener(sockets);
  const { id } = await user(patient, "shy").request("POST", "/api/conversations", { participantIds: ["cleo"] });
  await user(patient, "cleo").request("POST", `/api/conversations/${id}/participants`, { userId: "ben" });
  await changes(sockets, cleo);
  await sockets.open("shy", "/messenger");
  assert.deepEqual(await changes(sockets, cleo), ["shy online"]);
  assert.deepEqual(await changes(sockets, ben), []);
  assert.equal((await ben.request("user:get-status", ["shy"])).status, "offline");
  assert.equal((await cleo.request("user:get-status", ["shy"])).status, "online");
  assert.deepEqual((await cleo.request("conversation:get-online-users", [id])).toSorted(), ["ben", "cleo", "shy"]);
  assert.deepEqual((await ben.request("conversation:get-online-users", [id])).toSorted(), ["ben", "cleo"]);
});

describe("where contacts alone may know", () => {
  test("nobody else hears who comes and goes, nor may ask", async (t) => {
    const sockets = new RecordingClients(discreet, t);
    const anna = user(discreet, "anna");
    const { id } = await anna.request("POST", "/api/conversations", { participantIds: ["ben", "carl"] });
    // Contacts are users who have both acted in a space.
    const act = (sub, conversation) => user(discreet, sub).request("POST", `/api/conversations/${conversation}/messages`, { content: "Here" });
    for (const sub of ["ben", "carl"]) await act(sub, id);
    await anna.request("DELETE", `/api/conversations/${id}/participants/carl`);
    const [ben, carl, dora] = [await sockets.open("ben", "/messenger"), await sockets.open("carl", "/messenger"), await sockets.open("dora", "/messenger")];
    // Whoever hears these hears what came before them.
    for (const sub of ["carl", "dora"]) {
      const { id: other } = await user(discreet, sub).request("POST", "/api/conversations", { participantIds: ["guest"] });
      await act("guest", other);
    }

    const device = await sockets.open("anna", "/messenger");
    await ben.receivedBefore(([name, [what]]) => name === "user:status-changed" && what.userId === "anna" && what.status === "online");
    for (const outside of [carl, dora]) assert.equal((await outside.request("user:get-status", ["anna"])).status, "offline");
    device.close();
    await goesOffline(ben, "anna");

    await sockets.open("guest", "/household");
    for (const outside of [carl, dora]) {
      const before = await outside.receivedBefore(([name, [what]]) => name === "user:status-changed" && what.userId === "guest");
      assert.deepEqual(before.filter(([, [what]]) => what?.userId === "anna"), []);
    }
  });
});

describe("whoever is removed from a space", () => {
  test("is online all the same, and is not in its room any more, at once, also within the grace of a reload", async (t) => {
    const sockets = new RecordingClients(patient, t);
    const ben = await listener(sockets);
    const owner = user(patient, "ben");
    const { data: trip } = await owner.request("POST", "/api/v1/trips", { name: "Rome" });
    const fellow = await sockets.open("ben", "/trips");
    await fellow.request("trip:join", [{ tripId: trip.id }]);
    for (const sub of ["stays", "reloads"]) {
      await owner.request("POST", `/api/v1/trips/${trip.id}/members`, { userId: sub });
      const device = await sockets.open(sub, "/trips");
      await device.request("trip:join", [{ tripId: trip.id }]);
      await fellow.receivedBefore(([name, [what]]) => name === "user:joined" && what.userId === sub);
      if (sub === "reloads") {
        device.close();
        await changes(sockets, ben);
      }
      await owner.request("DELETE", `/api/v1/trips/${trip.id}/members/${sub}`);
      await fellow.receivedBefore(([name, [what]]) => name === "user:left" && what.userId === sub);
      assert.ok(!(await changes(sockets, ben)).includes(`${sub} offline`));
    }
  });
});
