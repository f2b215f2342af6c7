import type { Socket } from "socket.io-client";
import type { AcknowledgedEvents, ClientToServerEvents, Member, ServerToClientEvents } from "roomcast/trip";

export function listen(socket: Socket<ServerToClientEvents, ClientToServerEvents>) {
  socket.on("connected", ({ socketId, userId }) => [socketId, userId]);
  socket.on("trip:updated", ({ changes, updatedBy }) => {
    const members: Member[] = changes.members ?? [];
    const name: string | undefined = changes.name;
    const more: unknown = changes["colour"];
    return [members, name, more, changes.deleted === true, updatedBy];
  });
  socket.on("notification", (notification) => ("id" in notification ? notification.link : notification.data));
  socket.on("pong", ({ timestamp }) => Date.parse(timestamp));

  // @ts-expect-error `deleted` is never false
  socket.on("trip:updated", ({ changes }) => changes.deleted === false);
  // @ts-expect-error an announcement has no id
  socket.on("notification", (notification) => notification.id);

  socket.emit("ping");
  socket.emit("ping", (ack) => ack.ok && ack.timestamp);
  socket.emit("trip:join", { tripId: 7 });
  socket.emit("trip:update", { tripId: "7", changes: { name: "Rome", endDate: null, colour: "red" } });

  // @ts-expect-error the name of a trip cannot be null
  socket.emit("trip:update", { tripId: "7", changes: { name: null } });
  // @ts-expect-error the changes are required
  socket.emit("trip:update", { tripId: "7" });
  // @ts-expect-error a ping has no payload
  socket.emit("ping", { now: true });
}

export async function measure(socket: Socket<ServerToClientEvents, AcknowledgedEvents>): Promise<boolean> {
  const ack = await socket.timeout(1000).emitWithAck("ping");
  return ack.ok;
}
