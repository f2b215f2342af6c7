// Reads the messages of a room over REST, through the same faulty network.

import { setTimeout as pause } from "node:timers/promises";
import { get } from "../support/http.js";
import { retry } from "../support/wait-until.js";

const PAGE_SIZE = 200;

// The milliseconds after which a request is repeated. A half-open connection never has a response.
const REQUEST_TIMEOUT_MS = 2000;

// The number of requests for one page after which the test fails.
const MAX_REQUESTS = 1000;

// The messages after the last known one, the oldest first. All messages if none is known. Rejects when `closed`, an AbortSignal, aborts.
export async function history({ url, token, room, closed }, known = new Set()) {
  const messages = [];
  for (;;) {
    const before = messages.length > 0 ? `&before=${messages.at(-1).id}` : "";
    const page = await getUntilAnswered(`${url}/shared/chat/rooms/${room}/messages?limit=${PAGE_SIZE}${before}`, token, closed);
    const firstKnown = page.findIndex(({ id }) => known.has(id));
    messages.push(...(firstKnown < 0 ? page : page.slice(0, firstKnown)));
    if (firstKnown >= 0 || page.length < PAGE_SIZE) return messages.reverse();
  }
}

// A proxy in front of the server has no node to ask (502, 504), or the server's database is away (503).
const TEMPORARY = [502, 503, 504];

// Repeats a request until it has a response, because the network cuts requests and the server may be restarting.
function getUntilAnswered(url, token, closed) {
  return retry(MAX_REQUESTS, async () => {
    closed?.throwIfAborted();
    const response = await get(url, { headers: { authorization: `Bearer ${token}` }, signal: AbortSignal.timeout(REQUEST_TIMEOUT_MS) }).catch(() => null);
    if (response?.status === 200) return JSON.parse(response.text);
    if (response && !TEMPORARY.includes(response.status)) throw new Error(`${url}: ${response.status} ${response.text}`);
    await pause(20);
    return null;
  });
}
