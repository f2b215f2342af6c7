// Plain HTTP requests, each on a connection of its own, so that what one test does to a connection is not felt by another.

import { request } from "node:http";
import { arrives } from "./wait-for.js";

// Sends a request and collects the answer: {status, headers, text, body}.
//
// `signal` drops it. Rejects if the connection is reset before the answer is whole.
export function http(method, url, { body, ...options } = {}) {
  const { outgoing, answer } = begin(method, url, options);
  outgoing.end(body);
  return answer;
}

// Begins a request whose body the caller writes: {outgoing, answer}.
export function begin(method, url, { headers = {}, signal } = {}) {
  const outgoing = request(url, { method, headers, signal, agent: false });
  const whole = new Promise((resolve, reject) => {
    outgoing.once("error", reject);
    outgoing.once("response", (incoming) => {
      const chunks = [];
      incoming.on("data", (chunk) => chunks.push(chunk));
      incoming.once("error", reject);
      incoming.once("end", () => {
        const body = Buffer.concat(chunks);
        resolve({ status: incoming.statusCode, headers: incoming.headers, body, text: body.toString("utf8") });
      });
    });
  });
  // A test may await the answer late, or not at all.
  whole.catch(() => {});
  return { outgoing, answer: arrives(whole, () => `${method} ${url} is not answered`) };
}

export const get = (url, options) => http("GET", url, options);

export const post = (url, body, options = {}) =>
  http("POST", url, { ...options, body, headers: { "content-type": "text/plain;charset=UTF-8", ...options.headers } });

// Sends JSON and reads JSON: {status, headers, text, json}. What is no JSON has `json: undefined`.
export async function rest(method, url, { token, body, headers = {} } = {}) {
  const all = { ...(token && { authorization: `Bearer ${token}` }), ...(body !== undefined && { "content-type": "application/json" }), ...headers };
  const answer = await http(method, url, { headers: all, body: typeof body === "object" ? JSON.stringify(body) : body });
  try {
    answer.json = JSON.parse(answer.text);
  } catch {
    answer.json = undefined;
  }
  return answer;
}
