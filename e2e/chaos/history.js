// The messages of a room, asked for by REST over the same bad network.

import { setTimeout as pause } from "node:timers/promises";
import { get } from "../support/http.js";
import { retry } from "../support/wait-until.js";

const PAGE = 200;

// A connection of which only one half is left answers nothing, ever.
const PATIENCE = 2000;

// The number of times that a page is asked for before the ledger fails.
const TIMES = 1000;

// The messages behind the last that is known, the oldest first; all of them if none is known. Rejects when `closed`, an AbortSignal, aborts.
export async function history({ url, token, room, closed }, known = new Set()) {
  const found = [];
  for (;;) {
    const before = found.length > 0 ? `&before=${found.at(-1).id}` : "";
    const page = await insist(`${url}/shared/chat/rooms/${room}/messages?limit=${PAGE}${before}`, token, closed);
    const unknown = page.findIndex(({ id }) => known.has(id));
    found.push(...(unknown < 0 ? page : page.slice(0, unknown)));
    if (unknown >= 0 || page.length < PAGE) return found.reverse();
  }
}

// Asks until there is an answer: the network cuts requests, too, and the server may just be killed.
function insist(url, token, closed) {
  return retry(TIMES, async () => {
    closed?.throwIfAborted();
    const response = await get(url, { headers: { authorization: `Bearer ${token}` }, signal: AbortSignal.timeout(PATIENCE) }).catch(() => null);
    if (response?.status === 200) return JSON.parse(response.text);
    if (response) throw new Error(`${url}: ${response.status} ${response.text}`);
    await pause(20);
    return null;
  });
}
