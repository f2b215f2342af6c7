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
  socket.on("notification", (told) => ("id" in told ? told.link : told.data));
  socket.on("pong", ({ timestamp }) => Date.parse(timestamp));

  // @ts-expect-error a trip is never deleted in another way
  socket.on("trip:updated", ({ changes }) => changes.deleted === false);
  // @ts-expect-error what everybody is told has no id
  socket.on("notification", (told) => told.id);

  socket.emit("ping");
  socket.emit("ping", (answer) => answer.ok && answer.timestamp);
  socket.emit("trip:join", { tripId: 7 });
  socket.emit("trip:update", { tripId: "7", changes: { name: "Rome", endDate: null, colour: "red" } });

  // @ts-expect-error a trip always has a name
  socket.emit("trip:update", { tripId: "7", changes: { name: null } });
  // @ts-expect-error there must be changes
  socket.emit("trip:update", { tripId: "7" });
  // @ts-expect-error a ping takes nothing
  socket.emit("ping", { now: true });
}

export async function measure(socket: Socket<ServerToClientEvents, AcknowledgedEvents>): Promise<boolean> {
  const answer = await socket.timeout(1000).emitWithAck("ping");
  return answer.ok;
}
