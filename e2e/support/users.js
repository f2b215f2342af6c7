// Who asks, and a back end that speaks to them.

import { rest } from "./http.js";
import { upTo } from "./wait-until.js";

export const API_KEY = "a-key-that-only-the-teams-own-back-end-knows";

// A person as REST sees them: each request must be answered as it says, and resolves with what was answered.
export const person = (server, sub) => ({
  sub,
  token: server.token({ sub, name: sub }),
  async ask(method, path, body, status = method === "POST" ? [200, 201] : [200]) {
    const answer = await rest(method, `${server.url}${path}`, { token: server.token({ sub, name: sub }), body });
    if (![status].flat().includes(answer.status)) throw new Error(`${sub}: ${method} ${path} ${answer.status} ${answer.text}`);
    return answer.json;
  },
});

// Makes everybody named hear `mark`, behind all that has happened so far: what is told to many is told in one order.
export async function mark(server, ...subs) {
  const body = { to: { users: subs }, event: "mark", data: {} };
  const answer = await rest("POST", `${server.url}/api/v1/emit`, { token: API_KEY, body });
  if (answer.status !== 200) throw new Error(`no mark: ${answer.status} ${answer.text}`);
}

// So often it is looked at most: some ten seconds, and far longer than a socket needs to go.
const LOOKS = 5000;

// Waits until the server has just so many sockets of a person.
export function socketsAre(server, sub, count) {
  return upTo(LOOKS, async () => {
    const { data } = await person(server, sub).ask("GET", "/api/v1/socket/my-connections");
    return data.count === count ? true : null;
  });
}
