// Stock clients that lose their connection in all the ways there are, and what they have heard.

import { arrives, lately } from "../support/wait-for.js";
import { client, connected, heard } from "../support/socketio-clients.js";
import { person } from "../support/users.js";

// A client that connects again at once, and writes down each event with its arguments.
export async function listener(t, server, sub, namespace = "", options = {}) {
  const auth = { token: server.token({ sub, name: sub }) };
  const socket = client(t, `${server.url}${namespace}`, {
    auth, reconnection: true, reconnectionDelay: 20, reconnectionDelayMax: 50, randomizationFactor: 0, ...options,
  });
  socket.heard = [];
  socket.onAny((name, ...args) => socket.heard.push([name, ...args]));
  await connected(socket);
  return socket;
}

// The contents of the messages that a client has heard, in order.
export const contents = (socket) => socket.heard.filter(([name]) => name === "message:new").map(([, message]) => message.content);

// Waits until a client has heard a message.
export function hears(socket, content) {
  const arrived = new Promise((resolve) => {
    const look = () => {
      if (!contents(socket).includes(content)) return;
      socket.offAny(look);
      resolve();
    };
    socket.onAny(look);
    look();
  });
  return arrives(arrived, () => `the message ${content} has not arrived; ${lately(socket.heard)}`);
}

// Another connection of a client, which says the same of where it left off as the first.
export function another(t, first, options = {}) {
  const socket = client(t, first.io.uri, { auth: first.auth, autoConnect: false, ...options });
  Object.assign(socket, { _pid: first._pid, _lastOffset: first._lastOffset, heard: [...first.heard] });
  socket.onAny((name, ...args) => socket.heard.push([name, ...args]));
  return socket;
}

// A conversation of anna and these people, and how anna says something in it.
export async function conversation(server, ...others) {
  const anna = person(server, "anna");
  const { id } = await anna.ask("POST", "/api/conversations", { participantIds: others });
  const say = (content) => anna.ask("POST", `/api/conversations/${id}/messages`, { content });
  return { anna, id, say, path: `/api/conversations/${id}` };
}

export const join = (socket, conversationId) => socket.emitWithAck("join:conversation", { conversationId });

// The ways in which a connection may end without anybody wanting it.
export const CUTS = {
  "is cut": (socket) => cut(socket.io.engine),
  "is closed by the client's transport": (socket) => socket.io.engine.close(),
};

// As if the network were gone: not a byte more in either direction, and the client finds out by itself.
function cut(engine) {
  const { ws } = engine.transport;
  if (ws) ws.terminate();
  else engine.transport.onError("cut");
}

// Ends a client's connection, and resolves when the client has noticed.
export async function lose(socket, how = CUTS["is cut"]) {
  const gone = heard(socket, "disconnect");
  how(socket);
  const [reason] = await gone;
  return reason;
}

// Resolves when a client connects next, with whether it is recovered.
export async function comesBack(socket) {
  await heard(socket, "connect");
  return socket.recovered;
}

// A client that does not come back until it is told to.
export function stayAway(socket) {
  socket.io.reconnection(false);
  return () => {
    socket.io.reconnection(true);
    socket.connect();
    return comesBack(socket);
  };
}
