// The stock clients, opened for a test and closed after it.

import { io as io4 } from "socket.io-client";
import io2 from "socket.io-client-v2";
import io3 from "socket.io-client-v3";
import { arrives, lately } from "./wait-for.js";
import { argumentsOf } from "./positions.js";

// The three ways in which a client of Socket.IO may travel.
export const TRAVELS = { websocket: ["websocket"], polling: ["polling"], upgrade: ["polling", "websocket"] };

// A client of Socket.IO 4, not yet connected to anything when it is returned.
export function client(t, url, options = {}) {
  const socket = io4(url, { forceNew: true, reconnection: false, ...options });
  const ask = socket.emitWithAck.bind(socket);
  socket.emitWithAck = (event, ...args) => arrives(ask(event, ...args), () => `${event} is not acknowledged`);
  t.after(() => socket.disconnect());
  return socket;
}

// A client of Socket.IO 2.
export function client2(t, url, options = {}) {
  const socket = io2(url, { forceNew: true, reconnection: false, ...options });
  t.after(() => socket.disconnect());
  return socket;
}

// A client of Socket.IO 3.
export function client3(t, url, options = {}) {
  const socket = io3(url, { forceNew: true, reconnection: false, ...options });
  t.after(() => socket.disconnect());
  return socket;
}

// The arguments of the next such event, as its contract has them.
export function heard(socket, event) {
  const next = new Promise((resolve) => socket.once(event, (...args) => resolve(argumentsOf(args))));
  return arrives(next, () => `no event "${event}" has arrived`);
}

// Resolves when the watcher hears that somebody is now online or offline.
export function becomes(watcher, userId, status) {
  const seen = [];
  const changed = new Promise((resolve) => {
    const look = (change) => {
      seen.push(change);
      if (change.userId !== userId || change.status !== status) return;
      watcher.off("user:status-changed", look);
      resolve();
    };
    watcher.on("user:status-changed", look);
  });
  return arrives(changed, () => `${userId} is not ${status}; ${lately(seen)}`);
}

// Waits until the client is connected; rejects if it is refused, or its connection ends before and it will not try again.
export function connected(socket) {
  const connected = new Promise((resolve, reject) => {
    // A client that is refused closes its connection first and says so then.
    const gone = (reason) => setImmediate(() => reject(new Error(`${reason} before it was connected`)));
    socket.io.once("close", (reason) => socket.io.reconnection() || gone(reason));
    socket.once("connect", () => resolve(socket));
    socket.once("connect_error", (error) => reject(Object.assign(new Error(error.message), { data: error.data, refusal: error })));
  });
  return arrives(connected, () => `${socket.io.uri}${socket.nsp} has neither connected nor refused the client`);
}

// Waits until a client that travels by upgrade has arrived on its WebSocket; rejects if it will not.
export function onWebSocket(socket) {
  const engine = socket.io.engine;
  if (engine.transport.name === "websocket" && !engine.upgrading) return Promise.resolve();
  const upgraded = new Promise((resolve, reject) => {
    engine.once("upgrade", resolve);
    engine.once("upgradeError", reject);
    engine.once("close", (reason) => reject(new Error(`${reason} before the upgrade`)));
  });
  return arrives(upgraded, () => "the client has not changed to its WebSocket");
}

// How many messages may be under way at once: enough to fill every buffer, few enough that heartbeats come through on a slow machine.
const WINDOW = 400;

// Emits `count` numbered messages, and resolves with the numbers that come back, in the order of their coming.
export function numbersBack(socket, count, value = (i) => i) {
  const back = [];
  const all = new Promise((resolve, reject) => {
    let sent = 0;
    const send = () => {
      while (sent < count && sent < back.length + WINDOW) socket.emit("message", sent, value(sent++));
    };
    socket.on("message-back", (number) => {
      back.push(number);
      if (back.length === count) resolve(back);
      else send();
    });
    socket.once("disconnect", (reason) => reject(new Error(`${reason} after ${back.length} of ${count}`)));
    send();
  });
  return arrives(all, () => `${back.length} of ${count} numbers have come back`);
}

export const numbers = (count) => Array.from({ length: count }, (_, i) => i);
