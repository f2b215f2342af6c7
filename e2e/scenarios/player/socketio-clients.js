// The stock Socket.IO clients for JavaScript. The classes have the differences between the versions.

import { io as io4 } from "socket.io-client";
import io2 from "socket.io-client-v2";
import { io as io3 } from "socket.io-client-v3";
import { withoutPositionArgument } from "../../support/positions.js";
import { TRANSPORTS, waitForUpgrade } from "../../support/socketio-clients.js";
import { lastEvents, waitFor } from "../../support/wait-for.js";
import { ScenarioClient } from "./client.js";

class SocketIoClient extends ScenarioClient {
  #closed;

  // Connects, or joins the other namespace over the connection of another client. Resolves with null, or with the rejection {message, data}.
  connect({ url, namespace, other, transport, auth, over, ignores }) {
    const options = { ...this.credentials(auth), transports: TRANSPORTS[transport], forceNew: true, reconnection: false };
    this.transport = transport;
    this.socket = over ? over.socket.io.socket(other, this.credentials(auth)) : this.open(`${url}${namespace}`, options);
    this.onEvent((event, ...args) => ignores.includes(event) || this.record({ event, args }));
    this.#closed = new Promise((resolve) => this.socket.once("disconnect", (reason) => resolve({ reason })));
    void this.#closed.then((closed) => this.isClosed || this.record({ closed }));
    const connected = new Promise((resolve, reject) => {
      this.socket.once("connect", () => resolve(null));
      this.onRejection(resolve, reject);
    });
    return waitFor(connected, () => "the client is neither connected nor rejected");
  }

  // The options with the credentials of the client.
  credentials(auth) {
    return { auth };
  }

  // Calls the listener for every event, in order.
  onEvent(listener) {
    this.socket.onAny((name, ...args) => listener(name, ...withoutPositionArgument(args)));
  }

  // Resolves with a rejection by the server, which has a message. Any other error means that the server is not reachable.
  onRejection(resolve, reject) {
    this.socket.once("connect_error", (error) => {
      if (error.type === "TransportError") return reject(error);
      resolve({ message: error.message, ...(error.data !== undefined && { data: error.data }) });
    });
  }

  emit(event, args) {
    this.socket.emit(event, ...args);
  }

  // Emits an event with an acknowledgement. Resolves with the only argument of the acknowledgement.
  request(event, args) {
    const acknowledged = new Promise((resolve, reject) => {
      this.socket.emit(event, ...args, (...ack) => (ack.length === 1 ? resolve(ack[0]) : reject(new Error(`the ack is ${JSON.stringify(ack)}`))));
      void this.#closed.then(({ reason }) => reject(new Error(`closed, ${reason}, instead of an ack`)));
    });
    return waitFor(acknowledged, () => `${event} is not acknowledged; ${lastEvents(this.received)}`);
  }

  async upgraded() {
    if (this.transport === "upgrade") await waitForUpgrade(this.socket);
  }

  disconnect() {
    this.isClosed = true;
    this.socket.disconnect();
    return waitFor(this.#closed, () => "the client is still connected");
  }
}

export class SocketIo4Client extends SocketIoClient {
  open(url, options) {
    return io4(url, options);
  }
}

export class SocketIo3Client extends SocketIoClient {
  open(url, options) {
    return io3(url, options);
  }
}

export class SocketIo2Client extends SocketIoClient {
  open(url, options) {
    return io2(url, options);
  }

  // Version 2 has a query of texts instead of an auth object.
  credentials(auth) {
    return { query: Object.fromEntries(Object.entries(auth).filter(([, value]) => value !== null)) };
  }

  // Version 2 has no listener for all events, so this replaces the method that dispatches them.
  onEvent(listener) {
    const dispatch = this.socket.onevent;
    this.socket.onevent = function (packet) {
      listener(...packet.data);
      return dispatch.call(this, packet);
    };
  }

  // Version 2 receives the data of a rejection without the message.
  onRejection(resolve, reject) {
    this.socket.once("connect_error", reject);
    this.socket.once("error", (error) => (error instanceof Error ? reject(error) : resolve({ data: error })));
  }
}
