// The ledger: stock clients that send to each other over a bad network to a server that is killed again and again; and the books compared at the end.
//
// Inputs: {seed, messages, kills, cuts}. What comes out are figures, and what is wrong, in sentences.

import { user } from "../support/users.js";
import { audit } from "./audit.js";
import { Device } from "./client.js";
import { Proxy } from "./faulty-proxy.js";
import { history } from "./history.js";
import { PythonDevice } from "./python-client.js";
import { Dice } from "./rng.js";
import { House } from "./server.js";

const TRAVELS = {
  websocket: ["websocket"],
  upgrade: ["polling", "websocket"],
  polling: ["polling"],
};

// Who is in each room, by how they transport; nobody is in two.
const ROOMS = [
  ["websocket", "websocket", "upgrade", "polling", "python"],
  ["websocket", "upgrade", "upgrade", "websocket"],
  ["polling", "websocket", "python polling"],
];

const LONGEST = 300;

export async function run({ seed, messages, kills, cuts, told = () => {} }) {
  const dice = new Dice(seed);
  const proxy = await new Proxy(new Dice(seed + 1)).listen();
  const house = await House.open(proxy);
  const devices = [];
  try {
    for (const room of await rooms(house)) {
      for (const [place, transport] of room.transports.entries()) devices.push(device(proxy, house, room, transport, room.members[place]));
    }
    await Promise.all(devices.map((one) => one.isReady()));
    const began = performance.now();
    const book = await exchange({ dice, proxy, house, devices, messages, kills, cuts, told });
    proxy.calm();
    await house.up();
    await Promise.all(devices.map((one) => one.hasHeardAll()));
    const seconds = (performance.now() - began) / 1000;
    return { ...audit(await truths(proxy, devices), devices, book), seed, acked: book.size, kills: house.kills, ...proxy.happened, cuts: proxy.cuts, seconds };
  } finally {
    for (const one of devices) one.close();
    await house.close();
    proxy.close();
  }
}

// Makes the rooms, each with its members, who are numbered through.
async function rooms(house) {
  let number = 0;
  return Promise.all(
    ROOMS.map(async (transports) => {
      const members = transports.map(() => ++number);
      const first = user(house.server, String(members[0]));
      const { id } = await first.request("POST", "/shared/chat/rooms", { name: "Ledger", memberIds: members.slice(1) });
      return { id, members, transports };
    }),
  );
}

function device(proxy, house, room, transport, sub) {
  const token = house.server.token({ sub: String(sub), name: `Device ${sub}` });
  const Kind = transport.startsWith("python") ? PythonDevice : Device;
  const transports = TRAVELS[transport] ?? TRAVELS[transport.split(" ")[1] ?? "websocket"];
  return new Kind(proxy.url, { sub, token, room: room.id, transports, transport });
}

// Everybody sends until there are enough messages; at even distances, by what was confirmed, the server is killed and connections are struck.
// Resolves with the book of what was confirmed: for each message its room, whether it was confirmed as a duplicate, and how often.
async function exchange({ dice, proxy, house, devices, messages, kills, cuts, told }) {
  const book = new Map();
  let made = 0;
  const next = (sender) => {
    if (made === messages) return null;
    const clientId = `${sender.sub}-${++made}`;
    return { clientId, content: `${clientId} ${"x".repeat(dice.below(LONGEST))}` };
  };
  const due = (count) => Math.floor(((count + 1) * messages) / (kills + 1));
  // All cuts are ordered a while before the end, and some more, so that enough of them happen.
  const wanted = (size) => Math.min(1, size / (0.9 * messages)) * (cuts + 10);
  const acked = (sender, message, { duplicate }) => {
    const times = (book.get(message.clientId)?.times ?? 0) + 1;
    book.set(message.clientId, { room: sender.room, duplicate: duplicate === true, times });
    if (house.kills < kills && book.size >= due(house.kills)) void house.kill();
    while (proxy.cuts + proxy.comingCuts < wanted(book.size) && proxy.strike());
    told(book.size, () => `${house.kills} kills, ${proxy.cuts} cuts`);
  };
  await Promise.all(devices.map((sender) => sender.send(() => next(sender), (message, ack) => acked(sender, message, ack))));
  return book;
}

// What the server keeps of each room, by its id.
async function truths(proxy, devices) {
  const rooms = new Map(devices.map((one) => [one.room, one]));
  return new Map(await Promise.all([...rooms].map(async ([room, { token }]) => [room, await history({ url: proxy.url, token, room })])));
}
