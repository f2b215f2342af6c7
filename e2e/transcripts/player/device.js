// What a person listens with: a Socket.IO client or a raw WebSocket, each with everything it hears in order.

import { io } from "socket.io-client";
import { Socket } from "../../support/socket.js";

// What a player calls the spaces that it makes to know that nothing more will come. A transcript calls nothing so.
export const FENCE = "a fence of the player";

class Device {
  heard = [];
  // Whether the transcript has closed it.
  left = false;
  #waiting = [];

  // Rooms of fences.
  ignored = new Set();
  #until = [];

  hear(what) {
    this.#until = this.#until.filter(({ wanted, resolve }) => !(wanted(what) && (resolve(), true)));
    // The fences' own doings are not the transcript's; those of a person's other device are heard as well.
    if (what.args?.[0]?.household?.name === FENCE || this.ignored.has(what.envelope?.room)) return;
    const waiting = this.#waiting.shift();
    if (waiting) waiting(what);
    else this.heard.push(what);
  }

  // Resolves when this is heard.
  until(wanted) {
    return new Promise((resolve) => this.#until.push({ wanted, resolve }));
  }

  // The next thing that is heard, or why nothing more will be.
  next() {
    if (this.heard.length > 0) return Promise.resolve(this.heard.shift());
    return new Promise((resolve) => this.#waiting.push(resolve));
  }
}

export class SocketIoDevice extends Device {
  // Connects. Resolves with null, or with the refusal {message, data?}.
  async connect({ url, namespace, other, transport, auth, over, greets }) {
    const options = { transports: [transport], auth, forceNew: true, reconnection: false };
    this.socket = over ? over.socket.io.socket(other, { auth }) : io(`${url}${namespace}`, options);
    // The trip contract greets everybody in `/`, which is a step in its own transcripts alone.
    this.socket.onAny((event, ...args) => (event === "connected" && !greets) || this.hear({ event, args }));
    this.closed = new Promise((resolve) => this.socket.once("disconnect", (reason) => resolve({ reason })));
    void this.closed.then((closed) => this.left || this.hear({ closed }));
    return new Promise((resolve, reject) => {
      this.socket.once("connect", () => resolve(null));
      this.socket.once("connect_error", (error) => {
        // A refusal of the server has its message; anything else is a failure to reach it.
        if (this.socket.active || error.type === "TransportError") return reject(error);
        resolve({ message: error.message, ...(error.data !== undefined && { data: error.data }) });
      });
    });
  }

  emit(event, args) {
    this.socket.emit(event, ...args);
  }

  ask(event, args) {
    return this.socket.emitWithAck(event, ...args);
  }

  // Closes it.
  leave() {
    this.left = true;
    this.socket.disconnect();
    return this.closed;
  }
}

export class RawDevice extends Device {
  // Connects. Resolves with null: a refused one is let in and closed.
  async connect({ ws, token }) {
    const query = token === null ? "" : `?token=${encodeURIComponent(token)}`;
    this.socket = new Socket(`${ws}/api/v1/ws/connect${query}`);
    // At once, because the first message may come with the handshake.
    this.socket.ws.on("message", (message) => this.hear({ envelope: JSON.parse(message) }));
    this.closed = this.socket.closed;
    void this.closed.then((closed) => this.left || this.hear({ closed }));
    await this.socket.opened;
    return null;
  }

  send(message) {
    this.socket.send(typeof message === "string" ? message : JSON.stringify(message));
  }

  leave() {
    this.left = true;
    return this.socket.close(1000);
  }
}
