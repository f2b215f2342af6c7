// A WebSocket that queues its messages. A test reads them one by one, and none is lost.

import WebSocket from "ws";
import { lastEvents, waitFor } from "./wait-for.js";

// Opens a WebSocket. Rejects with `status` and `text` if the server rejects the handshake.
export function openWebSocket(url, { protocols = [], ...options } = {}) {
  const socket = new QueuedWebSocket(url, protocols, options);
  return socket.opened.then(() => socket);
}

// Opens a WebSocket that the server may reject or close. Resolves with {opened: false, status, text} or {opened: true, code, reason}.
export async function connectionOutcome(url, options) {
  try {
    const socket = await openWebSocket(url, options);
    return { opened: true, ...(await socket.closed) };
  } catch (error) {
    return { opened: false, status: error.status, text: error.text, error };
  }
}

export class QueuedWebSocket {
  #messages = [];
  #waiting = [];
  #autoReply = () => null;

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
          reject(Object.assign(new Error(`rejected with ${response.statusCode}: ${text}`), { status: response.statusCode, text, headers: response.headers }));
        });
      });
    });
    this.opened = waitFor(opened, () => `${this.ws.url} has neither accepted nor rejected the WebSocket`);
    this.#closed = new Promise((resolve) => {
      this.ws.once("close", (code, reason) => {
        resolve({ code, reason: reason.toString() });
        const error = new Error(`closed with ${code} ${reason}`);
        for (const { reject } of this.#waiting.splice(0)) reject(error);
        this.#failed = error;
      });
    });
    // A reset connection emits `close` as well, and tests check that.
    this.ws.on("error", (error) => (this.error = error));
    this.ws.on("message", (data, isBinary) => this.#receive(isBinary ? data : data.toString("utf8")));
  }

  #closed;
  #failed = null;

  // Resolves with {code, reason} when the connection is closed.
  get closed() {
    return waitFor(this.#closed, () => `the WebSocket is not closed; unread messages: ${lastEvents(this.#messages.map(String))}`);
  }

  #receive(message) {
    const reply = this.#autoReply(message);
    if (reply !== null) return this.ws.send(reply);
    const waiting = this.#waiting.shift();
    if (waiting) waiting.resolve(message);
    else this.#messages.push(message);
  }

  // A message for which `reply` returns a value other than null is answered with it at once, and `next` does not return the message.
  autoReply(reply) {
    this.#autoReply = reply;
  }

  // Resolves with the next message: a string, or a Buffer if it is binary. Rejects when the connection is closed and the queue is empty.
  next() {
    if (this.#messages.length > 0) return Promise.resolve(this.#messages.shift());
    if (this.#failed) return Promise.reject(this.#failed);
    const next = new Promise((resolve, reject) => this.#waiting.push({ resolve, reject }));
    return waitFor(next, () => "no message has arrived on the WebSocket");
  }

  // The next message as JSON.
  async nextJson() {
    return JSON.parse(await this.next());
  }

  // The messages in the queue.
  get unread() {
    return [...this.#messages];
  }

  send(...messages) {
    for (const message of messages) this.ws.send(message);
  }

  // Sends a close frame and waits for the server's.
  close(code) {
    this.ws.close(code);
    return this.closed;
  }

  // Ends the TCP connection without a close frame.
  terminate() {
    this.ws.terminate();
    return this.closed;
  }
}
