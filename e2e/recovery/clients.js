// Stock clients that record the received events, lose their connection, and reconnect.

import { client, connected, nextEvent } from "../support/socketio-clients.js";
import { user } from "../support/users.js";
import { lastEvents, waitFor } from "../support/wait-for.js";

// A connected client that reconnects at once and records each event as [name, ...arguments].
export async function connectRecordingClient(t, server, sub, namespace = "", options = {}) {
  const auth = { token: server.token({ sub, name: sub }) };
  const socket = client(t, `${server.url}${namespace}`, {
    auth, reconnection: true, reconnectionDelay: 20, reconnectionDelayMax: 50, randomizationFactor: 0, ...options,
  });
  socket.received = [];
  socket.onAny((name, ...args) => socket.received.push([name, ...args]));
  await connected(socket);
  return socket;
}

// The contents of the messages that a client has received, in order.
export const messageContents = (socket) => socket.received.filter(([name]) => name === "message:new").map(([, message]) => message.content);

// Waits until a client has received the message with this content.
export function waitForMessage(socket, content) {
  const arrived = new Promise((resolve) => {
    const check = () => {
      if (!messageContents(socket).includes(content)) return;
      socket.offAny(check);
      resolve();
    };
    socket.onAny(check);
    check();
  });
  return waitFor(arrived, () => `the message ${content} has not arrived; ${lastEvents(socket.received)}`);
}

// A second client that resumes the session of the first one from the same offset. It is not connected yet.
export function clientWithSameSession(t, first, options = {}) {
  const socket = client(t, first.io.uri, { auth: first.auth, autoConnect: false, ...options });
  Object.assign(socket, { _pid: first._pid, _lastOffset: first._lastOffset, received: [...first.received] });
  socket.onAny((name, ...args) => socket.received.push([name, ...args]));
  return socket;
}

// A conversation of anna and these users. `send` sends a message from anna.
export async function createConversation(server, ...others) {
  const anna = user(server, "anna");
  const { id } = await anna.request("POST", "/api/conversations", { participantIds: others });
  const send = (content) => anna.request("POST", `/api/conversations/${id}/messages`, { content });
  return { anna, id, send, path: `/api/conversations/${id}` };
}

export const joinConversation = (socket, conversationId) => socket.emitWithAck("join:conversation", { conversationId });

// The ways in which a connection ends unexpectedly.
export const DISCONNECTS = {
  "is cut by the network": (socket) => cutNetwork(socket.io.engine),
  "is closed by the client's transport": (socket) => socket.io.engine.close(),
};

// Simulates a network failure: no more bytes in either direction, and the client detects it.
function cutNetwork(engine) {
  const { ws } = engine.transport;
  if (ws) ws.terminate();
  else engine.transport.onError("cut");
}

// Ends a client's connection. Resolves with the reason when the client has detected it.
export async function loseConnection(socket, disconnect = DISCONNECTS["is cut by the network"]) {
  const disconnected = nextEvent(socket, "disconnect");
  disconnect(socket);
  const [reason] = await disconnected;
  return reason;
}

// Waits until a client connects. Resolves with whether its session is recovered.
export async function nextConnect(socket) {
  await nextEvent(socket, "connect");
  return socket.recovered;
}

// Keeps a client disconnected. The returned function lets it reconnect, and resolves as `nextConnect` does.
export function preventReconnect(socket) {
  socket.io.reconnection(false);
  return () => {
    socket.io.reconnection(true);
    socket.connect();
    return nextConnect(socket);
  };
}
