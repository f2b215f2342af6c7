// Engine.IO spoken by hand, over long-polling and over WebSocket, so that tests see every byte.

import { get, post } from "./http.js";
import { upTo } from "./wait-until.js";
import { openSocket } from "./ws-queue.js";

export const SEPARATOR = "\x1e";

// The number of polls that may bring nothing but pings and noops before a test fails: pings come for as long as a session is open.
const POLLS = 100;

// A long-polling session. It does nothing on its own: no poll, no pong.
export class Polling {
  // Opens a session. `query` is added to the URL of every request.
  static async open(server, { path = "/engine.io/", eio = "4", query = "" } = {}) {
    const session = new Polling();
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
    const answer = await this.get();
    if (answer.status !== 200) throw new Error(`the poll was answered with ${answer.status} ${answer.text}`);
    return answer.text.split(SEPARATOR);
  }

  // Polls, answering pings, until `count` packets other than pings and noops have come.
  async receive(count) {
    const packets = [];
    return upTo(POLLS + count, async () => {
      if (packets.length >= count) return packets;
      for (const packet of await this.packets()) {
        if (packet === "2") await this.post("3");
        else if (packet !== "6") packets.push(packet);
      }
      return null;
    });
  }
}

// A session on WebSocket. Pings are answered when `pong` is set.
export async function openEngineSocket(server, { path = "/engine.io/", eio = "4", query = "", pong = true, ...options } = {}) {
  const socket = await openSocket(`${server.ws}${path}?EIO=${eio}&transport=websocket${query}`, options);
  if (pong) socket.answer((message) => (message === "2" ? "3" : null));
  const opening = await socket.next();
  socket.handshake = JSON.parse(opening.slice(opening.indexOf("{")));
  socket.sid = socket.handshake.sid;
  return socket;
}

// A Socket.IO connection on WebSocket that has connected to `/`, and has read CONNECT and the example's `auth` event.
export async function openSocketIo(server, options = {}) {
  const socket = await openEngineSocket(server, { path: "/socket.io/", ...options });
  socket.send("40");
  socket.connected = JSON.parse((await socket.next()).slice(2));
  await socket.next();
  return socket;
}

// Version 3's text payloads: `<length in UTF-16 units>:<packet>`.
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
