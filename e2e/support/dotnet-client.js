// Sends the same bytes as SocketIOClient for .NET (socket.io-client-csharp) over long-polling: `t` is the UNIX second, a GET has an empty body, and one
// TCP connection is kept for GETs and one for POSTs.

import { connect } from "node:net";
import { waitForEvent } from "./wait-for.js";
import { retry } from "./wait-until.js";

export class DotNetClient {
  // The Socket.IO events received, each as the JSON text of its array.
  events = [];
  #connections = {};

  // `seconds` gives the UNIX time, and `auth` is sent with CONNECT.
  static async connect(server, path, seconds, auth) {
    const client = new DotNetClient();
    Object.assign(client, { server, seconds });
    client.url = `${path}?EIO=4&transport=polling`;
    const opening = await client.#request("GET", "");
    client.url += `&sid=${JSON.parse(opening.slice(1)).sid}`;
    await client.post(`40${auth ? JSON.stringify(auth) : ""}`);
    await retry(10, async () => (client.connected ? true : client.poll()));
    client.events = [];
    return client;
  }

  // Reads the packets of one poll. Resolves with null, so that `retry` polls again.
  async poll() {
    for (const packet of (await this.#request("GET", "")).split("\x1e")) {
      if (packet === "2") await this.post("3");
      else if (packet.startsWith("40")) this.connected = true;
      else if (packet.startsWith("42")) this.events.push(packet.slice(2));
      else if (packet !== "6") throw new Error(`unexpected packet ${packet}`);
    }
    return null;
  }

  async post(body) {
    const response = await this.#request("POST", body);
    if (response !== "ok") throw new Error(`the response to the POST is ${response}`);
  }

  close() {
    for (const socket of Object.values(this.#connections)) socket.destroy();
  }

  async #request(method, body) {
    const socket = (this.#connections[method] ??= connect(this.server.port, "127.0.0.1"));
    const head = [
      `${method} ${this.url}&t=${this.seconds()} HTTP/1.1`,
      `Host: localhost:${this.server.port}`,
      "Content-Type: text/plain; charset=utf-8",
      `Content-Length: ${Buffer.byteLength(body)}`,
    ];
    socket.write(`${head.join("\r\n")}\r\n\r\n${body}`);
    let response = Buffer.alloc(0);
    for (;;) {
      const end = response.indexOf("\r\n\r\n");
      const length = end < 0 ? Infinity : Number(/content-length: (\d+)/i.exec(response.subarray(0, end))[1]);
      if (end >= 0 && response.length >= end + 4 + length) {
        if (!response.subarray(0, 15).equals(Buffer.from("HTTP/1.1 200 OK"))) throw new Error(`${response}`);
        return response.subarray(end + 4, end + 4 + length).toString();
      }
      const [more] = await waitForEvent(socket, "data", () => `the response to ${method} ${this.url} is incomplete: ${response}`);
      response = Buffer.concat([response, more]);
    }
  }
}
