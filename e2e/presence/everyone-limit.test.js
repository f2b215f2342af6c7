// The presence audience `everyone` is narrowed to contacts while more users are online than PRESENCE_EVERYONE_UP_TO allows.

import assert from "node:assert/strict";
import { test } from "node:test";
import { metrics } from "../support/metrics.js";
import { RecordingClients } from "../support/recording-client.js";
import { sharedServer } from "../support/server.js";
import { API_KEY, emitMarker, user } from "../support/users.js";

const server = sharedServer({
  PRESENCE_AUDIENCE: "everyone", PRESENCE_EVERYONE_UP_TO: "3", PRESENCE_GRACE: "0", ROOMCAST_API_KEY: API_KEY,
});

test("above the setting only contacts receive presence events, and well below it all users do again", async (t) => {
  const clients = new RecordingClients(server, t);
  // Two users are contacts after both have acted in one space. Dora is no contact of the others.
  const { id } = await user(server, "anna").request("POST", "/api/conversations", { participantIds: ["ben", "emma", "fred"] });
  for (const sub of ["ben", "emma", "fred"]) await user(server, sub).request("POST", `/api/conversations/${id}/messages`, { content: "Here" });
  const [contact, stranger] = [await clients.open("ben", "/messenger"), await clients.open("dora", "/messenger")];

  const becomes = (sub, status) => contact.next(([name, [payload]]) => name === "user:status-changed" && payload.userId === sub && payload.status === status);
  // Anna connects and disconnects. Resolves with the statuses of anna that the stranger receives.
  const connectAndDisconnect = async () => {
    const client = await clients.open("anna", "/messenger");
    await becomes("anna", "online");
    client.close();
    await becomes("anna", "offline");
    await emitMarker(server, "dora");
    const events = (await stranger.untilMarker()).filter(([name, [payload]]) => name === "user:status-changed" && payload.userId === "anna");
    return events.map(([, [{ status }]]) => status);
  };
  const narrowed = async () => (await metrics(server)).gauge("presence_narrowed");

  assert.deepEqual(await connectAndDisconnect(), ["online", "offline"]);
  assert.equal(await narrowed(), 0);

  const others = [];
  for (const sub of ["emma", "fred"]) {
    others.push(await clients.open(sub, "/household"));
    await becomes(sub, "online");
  }
  assert.deepEqual(await connectAndDisconnect(), []);
  assert.equal(await narrowed(), 1);

  for (const [place, sub] of ["emma", "fred"].entries()) {
    others[place].close();
    await becomes(sub, "offline");
  }
  assert.deepEqual(await connectAndDisconnect(), ["online", "offline"]);
  assert.equal(await narrowed(), 0);
});
