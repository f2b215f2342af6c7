// A client on the raw WebSocket, with the package `ws`.

import { withoutPosition } from "../../support/positions.js";
import { QueuedWebSocket } from "../../support/ws-queue.js";
import { ScenarioClient } from "./client.js";

export class RawClient extends ScenarioClient {
  // Connects. Resolves with null, because the server accepts a rejected client first and closes it then.
  async connect({ ws, token }) {
    const query = token === null ? "" : `?token=${encodeURIComponent(token)}`;
    this.socket = new QueuedWebSocket(`${ws}/api/v1/ws/connect${query}`);
    // The listener is added before the handshake ends, because the first message may arrive together with the response.
    this.socket.ws.on("message", (message) => this.record({ envelope: withoutPosition(JSON.parse(message)) }));
    this.socket.ws.once("close", (code, reason) => this.isClosed || this.record({ closed: { code, reason: reason.toString() } }));
    await this.socket.opened;
    return null;
  }

  send(message) {
    this.socket.send(typeof message === "string" ? message : JSON.stringify(message));
  }

  disconnect() {
    this.isClosed = true;
    return this.socket.close(1000);
  }
}
