// Plain HTTP requests. Each has its own connection, so that a test cannot affect the connection of another one.

import { request } from "node:http";
import { waitFor } from "./wait-for.js";

// Sends a request and reads the response: {status, headers, text, body}.
//
// `signal` aborts it. Rejects if the connection is reset before the response is complete.
export function http(method, url, { body, ...options } = {}) {
  const { outgoing, response } = beginRequest(method, url, options);
  outgoing.end(body);
  return response;
}

// Begins a request whose body the caller writes to `outgoing`. `response` resolves as with `http`.
export function beginRequest(method, url, { headers = {}, signal } = {}) {
  const outgoing = request(url, { method, headers, signal, agent: false });
  const complete = new Promise((resolve, reject) => {
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
  // A test may await the response late, or never.
  complete.catch(() => {});
  return { outgoing, response: waitFor(complete, () => `${method} ${url} has no response`) };
}

export const get = (url, options) => http("GET", url, options);

export const post = (url, body, options = {}) =>
  http("POST", url, { ...options, body, headers: { "content-type": "text/plain;charset=UTF-8", ...options.headers } });

// Sends JSON and reads JSON: {status, headers, text, json}. `json` is undefined if the response is not JSON.
export async function rest(method, url, { token, body, headers = {} } = {}) {
  const allHeaders = { ...(token && { authorization: `Bearer ${token}` }), ...(body !== undefined && { "content-type": "application/json" }), ...headers };
  const response = await http(method, url, { headers: allHeaders, body: typeof body === "object" ? JSON.stringify(body) : body });
  try {
    response.json = JSON.parse(response.text);
  } catch {
    response.json = undefined;
  }
  return response;
}
