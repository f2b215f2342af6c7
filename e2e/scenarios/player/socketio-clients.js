// The stock clients of Socket.IO in JavaScript: one device for each version, as far as they differ.

import { io as io4 } from "socket.io-client";
import io2 from "socket.io-client-v2";
import { io as io3 } from "socket.io-client-v3";
import { withoutPositionArgument } from "../../support/positions.js";
import { TRANSPORTS, waitForUpgrade } from "../../support/socketio-clients.js";
import { lastEvents, waitFor } from "../../support/wait-for.js";
import { Device } from "./client.js";

class SocketIoDevice extends Device {
  #closed;

  // Connects, or joins the other namespace over another device's connection. Resolves with null, or with what it hears of a refusal.
  connect({ url, namespace, other, transport, auth, over, greets }) {
    const options = { ...this.credentials(auth), transports: TRANSPORTS[transport], forceNew: true, reconnection: false };
    this.transport = transport;
    this.socket = over ? over.socket.io.socket(other, this.credentials(auth)) : this.open(`${url}${namespace}`, options);
    // The trip contract greets everybody in `/`, which is a step where the transcript names it.
    this.each((event, ...args) => (event === "connected" && !greets) || this.record({ event, args }));
    this.#closed = new Promise((resolve) => this.socket.once("disconnect", (reason) => resolve({ reason })));
    void this.#closed.then((closed) => this.left || this.record({ closed }));
    const connected = new Promise((resolve, reject) => {
      this.socket.once("connect", () => resolve(null));
      this.refused(resolve, reject);
    });
    return waitFor(connected, () => "the client has neither connected nor been refused");
  }

  // How the client says who it is.
  credentials(auth) {
    return { auth };
  }

  // Has every event handed on, in the order of their coming.
  each(hand) {
    this.socket.onAny((name, ...args) => hand(name, ...withoutPositionArgument(args)));
  }

  // A refusal of the server has its message; anything else is a failure to reach it.
  refused(resolve, reject) {
    this.socket.once("connect_error", (error) => {
      if (error.type === "TransportError") return reject(error);
      resolve({ message: error.message, ...(error.data !== undefined && { data: error.data }) });
    });
  }

  emit(event, args) {
    this.socket.emit(event, ...args);
  }

  // Asks for an acknowledgement. Resolves with its only argument.
  ask(event, args) {
    const ack = new Promise((resolve, reject) => {
      this.socket.emit(event, ...args, (...ack) => (ack.length === 1 ? resolve(ack[0]) : reject(new Error(`the ack is ${JSON.stringify(ack)}`))));
      void this.#closed.then(({ reason }) => reject(new Error(`closed, ${reason}, instead of an ack`)));
    });
    return waitFor(ack, () => `${event} is not acknowledged; ${lastEvents(this.received)}`);
  }

  async arrived() {
    if (this.transport === "upgrade") await waitForUpgrade(this.socket);
  }

  // Closes it.
  leave() {
    this.left = true;
    this.socket.disconnect();
    return waitFor(this.#closed, () => "the client is still connected");
  }
}

export class Client4 extends SocketIoDevice {
  open(url, options) {
    return io4(url, options);
  }
}

export class Client3 extends SocketIoDevice {
  open(url, options) {
    return io3(url, options);
  }
}

export class Client2 extends SocketIoDevice {
  open(url, options) {
    return io2(url, options);
  }

  // It has no auth object but a query, of texts.
  credentials(auth) {
    return { query: Object.fromEntries(Object.entries(auth).filter(([, value]) => value !== null)) };
  }

  // It has no listener for all events; what dispatches them is where others look, too.
  each(hand) {
    const dispatch = this.socket.onevent;
    this.socket.onevent = function (packet) {
      hand(...packet.data);
      return dispatch.call(this, packet);
    };
  }

  // It is told the data of a refusal, without the message.
  refused(resolve, reject) {
    this.socket.once("connect_error", reject);
    this.socket.once("error", (error) => (error instanceof Error ? reject(error) : resolve({ data: error })));
  }
}
