// One connection through a TCP proxy: the client's socket, and a socket to the server. The end of one side ends the other.

import { connect } from "node:net";

export class Link {
  // A silent link does not pass on the end of a side.
  silent = false;
  onClose = () => {};
  #openSides = 2;
  #paused = false;

  // Connects to the server's port on this machine.
  constructor(client, port) {
    this.client = client;
    this.server = connect({ port, host: "127.0.0.1", noDelay: true });
    for (const [from, to] of [[client, this.server], [this.server, client]]) {
      from.on("data", (chunk) => this.forward(from, to, chunk));
      from.on("end", () => to.end());
      from.on("error", () => {});
      from.on("close", () => this.#sideClosed(to));
    }
  }

  #sideClosed(other) {
    if (--this.#openSides === 0) this.onClose();
    else if (!this.silent) other.destroy();
  }

  // Forwards bytes of one side to the other, no faster than the other reads them. A class for a faulty network has its own version.
  forward(from, to, chunk) {
    if (to.write(chunk)) return;
    from.pause();
    to.once("drain", () => this.#paused || from.resume());
  }

  // Whether both sides are open.
  get isOpen() {
    return this.#openSides === 2;
  }

  get isPaused() {
    return this.#paused;
  }

  pause() {
    this.#paused = true;
    for (const side of [this.client, this.server]) side.pause();
  }

  resume() {
    this.#paused = false;
    for (const side of [this.client, this.server]) side.resume();
  }

  reset() {
    for (const side of [this.client, this.server]) resetSocket(side);
  }
}

// Resets a connection. Node never closes a socket that is reset while it is connecting or ending, and the process would not exit.
export function resetSocket(socket) {
  if (socket.readyState === "open" && !socket.writableEnded) socket.resetAndDestroy();
  else socket.destroy();
}
