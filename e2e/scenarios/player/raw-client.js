// The raw WebSocket, by `ws`.

import { withoutPosition } from "../../support/positions.js";
import { QueuedWebSocket } from "../../support/ws-queue.js";
import { Device } from "./client.js";

export class RawDevice extends Device {
  // Connects. Resolves with null: a refused one is let in and closed.
  async connect({ ws, token }) {
    const query = token === null ? "" : `?token=${encodeURIComponent(token)}`;
    this.socket = new QueuedWebSocket(`${ws}/api/v1/ws/connect${query}`);
    // At once, because the first message may come with the handshake.
    this.socket.ws.on("message", (message) => this.record({ envelope: withoutPosition(JSON.parse(message)) }));
    this.socket.ws.once("close", (code, reason) => this.left || this.record({ closed: { code, reason: reason.toString() } }));
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
