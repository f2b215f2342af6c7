// WebSocket frames over a plain TCP connection, so that a test can send invalid ones.

import { randomBytes } from "node:crypto";
import { connect } from "node:net";
import { waitFor } from "./wait-for.js";

export const TEXT = 1;
export const BINARY = 2;
export const CONTINUATION = 0;
export const CLOSE = 8;
export const PING = 9;
export const PONG = 10;

// A client's frame. `length` overrides the length in the header; `masked: false` leaves out the mask.
export function frame(opcode, payload = Buffer.alloc(0), { fin = true, rsv = 0, masked = true, length } = {}) {
  const data = Buffer.from(payload);
  const declared = BigInt(length ?? data.length);
  const mask = masked ? 0x80 : 0;
  const first = (fin ? 0x80 : 0) | (rsv << 4) | opcode;
  let head;
  if (declared < 126n) head = Buffer.from([first, mask | Number(declared)]);
  else if (declared < 65_536n) head = Buffer.from([first, mask | 126, Number(declared) >> 8, Number(declared) & 255]);
  else {
    head = Buffer.alloc(10);
    head[0] = first;
    head[1] = mask | 127;
    head.writeBigUInt64BE(declared, 2);
  }
  if (!masked) return Buffer.concat([head, data]);
  const key = randomBytes(4);
  for (let i = 0; i < data.length; i++) data[i] ^= key[i & 3];
  return Buffer.concat([head, key, data]);
}

export const closeFrame = (code, reason = "") => frame(CLOSE, Buffer.concat([Buffer.from([code >> 8, code & 255]), Buffer.from(reason)]));

// A TCP connection that buffers the received bytes.
export class TcpConnection {
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
    return waitFor(this.#end, () => `the connection is open; ${this.#received.length} bytes are unread`);
  }

  #changed() {
    for (const wake of this.#wake.splice(0)) wake();
  }

  // Resolves when the bytes are with the kernel. A connection that has ended takes them silently.
  write(bytes) {
    const written = new Promise((resolve) => this.socket.write(bytes, () => resolve()));
    return waitFor(written, () => "the server neither reads nor ends the connection");
  }

  // Calls `take` with the received bytes until it returns [value, number of consumed bytes], and resolves with the value. Null if the server ends before.
  async #until(take) {
    for (;;) {
      const taken = take(this.#received);
      if (taken) {
        this.#received = this.#received.subarray(taken[1]);
        return taken[0];
      }
      if (this.#ended) return null;
      const more = new Promise((resolve) => this.#wake.push(resolve));
      await waitFor(more, () => `the server neither sends more nor ends; ${this.#received.length} bytes are unread`);
    }
  }

  // The head of an HTTP response, or null.
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

  // The code of the server's close frame: 1005 if the frame has no code, 1006 if there is no close frame. Other frames are skipped.
  async end() {
    for (;;) {
      const next = await this.frame();
      if (next === null) return 1006;
      if (next.opcode !== CLOSE) continue;
      const code = next.payload.length < 2 ? 1005 : next.payload.readUInt16BE(0);
      // After both close frames the client and the server close the connection.
      await this.write(frame(CLOSE, next.payload));
      await this.ended;
      return code;
    }
  }

  destroy() {
    this.socket.destroy();
  }
}

// A WebSocket after its handshake. `headers` are additional lines of the request.
export async function openTcpWebSocket(server, path = "/raw", headers = []) {
  const connection = new TcpConnection(server.port);
  const lines = [`GET ${path} HTTP/1.1`, "Host: test", "Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13"];
  await connection.write([...lines, `Sec-WebSocket-Key: ${randomBytes(16).toString("base64")}`, ...headers, "", ""].join("\r\n"));
  connection.response = await connection.head();
  if (!connection.response?.startsWith("HTTP/1.1 101")) throw new Error(`the handshake has failed: ${connection.response}`);
  return connection;
}
