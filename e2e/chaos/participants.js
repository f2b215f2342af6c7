// The clients of a chaos run, and the rooms in which they send messages to each other.

import { user } from "../support/users.js";
import { JavaScriptClient } from "./client.js";
import { history } from "./history.js";
import { PythonClient } from "./python-client.js";

// The kinds of clients: the class, and the transports.
const KINDS = {
  websocket: [JavaScriptClient, ["websocket"]],
  upgrade: [JavaScriptClient, ["polling", "websocket"]],
  polling: [JavaScriptClient, ["polling"]],
  python: [PythonClient, ["websocket"]],
  "python polling": [PythonClient, ["polling"]],
};

// The kinds of the members of each room. Each client is in one room.
export const ROOMS = [
  ["websocket", "websocket", "upgrade", "polling", "python"],
  ["websocket", "upgrade", "upgrade", "websocket"],
  ["polling", "websocket", "python polling"],
];

// Creates the rooms on a server, and their members, who connect to `url` and have joined their room when this resolves. The user ids of all members are
// consecutive numbers. `rooms` has the kinds of the members of each room.
export async function openParticipants(server, url, rooms = ROOMS) {
  const clients = [];
  let number = 0;
  const created = await Promise.all(
    rooms.map(async (kinds) => {
      const members = kinds.map(() => ++number);
      const { id } = await user(server, String(members[0])).request("POST", "/shared/chat/rooms", { name: "Chaos", memberIds: members.slice(1) });
      return { id, members, kinds };
    }),
  );
  for (const { id, members, kinds } of created) {
    for (const [index, kind] of kinds.entries()) clients.push(createClient(server, url, id, kind, members[index]));
  }
  try {
    await Promise.all(clients.map((client) => client.caughtUp()));
  } catch (error) {
    closeAll(clients);
    throw error;
  }
  return clients;
}

function createClient(server, url, room, kind, sub) {
  const token = server.token({ sub: String(sub), name: `Client ${sub}` });
  const [Client, transports] = KINDS[kind];
  return new Client(url, { sub, token, room, transports, kind });
}

export function closeAll(clients) {
  for (const client of clients) client.close();
}

// The stored messages of each room, by the room's id.
export async function storedMessages(url, clients) {
  const rooms = new Map(clients.map((client) => [client.room, client]));
  return new Map(await Promise.all([...rooms].map(async ([room, { token }]) => [room, await history({ url, token, room })])));
}
