// The ledger: stock clients that send to each other over a bad network to a server that is killed again and again; and the books compared at the end.
//
// Inputs: {seed, messages, kills, cuts}. What comes out are figures, and what is wrong, in sentences.

import { person } from "../support/people.js";
import { Device } from "./device.js";
import { Dice } from "./dice.js";
import { history } from "./history.js";
import { House } from "./house.js";
import { Proxy } from "./proxy.js";
import { PythonDevice } from "./python.js";

const TRAVELS = {
  websocket: ["websocket"],
  upgrade: ["polling", "websocket"],
  polling: ["polling"],
};

// Who is in each room, by how they travel; nobody is in two.
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
      for (const [place, travel] of room.travels.entries()) devices.push(device(proxy, house, room, travel, room.members[place]));
    }
    await Promise.all(devices.map(({ ready }) => ready));
    const began = performance.now();
    const book = await exchange({ dice, proxy, house, devices, messages, kills, cuts, told });
    proxy.calm();
    await house.up();
    await Promise.all(devices.map((one) => one.hasHeardAll()));
    const seconds = (performance.now() - began) / 1000;
    return { ...(await audit(proxy, devices, book)), seed, acked: book.size, kills: house.kills, ...proxy.happened, cuts: proxy.cuts, seconds };
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
    ROOMS.map(async (travels) => {
      const members = travels.map(() => ++number);
      const first = person(house.server, String(members[0]));
      const { id } = await first.ask("POST", "/shared/chat/rooms", { name: "Ledger", memberIds: members.slice(1) });
      return { id, members, travels };
    }),
  );
}

function device(proxy, house, room, travel, sub) {
  const token = house.server.token({ sub: String(sub), name: `Device ${sub}` });
  const Kind = travel.startsWith("python") ? PythonDevice : Device;
  const transports = TRAVELS[travel] ?? TRAVELS[travel.split(" ")[1] ?? "websocket"];
  return new Kind(proxy.url, { sub, token, room: room.id, transports, travel });
}

// Everybody sends until there are enough messages; at even distances, by what was confirmed, the server is killed and connections are struck.
// Resolves with the book of what was confirmed: for each message its room, and whether it was confirmed as a duplicate.
async function exchange({ dice, proxy, house, devices, messages, kills, cuts, told }) {
  const book = new Map();
  const twice = [];
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
    if (book.has(message.clientId)) twice.push(message.clientId);
    book.set(message.clientId, { room: sender.room, duplicate: duplicate === true });
    if (house.kills < kills && book.size >= due(house.kills)) void house.kill();
    while (proxy.cuts + proxy.comingCuts < wanted(book.size) && proxy.strike());
    told(book.size, () => `${house.kills} kills, ${proxy.cuts} cuts`);
  };
  await Promise.all(devices.map((sender) => sender.send(() => next(sender), (message, answer) => acked(sender, message, answer))));
  return book;
}

// Compares what every device has heard with what the server keeps, and that with what was confirmed.
async function audit(proxy, devices, book) {
  const figures = { heard: 0, lost: 0, doubled: 0, reordered: 0, strange: 0, duplicates: 0, again: 0, connections: 0, recovered: 0, unrecovered: 0, refetched: 0 };
  const wrong = [];
  const truths = new Map();
  for (const one of devices) if (!truths.has(one.room)) truths.set(one.room, await history({ url: proxy.url, token: one.token, room: one.room }));

  const kept = new Map([...truths].flatMap(([room, truth]) => truth.map(({ clientId }) => [clientId, room])));
  const count = [...truths.values()].reduce((sum, truth) => sum + truth.length, 0);
  if (kept.size !== count) wrong.push(`${count - kept.size} messages are kept twice`);
  for (const [clientId, { room, duplicate }] of book) {
    if (kept.get(clientId) !== room) wrong.push(`${clientId} was confirmed, and is not kept`);
    figures.duplicates += duplicate;
  }
  for (const clientId of kept.keys()) if (!book.has(clientId)) wrong.push(`${clientId} is kept, and was never confirmed`);

  for (const one of devices) {
    const truth = new Map(truths.get(one.room).map(({ id }, place) => [id, place]));
    const lost = [...truth.keys()].filter((id) => !one.known.has(id));
    const doubled = one.heard.length - new Set(one.heard).size;
    const places = one.heard.map((id) => truth.get(id));
    const reordered = places.filter((place, at) => at > 0 && place < places[at - 1]).length;
    const unknown = one.heard.filter((id) => !truth.has(id));
    // The sender alone is told again of a message that it has sent again.
    const unasked = one.again.filter((clientId) => !book.get(clientId)?.duplicate);
    const strange = [...one.strange, ...unknown, ...unasked];
    const who = `${one.travel} ${one.sub}`;
    if (lost.length > 0) wrong.push(`${who} has not heard ${lost.length} of ${truth.size}, first ${lost[0]}`);
    const twice = one.heard.find((id, at) => one.heard.indexOf(id) < at);
    if (doubled > 0) wrong.push(`${who} has heard ${doubled} twice, first ${JSON.stringify(truths.get(one.room).find(({ id }) => id === twice))}`);
    if (reordered > 0) wrong.push(`${who} has heard ${reordered} behind later ones`);
    if (strange.length > 0) wrong.push(`${who} has heard what is not its: ${JSON.stringify(strange[0])}`);
    if (one.unrecovered > 0) wrong.push(`${who} has come back ${one.unrecovered} times to a session that was not there`);
    figures.heard += one.heard.length;
    figures.lost += lost.length;
    figures.doubled += doubled;
    figures.reordered += reordered;
    figures.strange += strange.length;
    figures.again += one.again.length;
    for (const name of ["connections", "recovered", "unrecovered", "refetched"]) figures[name] += one[name];
  }
  return { figures, wrong };
}
