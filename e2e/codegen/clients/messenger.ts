import type { Socket } from "socket.io-client";
import type { AcknowledgedEvents, ClientToServerEvents, ServerToClientEvents } from "roomcast/messenger";

export function listen(socket: Socket<ServerToClientEvents, ClientToServerEvents>) {
  const unread = new Set<string>();
  socket.on("message:new", ({ id, isRead, clientId }) => (isRead ? clientId : unread.add(id)));
  socket.on("messages:read", ({ messageIds }) => messageIds.forEach((id) => unread.delete(id)));
  socket.on("user:status-changed", ({ userId, status }) => status === "online" && userId);
  socket.on("notification:read", (id) => unread.delete(id));
  socket.on("notifications:read-all", () => unread.clear());

  // @ts-expect-error the status does not exist
  socket.on("user:status-changed", ({ status }) => status === "away");
  // @ts-expect-error the payload is the id itself
  socket.on("notification:read", ({ notificationId }) => notificationId);
  // @ts-expect-error the event has no payload
  socket.on("notifications:read-all", (payload) => payload);

  socket.emit("join:conversation", "1");
  socket.emit("typing:start", { conversationId: 1 });
  socket.emit("user:get-status", "ben", (ack) => ("status" in ack ? ack.status : ack.error));
  socket.emit("users:get-status", ["ben", 7], (ack) => (Array.isArray(ack) ? ack.map(({ userId }) => userId) : ack.code));
  socket.emit("notifications:read-all", (ack) => ack.ok && ack.count);

  // @ts-expect-error the payload must be a list
  socket.emit("users:get-status", "ben");
  // @ts-expect-error the acknowledgement may be an error
  socket.emit("conversation:get-online-users", "1", (ack) => ack.length);
}

export async function online(socket: Socket<ServerToClientEvents, AcknowledgedEvents>): Promise<string[]> {
  const ack = await socket.emitWithAck("conversation:get-online-users", { conversationId: "1" });
  return Array.isArray(ack) ? ack : [];
}
