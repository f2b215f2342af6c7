// A chaos run: stock clients send messages to each other over a faulty network, and the server is killed repeatedly. An audit follows.
//
// Inputs: {seed, messages, kills, cuts}. Resolves with statistics, and with a list of errors as sentences.

import { user } from "../support/users.js";
import { audit } from "./audit.js";
import { JavaScriptClient } from "./client.js";
import { FaultyProxy } from "./faulty-proxy.js";
import { history } from "./history.js";
import { PythonClient } from "./python-client.js";
import { Rng } from "./rng.js";
import { RestartableServer } from "./server.js";

// The kinds of clients: the class, and the transports.
const KINDS = {
  websocket: [JavaScriptClient, ["websocket"]],
  upgrade: [JavaScriptClient, ["polling", "websocket"]],
  polling: [JavaScriptClient, ["polling"]],
  python: [PythonClient, ["websocket"]],
  "python polling": [PythonClient, ["polling"]],
};

// The kinds of the members of each room. Each client is in one room.
const ROOMS = [
  ["websocket", "websocket", "upgrade", "polling", "python"],
  ["websocket", "upgrade", "upgrade", "websocket"],
  ["polling", "websocket", "python polling"],
];

const MAX_FILLER_LENGTH = 300;

export async function run({ seed, messages, kills, cuts, onProgress = () => {} }) {
  const rng = new Rng(seed);
  const proxy = await new FaultyProxy(new Rng(seed + 1)).listen();
  const server = await RestartableServer.start(proxy);
  const clients = [];
  try {
    for (const room of await createRooms(server)) {
      for (const [index, kind] of room.kinds.entries()) clients.push(createClient(proxy, server, room, kind, room.members[index]));
    }
    await Promise.all(clients.map((client) => client.caughtUp()));
    const startedAt = performance.now();
    const acks = await sendMessages({ rng, proxy, server, clients, messages, kills, cuts, onProgress });
    proxy.stopFaults();
    await server.started();
    await Promise.all(clients.map((client) => client.receivedEverything()));
    const seconds = (performance.now() - startedAt) / 1000;
    return { ...audit(await storedMessages(proxy, clients), clients, acks), seed, acked: acks.size, kills: server.kills, ...proxy.happened, cuts: proxy.cuts, seconds };
  } finally {
    for (const client of clients) client.close();
    await server.stop();
    proxy.close();
  }
}

// Creates the rooms with their members. The user ids of all members are consecutive numbers.
async function createRooms(server) {
  let number = 0;
  return Promise.all(
    ROOMS.map(async (kinds) => {
      const members = kinds.map(() => ++number);
      const first = user(server.current, String(members[0]));
      const { id } = await first.request("POST", "/shared/chat/rooms", { name: "Chaos", memberIds: members.slice(1) });
      return { id, members, kinds };
    }),
  );
}

function createClient(proxy, server, room, kind, sub) {
  const token = server.current.token({ sub: String(sub), name: `Client ${sub}` });
  const [Client, transports] = KINDS[kind];
  return new Client(proxy.url, { sub, token, room: room.id, transports, kind });
}

// All clients send until there are enough messages. At even distances of acknowledged messages the server is killed and faults are scheduled. Resolves
// with the acknowledgement of each message: its room, whether it was a duplicate, and how often it was acknowledged.
async function sendMessages({ rng, proxy, server, clients, messages, kills, cuts, onProgress }) {
  const acks = new Map();
  let created = 0;
  const next = (sender) => {
    if (created === messages) return null;
    const clientId = `${sender.sub}-${++created}`;
    return { clientId, content: `${clientId} ${"x".repeat(rng.below(MAX_FILLER_LENGTH))}` };
  };
  const dueForKill = (count) => Math.floor(((count + 1) * messages) / (kills + 1));
  // All cuts, and some more, are scheduled before 90 % of the messages are acknowledged, so that enough of them happen.
  const dueCuts = (acked) => Math.min(1, acked / (0.9 * messages)) * (cuts + 10);
  const onAck = (sender, message, { duplicate }) => {
    const times = (acks.get(message.clientId)?.times ?? 0) + 1;
    acks.set(message.clientId, { room: sender.room, duplicate: duplicate === true, times });
    if (server.kills < kills && acks.size >= dueForKill(server.kills)) void server.kill();
    while (proxy.cuts + proxy.scheduledCuts < dueCuts(acks.size) && proxy.scheduleFault());
    onProgress(acks.size, () => `${server.kills} kills, ${proxy.cuts} cuts`);
  };
  await Promise.all(clients.map((sender) => sender.send(() => next(sender), (message, ack) => onAck(sender, message, ack))));
  return acks;
}

// The stored messages of each room, by the room's id.
async function storedMessages(proxy, clients) {
  const rooms = new Map(clients.map((client) => [client.room, client]));
  return new Map(await Promise.all([...rooms].map(async ([room, { token }]) => [room, await history({ url: proxy.url, token, room })])));
}
