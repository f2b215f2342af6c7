// The stock client for the documentation's examples. It replaces their server address with the address of the test's server, and records the sockets that
// a page creates.

import stock from "socket.io-client";
import { waitFor } from "../support/wait-for.js";

let server;

const sockets = [];
let waiting = [];

// Sets the server that the examples connect to.
export function useServer(running) {
  server = running;
}

// The sockets that are open or will reconnect, in the order of their creation.
export function activeSockets() {
  return sockets.filter(({ active }) => active);
}

// Resolves when exactly `count` sockets are connected.
export function waitForSockets(count) {
  const opened = new Promise((resolve) => {
    waiting.push({ count, resolve });
    check();
  });
  return waitFor(opened, () => `${sockets.filter((socket) => socket.connected).length} of ${count} sockets are connected`);
}

function check() {
  const connected = sockets.filter((socket) => socket.connected).length;
  waiting = waiting.filter(({ count, resolve }) => !(connected === count && (resolve(), true)));
}

export default function io(url, options) {
  const socket = stock(url.replace(/^(http|ws):\/\/localhost:300[01]$/, server.url), options);
  sockets.push(socket.on("connect", check));
  return socket;
}

export { io };
