// A client of Roomcast's back-end API.

import { setTimeout as sleep } from "node:timers/promises";

const server = process.env.ROOMCAST ?? "http://localhost:3000";
const apiKey = process.env.ROOMCAST_API_KEY;
if (!apiKey) throw new Error("set ROOMCAST_API_KEY to the key that Roomcast was started with");

const ATTEMPTS = 6;

// Sends a request until Roomcast has executed it. A lost answer does no harm: Roomcast executes the requests with one key once.
export async function post(path, body, idempotencyKey) {
  for (let attempt = 1; ; attempt++) {
    const { answer, error, retryAfter } = await send(path, body, idempotencyKey);
    if (answer) return answer;
    if (retryAfter === undefined || attempt === ATTEMPTS) throw error;
    // The random part keeps many back ends from repeating their requests at the same time.
    const seconds = Math.max(retryAfter, 2 ** attempt / 4) * (1 + Math.random() / 4);
    console.warn(`${error.message}; next attempt in ${seconds.toFixed(1)} s`);
    await sleep(seconds * 1000);
  }
}

// Returns the answer, or the error. A request with `retryAfter` (in seconds) may succeed later.
async function send(path, body, idempotencyKey) {
  try {
    const response = await fetch(server + path, {
      method: "POST",
      headers: {
        Authorization: `Bearer ${apiKey}`,
        "Content-Type": "application/json",
        "Idempotency-Key": idempotencyKey,
      },
      body: JSON.stringify(body),
      signal: AbortSignal.timeout(5000),
    });
    const answer = await response.json();
    if (response.ok) return { answer };
    const error = failure(`${path}: ${response.status} ${answer.code}: ${answer.error}`);
    const isTemporary = response.status === 429 || response.status >= 500;
    return { error, retryAfter: isTemporary ? Number(response.headers.get("Retry-After")) : undefined };
  } catch (cause) {
    // No answer: Roomcast is not reachable, or the connection broke.
    return { error: failure(`${path}: ${cause.cause?.code ?? cause.message}`), retryAfter: 0 };
  }
}

const failure = (message) => Object.assign(new Error(message), { status: 502 });
