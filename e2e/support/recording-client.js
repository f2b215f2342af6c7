// Open sockets that remember everything they hear, and a mark at which to look.

import { io as io4 } from "socket.io-client";
import io2 from "socket.io-client-v2";
import { arrives, lately } from "./wait-for.js";
import { argumentsOf, withoutPosition } from "./positions.js";
import { Socket } from "./ws-queue.js";

class Ear {
  heard = [];
  #listeners = [];
  #marks = 0;
  #waiting = null;

  hear(name, what) {
    if (name !== "mark") {
      this.heard.push([name, what]);
      return this.#listeners.splice(0).forEach((resolve) => resolve());
    }
    this.#marks += 1;
    this.#arrive();
  }

  #arrive() {
    if (this.#marks === 0 || !this.#waiting) return;
    this.#marks -= 1;
    this.#waiting();
    this.#waiting = null;
  }

  // Resolves with the next that is wanted, `[name, arguments]`, and forgets it and what was heard before.
  async next(wanted) {
    return (await this.#upTo(wanted)).at(-1);
  }

  // Resolves with what was heard before something that is wanted, and forgets both.
  async before(wanted) {
    return (await this.#upTo(wanted)).slice(0, -1);
  }

  #upTo(wanted) {
    const found = async () => {
      for (;;) {
        const place = this.heard.findIndex(wanted);
        if (place >= 0) return this.heard.splice(0, place + 1);
        await new Promise((resolve) => this.#listeners.push(resolve));
      }
    };
    return arrives(found(), () => `no event satisfies ${wanted}; ${lately(this.heard)}`);
  }

  // What was heard up to the next mark, since the last one.
  async toMark() {
    const marked = new Promise((resolve) => {
      this.#waiting = resolve;
      this.#arrive();
    });
    await arrives(marked, () => `no mark has arrived; ${lately(this.heard)}`);
    return this.heard.splice(0);
  }
}

class SocketIoEar extends Ear {
  constructor(socket) {
    super();
    this.socket = socket;
    // The clients of version 2 have no `onAny`.
    const emitted = socket.onevent;
    socket.onevent = (packet) => {
      const [name, ...args] = packet.data;
      // The trip contract's greeting of everybody in `/`.
      if (name !== "connected") this.hear(name, argumentsOf(args));
      emitted.call(socket, packet);
    };
  }

  connected() {
    const connected = new Promise((resolve, reject) => {
      this.socket.once("connect", () => resolve(this));
      for (const event of ["connect_error", "error"]) {
        this.socket.once(event, (error) => reject(Object.assign(new Error(error.message ?? String(error)), { data: error.data })));
      }
    });
    return arrives(connected, () => `${this.socket.io.uri}${this.socket.nsp} has neither connected nor refused the client`);
  }

  ask(name, args) {
    const answer = new Promise((resolve) => this.socket.emit(name, ...args, resolve));
    return arrives(answer, () => `${name} is not acknowledged; ${lately(this.heard)}`);
  }

  tell(name, args) {
    this.socket.emit(name, ...args);
  }

  // All that was heard in answer to what was said so far: no contract knows this word, and says so in its turn.
  async answered() {
    await this.ask("nobody's word", []);
    return this.heard.splice(0);
  }

  // Says goodbye.
  close() {
    this.socket.disconnect();
  }
}

class RawEar extends Ear {
  constructor(url) {
    super();
    this.socket = new Socket(url);
    this.socket.ws.on("message", (message) => {
      const envelope = withoutPosition(JSON.parse(message));
      this.hear(envelope.type, envelope);
    });
  }

  // Resolves with {code, reason} when the connection is closed.
  get closed() {
    return this.socket.closed;
  }

  async connected() {
    await Promise.race([this.#first(({ type }) => type === "connected"), this.closed.then(({ code, reason }) => Promise.reject(new Error(`${code} ${reason}`)))]);
    this.heard = [];
    return this;
  }

  #first(wanted) {
    const first = new Promise((resolve) => {
      this.socket.ws.on("message", (message) => wanted(JSON.parse(message)) && resolve());
    });
    return arrives(first, () => `no envelope satisfies ${wanted}; ${lately(this.heard)}`);
  }

  send(envelope) {
    this.socket.send(JSON.stringify(envelope));
  }

  // The same, and how the connection ended if it did.
  async answered() {
    const isRefused = ({ type, data }) => type === "error" && data.code === "invalid";
    const refusal = this.#first(isRefused);
    this.send({ type: "nobody's word" });
    const closed = await Promise.race([refusal.then(() => null), this.closed]);
    if (closed) return [...this.heard.splice(0), ["closed", closed]];
    const place = this.heard.findIndex(([, envelope]) => isRefused(envelope));
    return this.heard.splice(0, place + 1).slice(0, -1);
  }

  close() {
    this.socket.cut();
  }
}

// The sockets of a test: opened with a person's token, and closed after it.
export class Sockets {
  #open = [];

  constructor(server, t) {
    this.server = server;
    t.after(() => this.#open.forEach((ear) => ear.close()));
  }

  // A Socket.IO client of version 4, or one of version 2; `over` is an ear whose connection it shares.
  // `through` is a way to the server.
  open(sub, namespace, { transports = ["websocket"], version = 4, over, through = this.server } = {}) {
    const token = this.server.token({ sub, name: sub });
    const url = `${through.url}${namespace}`;
    const plain = { transports, forceNew: true, reconnection: false };
    const socket = over
      ? over.socket.io.socket(namespace, { auth: { token } })
      : version === 4
        ? io4(url, { ...plain, auth: { token } })
        : io2(url, { ...plain, query: { token } });
    const ear = new SocketIoEar(socket);
    this.#open.push(ear);
    return ear.connected();
  }

  raw(sub, { through = this.server } = {}) {
    const token = this.server.token({ sub, name: sub });
    const ear = new RawEar(`${through.ws}/api/v1/ws/connect?token=${token}`);
    this.#open.push(ear);
    return ear.connected();
  }
}

// Text in which nothing stands that differs by itself: moments, and the id that the asker knew.
export const same = (what, id) => {
  const text = JSON.stringify(what).replaceAll(/\d{4}-\d\d-\d\dT[\d:.]+Z/g, "<time>");
  return id === "" ? text : text.replaceAll(`"${id}"`, "<id>").replaceAll(new RegExp(`\\b${id}\\b`, "g"), "<id>");
};
