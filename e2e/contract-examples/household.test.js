// The household contract's document: what it expects of a running system, with a screen that is React's.

import assert from "node:assert/strict";
import { test } from "node:test";
import { rest } from "../support/http.js";
import { mount } from "../support/react-screen.js";
import { sharedServer } from "../support/server.js";
import { client, connected, waitForStatus, waitForUpgrade } from "../support/socketio-clients.js";
import { TaskList } from "./household-client.js";
import { alive, serve } from "./stock-client.js";

const server = sharedServer({ PRESENCE_AUDIENCE: "everyone", PRESENCE_GRACE: "0" });

async function ask(token, method, path, body) {
  const response = await rest(method, `${server.url}${path}`, { token, body });
  assert.ok(response.status < 300, response.text);
  return response.json;
}

test("a member's screen is in its household by itself, shows every change, comes back by itself, and is in no room when it is gone", async (t) => {
  serve(server);
  const anna = server.token({ sub: "anna", name: "Anna" });
  const home = await ask(anna, "POST", "/households", { name: "Home" });
  const ben = server.token({ user_id: "ben", name: "Ben", household_id: home.id });
  const rooms = async () => (await ask(server.token({ sub: "root", role: "admin" }), "GET", "/api/v1/socket/rooms")).data.rooms;

  const screen = await mount(TaskList, { token: ben });
  t.after(() => screen.unmount());
  await screen.shows("Connected:");
  assert.deepEqual((await rooms()).find(({ room }) => room === `household:${home.id}`), { room: `household:${home.id}`, members: 1, connections: 1 });

  const { id } = await ask(anna, "POST", `/households/${home.id}/tasks`, { title: "Dishes" });
  await screen.shows("Connected: Dishes.");
  await ask(anna, "POST", `/tasks/${id}/assign`, { userId: "ben" });
  await screen.shows("Dishes for Ben.");
  await ask(anna, "PATCH", `/tasks/${id}/toggle`);
  await screen.shows("Dishes (done) for Ben.");

  await waitForUpgrade(alive()[0]);
  alive()[0].io.engine.transport.ws.terminate();
  await screen.shows("Disconnected:");
  await screen.shows("Connected:");
  await ask(anna, "DELETE", `/tasks/${id}`);
  await screen.shows("Connected: .");

  const watcher = await connected(client(t, server.url, { auth: { token: anna } }));
  const gone = waitForStatus(watcher, "ben", "offline");
  screen.unmount();
  await gone;
  assert.deepEqual((await rooms()).find(({ room }) => room === `household:${home.id}`), { room: `household:${home.id}`, members: 1, connections: 1 }, "anna alone");
  assert.deepEqual(alive(), []);
});
