// Engine.IO without a client library, over long-polling and over WebSocket, so that a test controls every byte.

import { get, post } from "./http.js";
import { retry } from "./wait-until.js";
import { openWebSocket } from "./ws-queue.js";

export const SEPARATOR = "\x1e";

// The number of polls with nothing but pings and noops after which a test fails. An open session receives pings without end.
const MAX_EMPTY_POLLS = 100;

// A long-polling session. It sends nothing by itself, neither polls nor pongs.
export class PollingSession {
  // Opens a session. `query` is appended to the URL of every request.
  static async open(server, { path = "/engine.io/", eio = "4", query = "" } = {}) {
    const session = new PollingSession();
    session.base = `${server.url}${path}?EIO=${eio}&transport=polling${query}`;
    session.opening = await get(session.base);
    const text = session.opening.text;
    if (session.opening.status !== 200) throw new Error(`no session: ${session.opening.status} ${text}`);
    session.handshake = JSON.parse(text.slice(text.indexOf("{"), text.indexOf("}") + 1));
    session.sid = session.handshake.sid;
    session.url = `${session.base}&sid=${session.sid}`;
    session.ws = `${server.ws}${path}?EIO=${eio}&transport=websocket${query}&sid=${session.sid}`;
    return session;
  }

  get(options) {
    return get(this.url, options);
  }

  post(body, options) {
    return post(this.url, body, options);
  }

  // The packets of the next payload.
  async packets() {
    const response = await this.get();
    if (response.status !== 200) throw new Error(`the response to the poll is ${response.status} ${response.text}`);
    return response.text.split(SEPARATOR);
  }

  // Polls and answers pings until `count` packets other than pings and noops have arrived. Resolves with these packets.
  async receive(count) {
    const packets = [];
    return retry(MAX_EMPTY_POLLS + count, async () => {
      if (packets.length >= count) return packets;
      for (const packet of await this.packets()) {
        if (packet === "2") await this.post("3");
        else if (packet !== "6") packets.push(packet);
      }
      return null;
    });
  }
}

// A session over WebSocket. With `pong` the socket answers pings.
export async function openEngineSocket(server, { path = "/engine.io/", eio = "4", query = "", pong = true, ...options } = {}) {
  const socket = await openWebSocket(`${server.ws}${path}?EIO=${eio}&transport=websocket${query}`, options);
  if (pong) socket.autoReply((message) => (message === "2" ? "3" : null));
  const opening = await socket.next();
  socket.handshake = JSON.parse(opening.slice(opening.indexOf("{")));
  socket.sid = socket.handshake.sid;
  return socket;
}

// A Socket.IO connection over WebSocket that has joined `/`, and has read CONNECT and the example's `auth` event.
export async function openSocketIo(server, options = {}) {
  const socket = await openEngineSocket(server, { path: "/socket.io/", ...options });
  socket.send("40");
  socket.connected = JSON.parse((await socket.next()).slice(2));
  await socket.next();
  return socket;
}

// The text payload of Engine.IO 3: `<length in UTF-16 units>:<packet>` for each packet.
export const v3Payload = (packets) => packets.map((packet) => `${packet.length}:${packet}`).join("");

export function parseV3Payload(text) {
  const packets = [];
  for (let at = 0; at < text.length; ) {
    const colon = text.indexOf(":", at);
    const length = Number(text.slice(at, colon));
    packets.push(text.slice(colon + 1, colon + 1 + length));
    at = colon + 1 + length;
  }
  return packets;
}
