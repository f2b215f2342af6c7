// "Nothing arrives" without waiting for time to pass: something later is made to arrive, on the same way, and then everything earlier has.

import { rest } from "../../support/http.js";
import { FENCE as NAME } from "./device.js";
import { RawDevice } from "./raw.js";

async function must(method, url, token, body) {
  const answer = await rest(method, url, { token, body });
  if (answer.status >= 300) throw new Error(`the fence cannot be built: ${method} ${url} ${answer.status} ${answer.text}`);
  return answer.json;
}

// Resolves with what the device has heard when a later event has come to it.
export function everythingHeard(device, server, token, way) {
  if (device instanceof RawDevice) return channelFence(device, server, token);
  if (way.namespace === "/messenger") return notificationFence(device);
  if (way.namespace === "/trips") return tripFence(device);
  return way.namespace === "/chat" ? messageFence(device) : householdFence(device, server, token);
}

// Nothing is read: the refusal is decided, and comes, behind all that was decided before.
async function notificationFence(device) {
  await device.ask("notification:read", ["1"]);
  return device.heard;
}

// Nothing is deleted: likewise.
async function messageFence(device) {
  await device.ask("message:delete", [{ messageId: 1 }]);
  return device.heard;
}

// A trip that nobody has cannot be joined: the refusal is decided, and comes, behind all that was decided before.
async function tripFence(device) {
  await device.ask("trip:join", ["none"]);
  return device.heard;
}

// A household of the person's own is given another name, which all the person's connections hear.
async function householdFence(device, server, token) {
  const { id } = await must("POST", `${server.url}/households`, token, { name: "not yet" });
  const arrived = device.until((what) => what.args?.[0]?.household?.id === id);
  await must("PUT", `${server.url}/households/${id}`, token, { name: NAME });
  await arrived;
  return device.heard;
}

// A channel of the person's own is joined, and a message sent to it comes back.
async function channelFence(device, server, token) {
  const project = await must("POST", `${server.url}/api/v1/projects`, token, { name: NAME });
  const channel = await must("POST", `${server.url}/api/v1/projects/${project.id}/channels`, token, { name: NAME });
  const room = `channel:${channel.id}`;
  device.ignored.add(room);
  const arrived = device.until((what) => what.envelope?.room === room && what.envelope.type === "message");
  device.send({ type: "join_room", room });
  device.send({ type: "send_message", room, data: { content: NAME } });
  await arrived;
  return device.heard;
}
