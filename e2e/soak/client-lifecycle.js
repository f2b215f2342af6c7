// The life of a client: it connects, joins a room, sends messages, receives them, loses its connection, reconnects, and leaves.

import { io } from "socket.io-client";
import { openRawClient } from "../support/raw-client.js";
import { waitFor } from "../support/wait-for.js";

// The number of connections of a client: the first one, and one after each loss. And the number of messages over each connection.
const CONNECTIONS = 3;
const MESSAGES = 3;

// Runs the life of a client up to its last connection, which stays open.
export async function runLifecycle(client) {
  await client.connect();
  for (let connection = 0; connection < CONNECTIONS; connection++) {
    if (connection > 0) await client.loseConnectionAndReconnect();
    for (let message = 0; message < MESSAGES; message++) await client.sendMessage(`${client.sub} ${connection} ${message}`);
    await client.waitForMessage(`${client.sub} ${connection} ${MESSAGES - 1}`);
  }
}

// The contents that a client has received, and the waits for further ones.
class ReceivedMessages {
  #received = new Set();
  #waiting = new Map();

  record(content) {
    this.#received.add(content);
    this.#waiting.get(content)?.();
    this.#waiting.delete(content);
  }

  has(content) {
    return this.#received.has(content);
  }

  waitForMessage(content) {
    if (this.has(content)) return Promise.resolve();
    const arrived = new Promise((resolve) => this.#waiting.set(content, resolve));
    return waitFor(arrived, () => `${content} has not arrived`);
  }
}

// A stock Socket.IO client in a chat room of the studio contract.
export class SocketIoClient extends ReceivedMessages {
  recovered = 0;

  constructor({ through, sub, token, room, transports }) {
    super();
    Object.assign(this, { sub, room });
    this.socket = io(`${through.url}/chat`, {
      transports,
      forceNew: true,
      auth: { token, userId: sub },
      retries: Infinity,
      ackTimeout: 5000,
      reconnectionDelay: 10,
      reconnectionDelayMax: 50,
      autoConnect: false,
    });
    this.socket.on("message:new", ({ content }) => this.record(content));
  }

  async connect() {
    await this.#connectAfter(() => this.socket.connect());
    await this.#join();
  }

  #connectAfter(action) {
    const connected = new Promise((resolve) => {
      this.socket.once("connect", resolve);
      action();
    });
    return waitFor(connected, () => `${this.sub} has not connected`);
  }

  #join() {
    return this.#request("join_room", { roomId: this.room });
  }

  async #request(event, data) {
    const ack = await waitFor(this.socket.emitWithAck(event, data), () => `${event} of ${this.sub} is not acknowledged`);
    if (ack.ok !== true) throw new Error(`${this.sub}: ${event} ${JSON.stringify(ack)}`);
  }

  sendMessage(content) {
    return this.#request("message:send", { roomId: this.room, content, clientId: content });
  }

  // The connection breaks, and the library reconnects. If the client was disconnected for too long, it has a new session and joins again.
  async loseConnectionAndReconnect() {
    const { transport } = this.socket.io.engine;
    await this.#connectAfter(() => (transport.ws ? transport.ws.terminate() : transport.onError("cut")));
    if (this.socket.recovered) this.recovered += 1;
    else await this.#join();
  }

  // From now on the library does not reconnect after a loss of the connection.
  disableReconnection() {
    this.socket.io.reconnection(false);
  }

  disconnect() {
    this.socket.disconnect();
  }
}

// A client on the raw WebSocket in a channel of the workspace contract.
export class RawClient extends ReceivedMessages {
  recovered = 0;
  #since = undefined;

  constructor({ through, sub, token, room }) {
    super();
    Object.assign(this, { through, sub, token, room });
  }

  async connect() {
    this.socket = await openRawClient(this.through, this.token, this.#since);
    for (const envelope of await this.socket.join(this.room)) {
      if (envelope.type === "resync") this.recovered -= 1;
      this.#onEnvelope(envelope);
    }
  }

  #onEnvelope({ type, data, id }) {
    if (id) this.#since = id;
    if (type === "message") this.record(data.content);
  }

  sendMessage(content) {
    this.socket.sendEnvelope({ type: "send_message", room: this.room, data: { content } });
  }

  async waitForMessage(content) {
    while (!this.has(content)) this.#onEnvelope(await this.socket.nextJson());
  }

  async loseConnectionAndReconnect() {
    this.recovered += 1;
    await this.socket.terminate();
    await this.connect();
  }

  disableReconnection() {}

  disconnect() {
    return this.socket.close();
  }
}
