// A chat room of two users who are connected to different nodes.

import { client, connected } from "../support/socketio-clients.js";
import { user } from "../support/users.js";
import { waitUntil } from "../support/wait-until.js";

// Creates the room, and connects the user 1 (`anna`) to the first node, and the user 2 (`ben`) to the second. Resolves with the id of the room and both
// sockets, which have joined it.
export async function openTeam(t, { nodes: [first, second] }) {
  const { id } = await user(first, "1").request("POST", "/shared/chat/rooms", { name: "Team", memberIds: [2] });
  const join = async (node, sub) => {
    const socket = client(t, `${node.url}/chat`, { transports: ["websocket"], auth: { token: node.token({ sub: String(sub) }), userId: sub } });
    await connected(socket);
    await socket.emitWithAck("join_room", { roomId: id });
    return socket;
  };
  return { id, anna: await join(first, 1), ben: await join(second, 2) };
}

// Resolves when a typing event of one client in the room reaches another. Ephemeral events may be lost, so the sender repeats them.
export async function typingArrives(sender, receiver, roomId) {
  let typing = 0;
  receiver.on("user:typing", () => (typing += 1));
  await waitUntil(async () => {
    sender.emit("user:stop_typing", { roomId });
    sender.emit("user:typing", { roomId });
    return typing > 0 ? null : "no typing event has arrived";
  });
}
