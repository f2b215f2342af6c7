import type { Socket } from "socket.io-client";
import type { AcknowledgedEvents, ClientToServerEvents, NewMessage, NumberOrTextId, ServerToClientEvents } from "roomcast/studio";

export function listen(socket: Socket<ServerToClientEvents, ClientToServerEvents>) {
  const messages: NewMessage[] = [];
  const online = new Set<NumberOrTextId>();
  socket.on("message:new", (message) => messages.push(message));
  socket.on("user:online", ({ userId, socketId }) => (socketId ? online.add(userId) : online));
  socket.on("call:ended", ({ endedBy, reason }) => (endedBy === null ? reason === "missed" : endedBy));
  socket.on("error", (error) => (typeof error === "string" ? error : error.message));

  // @ts-expect-error the payload may be an object
  socket.on("error", (error) => error.toUpperCase());
  // @ts-expect-error the id of a room may be text
  socket.on("member:joined", ({ roomId }) => roomId.toFixed());
  // @ts-expect-error the reason does not exist
  socket.on("call:ended", ({ reason }) => reason === "boredom");

  socket.emit("join_room", { roomId: 1 });
  socket.emit("message:send", { roomId: 1, content: "Hello", clientId: "c-1" });
  socket.emit("message:send", { roomId: 1, type: "FILE", fileUrl: "https://example.com/a.pdf" }, (ack) => {
    if (ack.ok) messages.push(ack.message);
  });
  socket.emit("message:edit", { messageId: 2, content: "Bye" }, (ack) => ack.ok && ack.updatedAt);

  // The clients of the contract's documentation send these events as well.
  socket.emit("user:typing", { roomId: 1, userId: 5 });
  socket.emit("user:stop_typing", { roomId: 1, userId: 5 });
  socket.emit("message:edited", { messageId: 123, content: "Updated content" });
  socket.emit("message:edit", { messageId: 123, content: "Updated content", roomId: 1 });
  socket.emit("message:delete", { messageId: 123, roomId: 1 });
  socket.emit("call:initiated", { callType: "AUDIO", roomId: 1, initiatedBy: 5 });
  socket.emit("call:answered", { callId: 123, roomId: 1 });
  socket.emit("call:ended", { callId: 123, roomId: 1 });

  // @ts-expect-error the room is required
  socket.emit("message:send", { content: "Hello" });
  // @ts-expect-error the type of a call is required
  socket.emit("call:initiated", { roomId: 1 });
  // @ts-expect-error an error has no message
  socket.emit("message:send", { roomId: 1, content: "Hello" }, (ack) => ack.message);
}

export async function ring(socket: Socket<ServerToClientEvents, AcknowledgedEvents>): Promise<number | undefined> {
  const ack = await socket.emitWithAck("call:initiated", { roomId: 1, callType: "VIDEO" });
  return ack.ok ? ack.callId : ack.retryAfter;
}
