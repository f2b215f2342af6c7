// The stock client for the documents' examples. Their servers are at localhost; ours has a port of its own, and the sockets that
// a page makes are kept to be looked at.

import stock from "socket.io-client";
import { waitFor } from "../support/wait-for.js";

let server;

const sockets = [];
let waiting = [];

// Has the examples find this server.
export function serve(running) {
  server = running;
}

// The sockets that a page still holds open, or would open again, in the order of their making.
export function alive() {
  return sockets.filter(({ active }) => active);
}

// Resolves when so many of them are connected.
export function open(count) {
  const opened = new Promise((resolve) => {
    waiting.push({ count, resolve });
    look();
  });
  return waitFor(opened, () => `${sockets.filter((socket) => socket.connected).length} of ${count} sockets are connected`);
}

function look() {
  const connected = sockets.filter((socket) => socket.connected).length;
  waiting = waiting.filter(({ count, resolve }) => !(connected === count && (resolve(), true)));
}

export default function io(url, options) {
  const socket = stock(url.replace(/^(http|ws):\/\/localhost:300[01]$/, server.url), options);
  sockets.push(socket.on("connect", look));
  return socket;
}

export { io };
