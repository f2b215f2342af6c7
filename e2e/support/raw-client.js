// A client on the raw WebSocket that reads one envelope after the other.

import { retry } from "./wait-until.js";
import { openWebSocket } from "./ws-queue.js";

// The number of envelopes that a test reads before it fails, if the one that it waits for does not arrive.
const MAX_ENVELOPES = 10_000;

// Connects with a token and reads the greeting. `through` is the server, or a proxy in front of it. `since` is the position of the last received event.
export async function openRawClient(through, token, since) {
  const query = new URLSearchParams({ token, ...(since !== undefined && { since }) });
  const socket = await openWebSocket(`${through.ws}/api/v1/ws/connect?${query}`);
  const greeting = await socket.nextJson();
  if (greeting.type !== "connected") throw new Error(`the first envelope is not a greeting: ${JSON.stringify(greeting)}`);
  const sendEnvelope = (envelope) => socket.send(JSON.stringify(envelope));
  // Resolves with the envelopes up to and including the first one that satisfies `wanted`.
  const readUntil = async (wanted) => {
    const envelopes = [];
    return retry(MAX_ENVELOPES, async () => (wanted(envelopes[envelopes.push(await socket.nextJson()) - 1]) ? envelopes : null));
  };
  // Resolves with the next envelope of this type. Skips all others before it.
  const nextOfType = async (type) => (await readUntil((envelope) => envelope.type === type)).at(-1);
  // Sends a request about a room. Resolves with the envelopes before the reply.
  const requestRoom = async (request, room, reply) => {
    sendEnvelope({ type: request, room });
    return (await readUntil(({ type }) => type === reply)).slice(0, -1);
  };
  const join = (room) => requestRoom("join_room", room, "joined_room");
  const leave = (room) => requestRoom("leave_room", room, "left_room");
  return Object.assign(socket, { sendEnvelope, readUntil, nextOfType, join, leave });
}
