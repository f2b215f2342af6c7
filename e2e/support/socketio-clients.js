// The stock Socket.IO clients, opened for a test and closed after it.

import { io as io4 } from "socket.io-client";
import io2 from "socket.io-client-v2";
import io3 from "socket.io-client-v3";
import { withoutPositionArgument } from "./positions.js";
import { lastEvents, waitFor } from "./wait-for.js";

// The three transport settings of a Socket.IO client. `upgrade` begins with long-polling and changes to a WebSocket.
export const TRANSPORTS = { websocket: ["websocket"], polling: ["polling"], upgrade: ["polling", "websocket"] };

// A client of Socket.IO 4. It is not connected yet when this function returns it.
export function client(t, url, options = {}) {
  const socket = io4(url, { forceNew: true, reconnection: false, ...options });
  const emitWithAck = socket.emitWithAck.bind(socket);
  socket.emitWithAck = (event, ...args) => waitFor(emitWithAck(event, ...args), () => `${event} is not acknowledged`);
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

// Resolves with the arguments of the next event of this name, without the position.
export function nextEvent(socket, event) {
  const next = new Promise((resolve) => socket.once(event, (...args) => resolve(withoutPositionArgument(args))));
  return waitFor(next, () => `no event "${event}" has arrived`);
}

// Resolves when the watcher receives the event that this user is now online or offline.
export function waitForStatus(watcher, userId, status) {
  const changes = [];
  const changed = new Promise((resolve) => {
    const onChange = (change) => {
      changes.push(change);
      if (change.userId !== userId || change.status !== status) return;
      watcher.off("user:status-changed", onChange);
      resolve();
    };
    watcher.on("user:status-changed", onChange);
  });
  return waitFor(changed, () => `${userId} is not ${status}; ${lastEvents(changes)}`);
}

// Waits until the client is connected. Rejects if the server rejects the client, or if the connection closes and the client does not reconnect.
export function connected(socket) {
  const connected = new Promise((resolve, reject) => {
    // A client that is rejected closes its connection first and emits `connect_error` afterwards.
    const onClose = (reason) => setImmediate(() => reject(new Error(`${reason} before it was connected`)));
    socket.io.once("close", (reason) => socket.io.reconnection() || onClose(reason));
    socket.once("connect", () => resolve(socket));
    socket.once("connect_error", (error) => reject(Object.assign(new Error(error.message), { data: error.data, connectError: error })));
  });
  return waitFor(connected, () => `${socket.io.uri}${socket.nsp} has neither accepted nor rejected the client`);
}

// Waits until a client with the `upgrade` transports uses its WebSocket. Rejects if the upgrade fails.
export function waitForUpgrade(socket) {
  const engine = socket.io.engine;
  if (engine.transport.name === "websocket" && !engine.upgrading) return Promise.resolve();
  const upgraded = new Promise((resolve, reject) => {
    engine.once("upgrade", resolve);
    engine.once("upgradeError", reject);
    engine.once("close", (reason) => reject(new Error(`${reason} before the upgrade`)));
  });
  return waitFor(upgraded, () => "the client has not upgraded to its WebSocket");
}

// The number of messages in flight: enough to fill every buffer, and few enough that heartbeats get through on a slow machine.
const WINDOW = 400;

// Emits `count` numbered messages to the echo server, and resolves with the numbers of its echoes, in their order of arrival.
export function echoNumbers(socket, count, value = (i) => i) {
  const echoed = [];
  const all = new Promise((resolve, reject) => {
    let sent = 0;
    const send = () => {
      while (sent < count && sent < echoed.length + WINDOW) socket.emit("message", sent, value(sent++));
    };
    socket.on("message-back", (number) => {
      echoed.push(number);
      if (echoed.length === count) resolve(echoed);
      else send();
    });
    socket.once("disconnect", (reason) => reject(new Error(`${reason} after ${echoed.length} of ${count} echoes`)));
    send();
  });
  return waitFor(all, () => `${echoed.length} of ${count} echoes have arrived`);
}

export const numbers = (count) => Array.from({ length: count }, (_, i) => i);
