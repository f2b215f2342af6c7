// A chaos client in JavaScript: a stock Socket.IO client that sends with `retries` and records every received message. It reads missed messages over REST
// only if its session was not recovered.

import { setTimeout as pause } from "node:timers/promises";
import { io } from "socket.io-client";
import { waitFor } from "../support/wait-for.js";
import { retry } from "../support/wait-until.js";
import { history } from "./history.js";

// The number of messages that a client has in its queue. With `retries` the library sends one after the other.
const QUEUE_LENGTH = 3;

// The maximum number of joins after which a client must have received everything. A connection may close during a join.
const MAX_JOINS = 100;

// The milliseconds after which a request is sent again that the server has rejected because its database is away, and how often.
const UNAVAILABLE_PAUSE_MS = 100;
const MAX_UNAVAILABLE = 1200;

export class JavaScriptClient {
  // The ids of the received messages, in order.
  received = [];
  known = new Set();
  // Events of other rooms.
  foreign = [];
  connections = 0;
  recovered = 0;
  refetched = 0;
  // How many requests were rejected because the database was away.
  unavailable = 0;
  // A stock client of version 4 recovers its session after every disconnect.
  supportsRecovery = true;

  #isCatchingUp = true;
  #buffer = [];
  // The ids that REST has returned and that the socket may still deliver once.
  #overlap = new Set();
  #connection = null;
  #closing = new AbortController();
  closed = this.#closing.signal;

  constructor(url, { sub, token, room, transports, kind }) {
    Object.assign(this, { url, sub, token, room, kind });
    this.socket = io(`${url}/chat`, {
      transports,
      forceNew: true,
      auth: { token, userId: sub },
      retries: Infinity,
      ackTimeout: 1500,
      timeout: 3000,
      reconnectionDelay: 20,
      reconnectionDelayMax: 300,
    });
    this.socket.on("connect", () => this.#onConnect());
    this.socket.on("connect_error", () => this.#reconnect());
    this.socket.on("disconnect", () => this.#reconnect());
    this.socket.onAny((event, data) => this.#onEvent(event, data));
    this.ready = new Promise((resolve) => (this.onCaughtUp = resolve));
  }

  // The library does not reconnect by itself if the server has closed or rejected the connection.
  #reconnect() {
    if (!this.socket.active && !this.closed.aborted) setTimeout(() => this.closed.aborted || this.socket.connect(), 50);
  }

  #onConnect() {
    this.connections += 1;
    if (this.socket.recovered) this.recovered += 1;
    // A client that was still catching up has to finish that, also after a recovery.
    if (!this.socket.recovered || this.#isCatchingUp) this.#catchUp().catch((error) => this.#onFailure(error));
  }

  // A closed client aborts the requests of its earlier connections. Any other error ends the run.
  #onFailure(error) {
    if (!this.closed.aborted) throw error;
  }

  async #catchUp() {
    const connection = (this.#connection = {});
    this.#buffer = [];
    if (!this.#isCatchingUp) this.ready = new Promise((resolve) => (this.onCaughtUp = resolve));
    this.#isCatchingUp = true;
    if (this.connections > 1) this.refetched += 1;
    const joined = await this.#join();
    if (this.#connection !== connection) return;
    if (joined?.ok !== true) throw new Error(`the join of ${this.sub} was rejected: ${JSON.stringify(joined)}`);
    const missed = await history(this, this.known);
    if (this.#connection !== connection) return;
    this.#overlap = new Set(missed.map(({ id }) => id));
    for (const { id } of missed) this.#record(id);
    this.#isCatchingUp = false;
    for (const event of this.#buffer.splice(0)) this.#onEvent("message:new", event);
    this.onCaughtUp();
  }

  #join() {
    return this.#request("join_room", { roomId: this.room });
  }

  // Sends a request, and repeats it while the server rejects it because its database is away.
  #request(event, data) {
    return retry(MAX_UNAVAILABLE, async () => {
      const ack = await this.socket.emitWithAck(event, data);
      if (ack?.code !== "unavailable") return ack ?? {};
      this.unavailable += 1;
      await pause(UNAVAILABLE_PAUSE_MS);
      return null;
    });
  }

  #record(id) {
    this.received.push(id);
    this.known.add(id);
  }

  #onEvent(event, data) {
    if (data?.roomId !== this.room) this.foreign.push([event, data]);
    else if (event !== "message:new") return;
    else if (this.#isCatchingUp) this.#buffer.push(data);
    else if (this.#overlap.delete(data.id)) return;
    // The client receives its own messages as well, each once. A repeated message is only acknowledged.
    else this.#record(data.id);
  }

  // Sends the messages {clientId, content} that `next` returns until it returns null. Calls `onAck` with each message and its acknowledgement, and waits for it.
  async send(next, onAck) {
    const sendInSequence = async () => {
      for (let message = next(); message; message = next()) await onAck(message, await this.#sendMessage(message));
    };
    await Promise.all(Array.from({ length: QUEUE_LENGTH }, sendInSequence));
  }

  async #sendMessage(message) {
    const sent = this.#request("message:send", { roomId: this.room, ...message });
    const ack = await waitFor(sent, () => `${this.kind} ${this.sub}: ${message.clientId} is not acknowledged`);
    if (ack.ok !== true) throw new Error(`a message of ${this.sub} was rejected: ${JSON.stringify(ack)}`);
    return ack;
  }

  // Resolves when the client has received all earlier messages: the server executes a join in the same queue, and acknowledges it in the same order.
  async receivedEverything() {
    await retry(MAX_JOINS, async () => {
      await this.caughtUp();
      const { connections } = this;
      await waitFor(this.#join(), () => `the join of ${this.kind} ${this.sub} is not acknowledged`);
      return !this.#isCatchingUp && connections === this.connections ? true : null;
    });
  }

  // Resolves when the client has joined its room and has caught up.
  caughtUp() {
    return waitFor(this.ready, () => `${this.kind} ${this.sub} has not caught up after ${this.connections} connections`);
  }

  close() {
    this.#closing.abort();
    this.socket.disconnect();
  }
}
