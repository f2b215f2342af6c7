// A WebSocket whose messages are asked for one at a time, and none is lost meanwhile.

import WebSocket from "ws";
import { arrives, lately } from "./wait-for.js";

// Opens a WebSocket. Rejects, with `status` and `text`, if the server refuses it.
export function openSocket(url, { protocols = [], ...options } = {}) {
  const socket = new Socket(url, protocols, options);
  return socket.opened.then(() => socket);
}

// The same for one that the server may refuse or end at once: resolves with {status, text} or {code, reason}.
export async function outcome(url, options) {
  try {
    const socket = await openSocket(url, options);
    return { opened: true, ...(await socket.closed) };
  } catch (error) {
    return { opened: false, status: error.status, text: error.text, error };
  }
}

export class Socket {
  #messages = [];
  #waiting = [];
  #answer = () => null;

  constructor(url, protocols, options) {
    this.ws = new WebSocket(url, protocols, { perMessageDeflate: false, ...options });
    const opened = new Promise((resolve, reject) => {
      this.ws.once("open", resolve);
      this.ws.once("error", reject);
      this.ws.once("unexpected-response", (request, response) => {
        const chunks = [];
        response.on("data", (chunk) => chunks.push(chunk));
        response.once("end", () => {
          const text = Buffer.concat(chunks).toString();
          reject(Object.assign(new Error(`refused with ${response.statusCode}: ${text}`), { status: response.statusCode, text, headers: response.headers }));
        });
      });
    });
    this.opened = arrives(opened, () => `${this.ws.url} has neither opened nor refused the WebSocket`);
    this.#closed = new Promise((resolve) => {
      this.ws.once("close", (code, reason) => {
        resolve({ code, reason: reason.toString() });
        const error = new Error(`closed with ${code} ${reason}`);
        for (const { reject } of this.#waiting.splice(0)) reject(error);
        this.#failed = error;
      });
    });
    // A connection that is reset closes as well; that is where tests look.
    this.ws.on("error", (error) => (this.error = error));
    this.ws.on("message", (data, isBinary) => this.#arrive(isBinary ? data : data.toString("utf8")));
  }

  #closed;
  #failed = null;

  // Resolves with {code, reason} when the connection is closed.
  get closed() {
    return arrives(this.#closed, () => `the WebSocket is not closed; unread messages: ${lately(this.#messages.map(String))}`);
  }

  #arrive(message) {
    const answer = this.#answer(message);
    if (answer !== null) return this.ws.send(answer);
    const waiting = this.#waiting.shift();
    if (waiting) waiting.resolve(message);
    else this.#messages.push(message);
  }

  // Messages for which `answer` has an answer are answered at once and not handed out by [`next`].
  answer(answer) {
    this.#answer = answer;
  }

  // The next message: a string, or a Buffer if it is binary. Rejects when the connection is closed and nothing is left.
  next() {
    if (this.#messages.length > 0) return Promise.resolve(this.#messages.shift());
    if (this.#failed) return Promise.reject(this.#failed);
    const next = new Promise((resolve, reject) => this.#waiting.push({ resolve, reject }));
    return arrives(next, () => "no message has arrived on the WebSocket");
  }

  // The next message as JSON.
  async nextJson() {
    return JSON.parse(await this.next());
  }

  // What has arrived and was not asked for.
  get unread() {
    return [...this.#messages];
  }

  send(...messages) {
    for (const message of messages) this.ws.send(message);
  }

  // Closes it and waits for the other side.
  close(code) {
    this.ws.close(code);
    return this.closed;
  }

  // Cuts the connection without a word.
  cut() {
    this.ws.terminate();
    return this.closed;
  }
}
