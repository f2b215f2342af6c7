// A device of the ledger: one stock client of Socket.IO, which keeps its socket through whatever happens, sends with `retries`, and writes down all
// that it hears. It asks REST for what it has missed only when the server says that it was not recovered.

import { io } from "socket.io-client";
import { waitFor } from "../support/wait-for.js";
import { retry } from "../support/wait-until.js";
import { history } from "./history.js";

// How many messages a sender has on their way. With `retries` the client sends one after the other.
const AHEAD = 3;

// The number of times that a device joins its room to know that it has heard everything: a connection may end meanwhile.
const TIMES = 100;

export class Device {
  // The ids of the messages that it has heard of, in order.
  received = [];
  known = new Set();
  // Events that are not its room's.
  strange = [];
  connections = 0;
  recovered = 0;
  refetched = 0;
  // A stock client of version 4 is always somebody to come back as.
  recovers = true;

  #behind = true;
  #buffer = [];
  // What REST has told and the socket may still tell, once.
  #overlap = new Set();
  #life = null;
  #closing = new AbortController();
  closed = this.#closing.signal;

  constructor(url, { sub, token, room, transports, transport }) {
    Object.assign(this, { url, sub, token, room, transport });
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
    this.socket.on("connect", () => this.#arrive());
    this.socket.on("connect_error", () => this.#return());
    this.socket.on("disconnect", () => this.#return());
    this.socket.onAny((event, data) => this.#hear(event, data));
    this.ready = new Promise((resolve) => (this.caughtUp = resolve));
  }

  // A client that the server has ended, or refused, does not come back by itself.
  #return() {
    if (!this.socket.active && !this.closed.aborted) setTimeout(() => this.closed.aborted || this.socket.connect(), 50);
  }

  #arrive() {
    this.connections += 1;
    if (this.socket.recovered) this.recovered += 1;
    // Who is recovered while it still catches up has that to end all the same.
    if (!this.socket.recovered || this.#behind) this.#catchUp().catch((error) => this.#failed(error));
  }

  // A closed device gives up the requests of its earlier connections. Any other error ends the run.
  #failed(error) {
    if (!this.closed.aborted) throw error;
  }

  async #catchUp() {
    const life = (this.#life = {});
    this.#buffer = [];
    if (!this.#behind) this.ready = new Promise((resolve) => (this.caughtUp = resolve));
    this.#behind = true;
    if (this.connections > 1) this.refetched += 1;
    const joined = await this.#join();
    if (this.#life !== life) return;
    if (joined?.ok !== true) throw new Error(`${this.sub} may not join: ${JSON.stringify(joined)}`);
    const missed = await history(this, this.known);
    if (this.#life !== life) return;
    this.#overlap = new Set(missed.map(({ id }) => id));
    for (const { id } of missed) this.#write(id);
    this.#behind = false;
    for (const event of this.#buffer.splice(0)) this.#hear("message:new", event);
    this.caughtUp();
  }

  #join() {
    return this.socket.emitWithAck("join_room", { roomId: this.room });
  }

  #write(id) {
    this.received.push(id);
    this.known.add(id);
  }

  #hear(event, data) {
    if (data?.roomId !== this.room) this.strange.push([event, data]);
    else if (event !== "message:new") return;
    else if (this.#behind) this.#buffer.push(data);
    else if (this.#overlap.delete(data.id)) return;
    // Also what it has said itself is told once: whoever sends it again is answered by the acknowledgement.
    else this.#write(data.id);
  }

  // Sends what `next` gives, {clientId, content}, until it gives nothing more; each is told to `acked` when the server has confirmed it.
  async send(next, acked) {
    const one = async () => {
      for (let message = next(); message; message = next()) acked(message, await this.#sent(message));
    };
    await Promise.all(Array.from({ length: AHEAD }, one));
  }

  async #sent(message) {
    const sent = this.socket.emitWithAck("message:send", { roomId: this.room, ...message });
    const ack = await waitFor(sent, () => `${this.transport} ${this.sub}: ${message.clientId} is not acknowledged`);
    if (ack.ok !== true) throw new Error(`${this.sub} is refused: ${JSON.stringify(ack)}`);
    return ack;
  }

  // Resolves when it has heard all that was decided before: joining again is decided in the same queue, and is confirmed in the same order.
  async hasHeardAll() {
    await retry(TIMES, async () => {
      await this.isReady();
      const { connections } = this;
      await waitFor(this.#join(), () => `${this.transport} ${this.sub} has no answer to its join`);
      return !this.#behind && connections === this.connections ? true : null;
    });
  }

  // Resolves when it has joined its room, and has caught up.
  isReady() {
    return waitFor(this.ready, () => `${this.transport} ${this.sub} has not caught up after ${this.connections} connections`);
  }

  close() {
    this.#closing.abort();
    this.socket.disconnect();
  }
}
