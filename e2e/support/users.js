// Users of the REST API, and the requests of a back end.

import { rest } from "./http.js";
import { retry } from "./wait-until.js";

export const API_KEY = "a-key-that-only-the-teams-own-back-end-knows";

// A user with a token. `request` resolves with the JSON of the response, and rejects if its status is not the expected one.
export const user = (server, sub) => ({
  sub,
  token: server.token({ sub, name: sub }),
  async request(method, path, body, status = method === "POST" ? [200, 201] : [200]) {
    const response = await rest(method, `${server.url}${path}`, { token: server.token({ sub, name: sub }), body });
    if (![status].flat().includes(response.status)) throw new Error(`${sub}: ${method} ${path} ${response.status} ${response.text}`);
    return response.json;
  },
});

// Sends the event `mark` to these users. It arrives after the events of all earlier changes, because the server keeps one order of events.
export async function emitMarker(server, ...subs) {
  const body = { to: { users: subs }, event: "mark", data: {} };
  const response = await rest("POST", `${server.url}/api/v1/emit`, { token: API_KEY, body });
  if (response.status !== 200) throw new Error(`the marker was not sent: ${response.status} ${response.text}`);
}

// The maximum number of requests. They take some ten seconds, far longer than the server needs to close a socket.
const MAX_REQUESTS = 5000;

// Waits until the user has exactly `count` sockets on the server.
export function waitForSocketCount(server, sub, count) {
  return retry(MAX_REQUESTS, async () => {
    const { data } = await user(server, sub).request("GET", "/api/v1/socket/my-connections");
    return data.count === count ? true : null;
  });
}
