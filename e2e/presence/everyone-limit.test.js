// Presence for everyone is narrowed to contacts while more users are online than PRESENCE_EVERYONE_UP_TO allows.

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
  const sockets = new RecordingClients(server, t);
  // Contacts are users who have both acted in a space. Dora is no contact of the others.
  const { id } = await user(server, "anna").request("POST", "/api/conversations", { participantIds: ["ben", "emma", "fred"] });
  for (const sub of ["ben", "emma", "fred"]) await user(server, sub).request("POST", `/api/conversations/${id}/messages`, { content: "Here" });
  const [contact, stranger] = [await sockets.open("ben", "/messenger"), await sockets.open("dora", "/messenger")];

  const becomes = (sub, status) => contact.next(([name, [what]]) => name === "user:status-changed" && what.userId === sub && what.status === status);
  // Anna comes and goes. Resolves with those of her statuses that the stranger receives.
  const comesAndGoes = async () => {
    const device = await sockets.open("anna", "/messenger");
    await becomes("anna", "online");
    device.close();
    await becomes("anna", "offline");
    await emitMarker(server, "dora");
    const events = (await stranger.untilMarker()).filter(([name, [what]]) => name === "user:status-changed" && what.userId === "anna");
    return events.map(([, [{ status }]]) => status);
  };
  const narrowed = async () => (await metrics(server)).gauge("presence_narrowed");

  assert.deepEqual(await comesAndGoes(), ["online", "offline"]);
  assert.equal(await narrowed(), 0);

  const others = [];
  for (const sub of ["emma", "fred"]) {
    others.push(await sockets.open(sub, "/household"));
    await becomes(sub, "online");
  }
  assert.deepEqual(await comesAndGoes(), []);
  assert.equal(await narrowed(), 1);

  for (const [place, sub] of ["emma", "fred"].entries()) {
    others[place].close();
    await becomes(sub, "offline");
  }
  assert.deepEqual(await comesAndGoes(), ["online", "offline"]);
  assert.equal(await narrowed(), 0);
});
