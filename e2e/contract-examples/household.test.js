// A React front end that follows the household contract's documentation, against the real server.

import assert from "node:assert/strict";
import { test } from "node:test";
import { rest } from "../support/http.js";
import { mount } from "../support/react-screen.js";
import { sharedServer } from "../support/server.js";
import { client, connected, waitForStatus, waitForUpgrade } from "../support/socketio-clients.js";
import { TaskList } from "./household-client.js";
import { activeSockets, useServer } from "./stock-client.js";

const server = sharedServer({ PRESENCE_AUDIENCE: "everyone", PRESENCE_GRACE: "0" });

async function request(token, method, path, body) {
  const response = await rest(method, `${server.url}${path}`, { token, body });
  assert.ok(response.status < 300, response.text);
  return response.json;
}

test("the screen of a member shows every change without a join, reconnects, and leaves all rooms when it is unmounted", async (t) => {
  useServer(server);
  const anna = server.token({ sub: "anna", name: "Anna" });
  const home = await request(anna, "POST", "/households", { name: "Home" });
  const ben = server.token({ user_id: "ben", name: "Ben", household_id: home.id });
  const rooms = async () => (await request(server.token({ sub: "root", role: "admin" }), "GET", "/api/v1/socket/rooms")).data.rooms;

  const screen = await mount(TaskList, { token: ben });
  t.after(() => screen.unmount());
  await screen.shows("Connected:");
  assert.deepEqual((await rooms()).find(({ room }) => room === `household:${home.id}`), { room: `household:${home.id}`, members: 1, connections: 1 });

  const { id } = await request(anna, "POST", `/households/${home.id}/tasks`, { title: "Dishes" });
  await screen.shows("Connected: Dishes.");
  await request(anna, "POST", `/tasks/${id}/assign`, { userId: "ben" });
  await screen.shows("Dishes for Ben.");
  await request(anna, "PATCH", `/tasks/${id}/toggle`);
  await screen.shows("Dishes (done) for Ben.");

  await waitForUpgrade(activeSockets()[0]);
  activeSockets()[0].io.engine.transport.ws.terminate();
  await screen.shows("Disconnected:");
  await screen.shows("Connected:");
  await request(anna, "DELETE", `/tasks/${id}`);
  await screen.shows("Connected: .");

  const watcher = await connected(client(t, server.url, { auth: { token: anna } }));
  const offline = waitForStatus(watcher, "ben", "offline");
  screen.unmount();
  await offline;
  assert.deepEqual((await rooms()).find(({ room }) => room === `household:${home.id}`), { room: `household:${home.id}`, members: 1, connections: 1 }, "only anna is in the room");
  assert.deepEqual(activeSockets(), []);
});
