// WebSocket frames by hand, over a bare TCP connection, so that they can be wrong.

import { randomBytes } from "node:crypto";
import { connect } from "node:net";
import { arrives } from "./wait-for.js";

export const TEXT = 1;
export const BINARY = 2;
export const CONTINUATION = 0;
export const CLOSE = 8;
export const PING = 9;
export const PONG = 10;

// A client's frame. `length` is what the header says, when it is to lie; `masked: false` leaves the mask out.
export function frame(opcode, payload = Buffer.alloc(0), { fin = true, rsv = 0, masked = true, length } = {}) {
  const data = Buffer.from(payload);
  const said = BigInt(length ?? data.length);
  const mask = masked ? 0x80 : 0;
  const first = (fin ? 0x80 : 0) | (rsv << 4) | opcode;
  let head;
  if (said < 126n) head = Buffer.from([first, mask | Number(said)]);
  else if (said < 65_536n) head = Buffer.from([first, mask | 126, Number(said) >> 8, Number(said) & 255]);
  else {
    head = Buffer.alloc(10);
    head[0] = first;
    head[1] = mask | 127;
    head.writeBigUInt64BE(said, 2);
  }
  if (!masked) return Buffer.concat([head, data]);
  const key = randomBytes(4);
  for (let i = 0; i < data.length; i++) data[i] ^= key[i & 3];
  return Buffer.concat([head, key, data]);
}

export const closeFrame = (code, reason = "") => frame(CLOSE, Buffer.concat([Buffer.from([code >> 8, code & 255]), Buffer.from(reason)]));

// A TCP connection that keeps what it is sent.
export class Wire {
  #received = Buffer.alloc(0);
  #wake = [];
  #ended = false;
  #end;

  constructor(port) {
    this.socket = connect(port, "127.0.0.1");
    this.socket.on("error", () => {});
    this.socket.on("data", (data) => {
      this.#received = Buffer.concat([this.#received, data]);
      this.#changed();
    });
    this.#end = new Promise((resolve) => {
      const end = () => {
        this.#ended = true;
        this.#changed();
        resolve();
      };
      this.socket.once("end", end).once("close", end);
    });
  }

  // Resolves when the server has ended the connection.
  get ended() {
    return arrives(this.#end, () => `the connection is open; ${this.#received.length} bytes are unread`);
  }

  #changed() {
    for (const wake of this.#wake.splice(0)) wake();
  }

  // Resolves when the bytes are with the kernel. A connection that has ended takes them silently.
  write(bytes) {
    const written = new Promise((resolve) => this.socket.write(bytes, () => resolve()));
    return arrives(written, () => "the server neither reads nor ends the connection");
  }

  // What `take` makes of the received bytes as soon as it is not null: [value, bytes used up]. Null if the other side ends before.
  async #until(take) {
    for (;;) {
      const taken = take(this.#received);
      if (taken) {
        this.#received = this.#received.subarray(taken[1]);
        return taken[0];
      }
      if (this.#ended) return null;
      const more = new Promise((resolve) => this.#wake.push(resolve));
      await arrives(more, () => `the server neither sends more nor ends; ${this.#received.length} bytes are unread`);
    }
  }

  // The head of an HTTP answer, or null.
  head() {
    return this.#until((bytes) => {
      const end = bytes.indexOf("\r\n\r\n");
      return end < 0 ? null : [bytes.subarray(0, end).toString(), end + 4];
    });
  }

  // The server's next frame: {fin, rsv, opcode, payload}, or null if it ends.
  frame() {
    return this.#until((bytes) => {
      if (bytes.length < 2) return null;
      let length = bytes[1] & 127;
      let at = 2;
      if (length === 126) {
        if (bytes.length < 4) return null;
        length = bytes.readUInt16BE(2);
        at = 4;
      } else if (length === 127) {
        if (bytes.length < 10) return null;
        length = Number(bytes.readBigUInt64BE(2));
        at = 10;
      }
      if (bytes.length < at + length) return null;
      const payload = bytes.subarray(at, at + length);
      return [{ fin: bytes[0] >= 0x80, rsv: (bytes[0] >> 4) & 7, opcode: bytes[0] & 15, payload }, at + length];
    });
  }

  // How the server ends the WebSocket: the code of its close frame, 1005 without one, 1006 if it says nothing. Other frames are passed over.
  async end() {
    for (;;) {
      const next = await this.frame();
      if (next === null) return 1006;
      if (next.opcode !== CLOSE) continue;
      const code = next.payload.length < 2 ? 1005 : next.payload.readUInt16BE(0);
      // A good client closes behind its answer, and so does a good server.
      await this.write(frame(CLOSE, next.payload));
      await this.ended;
      return code;
    }
  }

  destroy() {
    this.socket.destroy();
  }
}

// A WebSocket that has made its handshake; `headers` are further lines of it.
export async function openWire(server, path = "/raw", headers = []) {
  const wire = new Wire(server.port);
  const lines = [`GET ${path} HTTP/1.1`, "Host: test", "Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13"];
  await wire.write([...lines, `Sec-WebSocket-Key: ${randomBytes(16).toString("base64")}`, ...headers, "", ""].join("\r\n"));
  wire.answer = await wire.head();
  if (!wire.answer?.startsWith("HTTP/1.1 101")) throw new Error(`no WebSocket: ${wire.answer}`);
  return wire;
}
