// `examples/node-backend` signs tokens and pushes events to stock clients, also after Roomcast was stopped in between.

import assert from "node:assert/strict";
import { test } from "node:test";
import { rest } from "../support/http.js";
import { freePort } from "../support/process.js";
import { SECRET, sharedServer } from "../support/server.js";
import { waitForValue } from "./pages.js";
import { start, startCommand } from "./program.js";

// The key that the README uses.
const KEY = (await startCommand("node-backend")).match(/ROOMCAST_API_KEY=(\S+)/)[1];

const server = sharedServer({ ROOMCAST_API_KEY: KEY });

async function startShop(t, command) {
  const port = await freePort();
  const program = await start(t, "node-backend", { command, env: { PORT: port, ROOMCAST: server.url, JWT_SECRET: SECRET } });
  await program.prints(/listens/);
  return Object.assign(program, { url: `http://localhost:${port}` });
}

async function post(url, body, token) {
  const { status, json } = await rest("POST", url, { body, token });
  return { status, ...json };
}

test("the client of the example prints what the back end pushes", async (t) => {
  const { url } = await startShop(t);
  const client = await start(t, "node-backend", { command: "npm run client -- anna 'A bicycle'", env: { SHOP: url, ROOMCAST: server.url } });
  await client.prints(/order: A bicycle is ordered\norder: A bicycle is shipped\nnotification: Shipped - A bicycle is on its way\n/);
});

test("a request that finds Roomcast stopped succeeds later, and its events arrive once", async (t) => {
  const program = await startShop(t);
  const { token } = await post(`${program.url}/login`, { user: "ben", name: "Ben" });
  const client = await start(t, "node-backend", { command: "npm run client -- ben 'A bell'", env: { SHOP: program.url, ROOMCAST: server.url } });
  await client.prints(/notification: /);
  const order = await post(`${program.url}/orders`, { item: "A pump" }, token);
  assert.equal(order.status, "ordered");
  await client.prints(/A pump is ordered/);

  await server.running.stop();
  const shipped = post(`${program.url}/orders/${order.id}/ship`, {}, token);
  await program.prints(/\/api\/v1\/emit: ECONNREFUSED; next attempt in [\d.]+ s/);
  await server.killAndRestart();
  assert.equal((await shipped).status, "shipped");
  // A client that has received no response repeats its request.
  assert.equal((await post(`${program.url}/orders/${order.id}/ship`, {}, token)).status, "shipped");

  // The event of another order arrives after all others.
  await post(`${program.url}/orders`, { item: "A helmet" }, token);
  await client.prints(/A helmet is ordered/);
  const linesOfPump = () => client.output.split("\n").filter((line) => line.includes("A pump"));
  await waitForValue(linesOfPump, ["order: A pump is ordered", "order: A pump is shipped", "notification: Shipped - A pump is on its way"]);
});

test("the back end rejects requests without a token of its own, and orders of other users", async (t) => {
  const { url } = await startShop(t);
  assert.deepEqual(await post(`${url}/orders`, { item: "A bicycle" }), { status: 401, error: "log in first" });
  const [anna, ben] = await Promise.all(["anna", "ben"].map((user) => post(`${url}/login`, { user })));
  const { id } = await post(`${url}/orders`, { item: "A bicycle" }, anna.token);
  assert.deepEqual(await post(`${url}/orders/${id}/ship`, {}, ben.token), { status: 404, error: "no such order" });
  assert.deepEqual(await post(`${url}/login`, {}), { status: 400, error: "user: is missing" });
});

test("an error of the back end's own, such as a wrong key, is reported without a retry", async (t) => {
  const program = await startShop(t, (await startCommand("node-backend")).replace(KEY, "not-the-key-of-this-server"));
  const { token } = await post(`${program.url}/login`, { user: "anna" });
  const { status, error } = await post(`${program.url}/orders`, { item: "A bicycle" }, token);
  assert.equal(status, 502);
  assert.match(error, /^\/api\/v1\/emit: 401 token_invalid/);
  assert.doesNotMatch(program.output, /next attempt/);
});
