// Clients that record every event that they receive. A marker event shows that everything before it has arrived.

import { io as io4 } from "socket.io-client";
import io2 from "socket.io-client-v2";
import { withoutPosition, withoutPositionArgument } from "./positions.js";
import { lastEvents, waitFor } from "./wait-for.js";
import { QueuedWebSocket } from "./ws-queue.js";

// An event that no contract has. The server answers it with an error, after the replies to everything that was sent before.
const UNKNOWN_EVENT = "unknown event";

class RecordingClient {
  // The received events, each as [name, arguments].
  received = [];
  #listeners = [];
  #markers = 0;
  #onMarker = null;

  record(name, args) {
    if (name !== "mark") {
      this.received.push([name, args]);
      return this.#listeners.splice(0).forEach((resolve) => resolve());
    }
    this.#markers += 1;
    this.#deliverMarker();
  }

  #deliverMarker() {
    if (this.#markers === 0 || !this.#onMarker) return;
    this.#markers -= 1;
    this.#onMarker();
    this.#onMarker = null;
  }

  // Resolves with the next event, [name, arguments], that satisfies `wanted`. Removes it and all earlier ones from the record.
  async next(wanted) {
    return (await this.#takeThrough(wanted)).at(-1);
  }

  // Resolves with the events before the next one that satisfies `wanted`. Removes them and that one from the record.
  async receivedBefore(wanted) {
    return (await this.#takeThrough(wanted)).slice(0, -1);
  }

  #takeThrough(wanted) {
    const found = async () => {
      for (;;) {
        const index = this.received.findIndex(wanted);
        if (index >= 0) return this.received.splice(0, index + 1);
        await new Promise((resolve) => this.#listeners.push(resolve));
      }
    };
    return waitFor(found(), () => `no event satisfies ${wanted}; ${lastEvents(this.received)}`);
  }

  // Resolves with the events up to the next marker, and removes them from the record.
  async untilMarker() {
    const marked = new Promise((resolve) => {
      this.#onMarker = resolve;
      this.#deliverMarker();
    });
    await waitFor(marked, () => `no marker has arrived; ${lastEvents(this.received)}`);
    return this.received.splice(0);
  }
}

class SocketIoRecordingClient extends RecordingClient {
  constructor(socket) {
    super();
    this.socket = socket;
    // The clients of version 2 have no `onAny`.
    const dispatch = socket.onevent;
    socket.onevent = (packet) => {
      const [name, ...args] = packet.data;
      // The trip contract sends the greeting `connected` to every socket in `/`.
      if (name !== "connected") this.record(name, withoutPositionArgument(args));
      dispatch.call(socket, packet);
    };
  }

  connected() {
    const connected = new Promise((resolve, reject) => {
      this.socket.once("connect", () => resolve(this));
      for (const event of ["connect_error", "error"]) {
        this.socket.once(event, (error) => reject(Object.assign(new Error(error.message ?? String(error)), { data: error.data })));
      }
    });
    return waitFor(connected, () => `${this.socket.io.uri}${this.socket.nsp} has neither accepted nor rejected the client`);
  }

  // Emits an event and resolves with the acknowledgement.
  request(name, args) {
    const ack = new Promise((resolve) => this.socket.emit(name, ...args, resolve));
    return waitFor(ack, () => `${name} is not acknowledged; ${lastEvents(this.received)}`);
  }

  emit(name, args) {
    this.socket.emit(name, ...args);
  }

  // Resolves with everything that was received in reply to the events sent so far, and removes it from the record.
  async replies() {
    await this.request(UNKNOWN_EVENT, []);
    return this.received.splice(0);
  }

  // Closes the connection with a DISCONNECT packet.
  close() {
    this.socket.disconnect();
  }
}

class RawRecordingClient extends RecordingClient {
  constructor(url) {
    super();
    this.socket = new QueuedWebSocket(url);
    this.socket.ws.on("message", (message) => {
      const envelope = withoutPosition(JSON.parse(message));
      this.record(envelope.type, envelope);
    });
  }

  // Resolves with {code, reason} when the connection is closed.
  get closed() {
    return this.socket.closed;
  }

  async connected() {
    await Promise.race([this.#firstEnvelope(({ type }) => type === "connected"), this.closed.then(({ code, reason }) => Promise.reject(new Error(`${code} ${reason}`)))]);
    this.received = [];
    return this;
  }

  #firstEnvelope(wanted) {
    const first = new Promise((resolve) => {
      this.socket.ws.on("message", (message) => wanted(JSON.parse(message)) && resolve());
    });
    return waitFor(first, () => `no envelope satisfies ${wanted}; ${lastEvents(this.received)}`);
  }

  send(envelope) {
    this.socket.send(JSON.stringify(envelope));
  }

  // As in SocketIoRecordingClient. If the server has closed the connection, ["closed", {code, reason}] follows.
  async replies() {
    const isUnknownEvent = ({ type, data }) => type === "error" && data.code === "invalid";
    const rejected = this.#firstEnvelope(isUnknownEvent);
    this.send({ type: UNKNOWN_EVENT });
    const closed = await Promise.race([rejected.then(() => null), this.closed]);
    if (closed) return [...this.received.splice(0), ["closed", closed]];
    const index = this.received.findIndex(([, envelope]) => isUnknownEvent(envelope));
    return this.received.splice(0, index + 1).slice(0, -1);
  }

  close() {
    this.socket.terminate();
  }
}

// The recording clients of a test. Each is opened with a user's token, and closed after the test.
export class RecordingClients {
  #open = [];

  constructor(server, t) {
    this.server = server;
    t.after(() => this.#open.forEach((client) => client.close()));
  }

  // Opens a Socket.IO client of version 4 or 2. `over` is a client whose connection it shares. `through` is a proxy in front of the server.
  open(sub, namespace, { transports = ["websocket"], version = 4, over, through = this.server } = {}) {
    const token = this.server.token({ sub, name: sub });
    const url = `${through.url}${namespace}`;
    const options = { transports, forceNew: true, reconnection: false };
    const socket = over
      ? over.socket.io.socket(namespace, { auth: { token } })
      : version === 4
        ? io4(url, { ...options, auth: { token } })
        : io2(url, { ...options, query: { token } });
    const client = new SocketIoRecordingClient(socket);
    this.#open.push(client);
    return client.connected();
  }

  // Opens a client on the raw WebSocket.
  raw(sub, { through = this.server } = {}) {
    const token = this.server.token({ sub, name: sub });
    const client = new RawRecordingClient(`${through.ws}/api/v1/ws/connect?token=${token}`);
    this.#open.push(client);
    return client.connected();
  }
}

// A value as text, with placeholders for timestamps and for the id of the request. Two replies that reveal nothing have the same text.
export const normalized = (value, id) => {
  const text = JSON.stringify(value).replaceAll(/\d{4}-\d\d-\d\dT[\d:.]+Z/g, "<time>");
  return id === "" ? text : text.replaceAll(`"${id}"`, "<id>").replaceAll(new RegExp(`\\b${id}\\b`, "g"), "<id>");
};
