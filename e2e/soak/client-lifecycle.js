// What a client does in its life: it arrives, joins a room, says something, hears it, loses its connection, comes back, and goes in the end.

import { io } from "socket.io-client";
import { openRawClient } from "../support/raw-client.js";
import { waitFor } from "../support/wait-for.js";

// How often a client comes, the first time and after each cut; and what it says each time.
const STAYS = 3;
const WORDS = 3;

// Lives up to the last stay, and is still there.
export async function live(one) {
  await one.arrive();
  for (let stay = 0; stay < STAYS; stay++) {
    if (stay > 0) await one.loseAndComeBack();
    for (let word = 0; word < WORDS; word++) await one.say(`${one.sub} ${stay} ${word}`);
    await one.hears(`${one.sub} ${stay} ${WORDS - 1}`);
  }
}

// What a client has heard, and who waits for what.
class Ears {
  #heard = new Set();
  #waiting = new Map();

  hear(content) {
    this.#heard.add(content);
    this.#waiting.get(content)?.();
    this.#waiting.delete(content);
  }

  has(content) {
    return this.#heard.has(content);
  }

  hears(content) {
    if (this.has(content)) return Promise.resolve();
    const arrived = new Promise((resolve) => this.#waiting.set(content, resolve));
    return waitFor(arrived, () => `${content} has not arrived`);
  }
}

// A stock client of Socket.IO in a room of studio's.
export class Stock extends Ears {
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

  async arrive() {
    await this.#connected(() => this.socket.connect());
    await this.#join();
  }

  #connected(how) {
    const connected = new Promise((resolve) => {
      this.socket.once("connect", resolve);
      how();
    });
    return waitFor(connected, () => `${this.sub} has not connected`);
  }

  #join() {
    return this.#ask("join_room", { roomId: this.room });
  }

  async #ask(name, data) {
    const ack = await waitFor(this.socket.emitWithAck(name, data), () => `${name} of ${this.sub} is not acknowledged`);
    if (ack.ok !== true) throw new Error(`${this.sub}: ${name} ${JSON.stringify(ack)}`);
  }

  say(content) {
    return this.#ask("message:send", { roomId: this.room, content, clientId: content });
  }

  // The connection breaks, and the client comes back by itself, as somebody new if it was away for too long.
  async loseAndComeBack() {
    const { transport } = this.socket.io.engine;
    await this.#connected(() => (transport.ws ? transport.ws.terminate() : transport.onError("cut")));
    if (this.socket.recovered) this.recovered += 1;
    else await this.#join();
  }

  // It is not to come back any more, whatever becomes of its connection.
  stayAway() {
    this.socket.io.reconnection(false);
  }

  leave() {
    this.socket.disconnect();
  }
}

// A client on the raw WebSocket in a channel of workspace's.
export class Raw extends Ears {
  recovered = 0;
  #since = undefined;

  constructor({ through, sub, token, room }) {
    super();
    Object.assign(this, { through, sub, token, room });
  }

  async arrive() {
    this.socket = await openRawClient(this.through, this.token, this.#since);
    for (const envelope of await this.socket.join(this.room)) {
      if (envelope.type === "resync") this.recovered -= 1;
      this.#hear(envelope);
    }
  }

  #hear({ type, data, id }) {
    if (id) this.#since = id;
    if (type === "message") this.record(data.content);
  }

  say(content) {
    this.socket.sendEnvelope({ type: "send_message", room: this.room, data: { content } });
  }

  async hears(content) {
    while (!this.has(content)) this.#hear(await this.socket.nextJson());
  }

  async loseAndComeBack() {
    this.recovered += 1;
    await this.socket.terminate();
    await this.arrive();
  }

  stayAway() {}

  leave() {
    return this.socket.close();
  }
}
