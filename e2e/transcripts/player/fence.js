// "Nothing arrives" without waiting for time to pass: something later is made to arrive, on the same way, and then everything earlier has.

import { rest } from "../../support/http.js";
import { SocketIoDevice } from "./device.js";

async function must(method, url, token, body) {
  const answer = await rest(method, url, { token, body });
  if (answer.status >= 300) throw new Error(`the fence cannot be built: ${method} ${url} ${answer.status} ${answer.text}`);
  return answer.json;
}

// Resolves with what the device has heard when a later event has come to it.
export function everythingHeard(device, server, token) {
  return device instanceof SocketIoDevice ? householdFence(device, server, token) : channelFence(device, server, token);
}

// A household of the person's own is renamed, which all the person's connections hear, and left again.
async function householdFence(device, server, token) {
  const others = device.isNoise;
  const mine = new Set();
  const arrived = new Promise((resolve) => {
    device.isNoise = (what) => {
      const id = what.args?.[0]?.household?.id;
      const fence = what.event?.startsWith("household:") && (mine.has(id) || what.args[0].household?.name.startsWith("fence"));
      if (fence && what.event === "household:updated") resolve();
      return fence || others(what);
    };
  });
  const { id } = await must("POST", `${server.url}/households`, token, { name: "fence" });
  mine.add(id);
  await must("PUT", `${server.url}/households/${id}`, token, { name: "fence, renamed" });
  await arrived;
  return device.heard;
}

// A channel of the person's own is joined, and a message sent to it comes back.
async function channelFence(device, server, token) {
  const others = device.isNoise;
  const project = await must("POST", `${server.url}/api/v1/projects`, token, { name: "fence" });
  const channel = await must("POST", `${server.url}/api/v1/projects/${project.id}/channels`, token, { name: "fence" });
  const room = `channel:${channel.id}`;
  const arrived = new Promise((resolve) => {
    device.isNoise = (what) => {
      const fence = what.envelope?.room === room;
      if (fence && what.envelope.type === "message") resolve();
      return fence || others(what);
    };
  });
  device.send({ type: "join_room", room });
  device.send({ type: "send_message", room, data: { content: "fence" } });
  await arrived;
  return device.heard;
}
