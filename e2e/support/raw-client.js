// A client on the raw WebSocket, which reads one envelope after the other.

import * as patience from "./wait-until.js";
import { openSocket } from "./ws-queue.js";

// The number of envelopes that a test reads for one that it waits for, before it fails.
const ENVELOPES = 10_000;

// Connects with a token, and reads the greeting; `since` is the position up to which it has heard everything, `through` a way to the server.
export async function openRaw(through, token, since) {
  const query = new URLSearchParams({ token, ...(since !== undefined && { since }) });
  const socket = await openSocket(`${through.ws}/api/v1/ws/connect?${query}`);
  const greeting = await socket.nextJson();
  if (greeting.type !== "connected") throw new Error(`no greeting: ${JSON.stringify(greeting)}`);
  const say = (envelope) => socket.send(JSON.stringify(envelope));
  // Resolves with what was heard up to an envelope, and with that.
  const upTo = async (wanted) => {
    const heard = [];
    return patience.upTo(ENVELOPES, async () => (wanted(heard[heard.push(await socket.nextJson()) - 1]) ? heard : null));
  };
  // The next envelope of a type; others before it are passed over.
  const hears = async (type) => (await upTo((envelope) => envelope.type === type)).at(-1);
  // Asks for something about a room, and resolves with what was heard before the answer.
  const asks = async (word, room, answer) => {
    say({ type: word, room });
    return (await upTo(({ type }) => type === answer)).slice(0, -1);
  };
  const joins = (room) => asks("join_room", room, "joined_room");
  const leaves = (room) => asks("leave_room", room, "left_room");
  return Object.assign(socket, { say, upTo, hears, joins, leaves });
}
