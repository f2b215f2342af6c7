// Clients that chat, reconnect and make mistakes, so that the pages of the console have something to show.

import { io } from "socket.io-client";
import WebSocket from "ws";
import { rest } from "../support/http.js";

// The users, each with a transport: an array of Socket.IO transports, or "raw".
const USERS = {
  anna: ["websocket"],
  ben: ["websocket"],
  carla: ["polling"],
  dora: ["websocket"],
  emil: ["websocket"],
  finn: "raw",
  greta: ["polling"],
};

// Opens a connection for each user, and a household and a conversation for them. `step` sends one message and makes one mistake.
export async function startTraffic(server) {
  const api = async (sub, method, path, body) => (await rest(method, `${server.url}${path}`, { token: server.token({ sub, name: sub }), body })).json;
  const subs = Object.keys(USERS);
  const household = await api("anna", "POST", "/households", { name: "Our home" });
  for (const sub of subs.slice(1)) await api(sub, "POST", `/households/${household.id}/join`, { inviteCode: household.inviteCode });
  const conversation = await api("anna", "POST", "/api/conversations", { participantIds: subs.slice(1) });
  const connections = Object.entries(USERS).map(([sub, transports]) => open(server, sub, transports));
  await Promise.all(connections.map(({ opened }) => opened));
  const step = async (count) => {
    const sub = subs[count % subs.length];
    await api(sub, "POST", `/api/conversations/${conversation.id}/messages`, { content: `Message ${count}` });
    if (count % 3 === 0) await api(sub, "POST", `/households/${household.id}/tasks`, { title: `Task ${count}` });
    if (count % 4 === 0) await api(sub, "POST", `/households/${household.id}/tasks`, { title: "" });
    if (count % 7 === 0) await rest("GET", `${server.url}/households`, { token: "no-token" });
    if (count % 9 === 0) await api(sub, "GET", "/households/1234");
  };
  return { step, stop: () => connections.forEach(({ close }) => close()) };
}

function open(server, sub, transports) {
  const token = server.token({ sub, name: sub });
  if (transports === "raw") {
    const socket = new WebSocket(`${server.ws}/api/v1/ws/connect?token=${token}`);
    return { opened: new Promise((resolve) => socket.once("message", resolve)), close: () => socket.close() };
  }
  const socket = io(server.url, { auth: { token }, transports, forceNew: true });
  return { opened: new Promise((resolve) => socket.once("connect", resolve)), close: () => socket.disconnect() };
}
