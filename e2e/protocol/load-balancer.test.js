// Long-polling behind a load balancer, which sends the requests of all clients on a few connections of its own.

import assert from "node:assert/strict";
import { Agent, request } from "node:http";
import { test } from "node:test";
import { sharedServer } from "../support/server.js";
import { waitFor } from "../support/wait-for.js";

const server = sharedServer({ TRUSTED_PROXIES: "127.0.0.1" });

// Sends a request as a load balancer does: all on one connection, which stays open. Resolves with {status, text}.
function throughBalancer(agent, method, path, body) {
  const answered = new Promise((resolve, reject) => {
    const outgoing = request(`${server.url}${path}`, { method, agent, headers: { "x-forwarded-for": "203.0.113.7" } }, (response) => {
      let text = "";
      response.setEncoding("utf8").on("data", (part) => (text += part)).on("end", () => resolve({ status: response.statusCode, text }));
    });
    outgoing.on("error", reject).end(body);
  });
  return waitFor(answered, () => `${method} ${path} has no response`);
}

test("a GET that a library repeats ends the session, also on the same connection of the load balancer", async (t) => {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  t.after(() => agent.destroy());
  const path = "/socket.io/?EIO=4&transport=polling";
  const { text } = await throughBalancer(agent, "GET", `${path}&t=a.0`);
  const session = `${path}&sid=${JSON.parse(text.slice(1)).sid}`;
  const post = (packet) => throughBalancer(agent, "POST", `${session}&t=p`, packet);
  await post(`40/household,${JSON.stringify({ token: server.token({ sub: "anna" }) })}`);
  assert.match((await throughBalancer(agent, "GET", `${session}&t=a.1`)).text, /^40\/household,/);
  // The server acknowledges an event that it does not know, so each GET has a packet to receive.
  await post(`42/household,1["unknown"]`);
  assert.match((await throughBalancer(agent, "GET", `${session}&t=a.2`)).text, /^43\/household,1/);
  await post(`42/household,2["unknown"]`);
  // The load balancer or the client's library has lost the response to `a.2`, and asks for it again.
  assert.equal((await throughBalancer(agent, "GET", `${session}&t=a.2`)).status, 400);
});
