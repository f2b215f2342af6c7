import type { Socket } from "socket.io-client";
import type { AcknowledgedEvents, ClientToServerEvents, ServerToClientEvents, Task, User } from "roomcast/household";

export function listen(socket: Socket<ServerToClientEvents, ClientToServerEvents>) {
  const tasks = new Map<string, Task>();
  socket.on("task:created", ({ task }) => tasks.set(task.id, task));
  socket.on("task:completed", ({ task, completedBy }) => `${completedBy.name} on ${task.completedAt ?? "no day"}`);
  socket.on("household:member_joined", ({ user, household }) => {
    const admins: User[] = household.members.filter((member) => member.role === "admin");
    return [user, ...admins];
  });
  socket.on("error", ({ code, retryAfter }) => (code === "rate_limited" ? retryAfter : undefined));

  // @ts-expect-error the event does not exist
  socket.on("task:finished", () => {});
  // @ts-expect-error the id of a task is text
  socket.on("task:created", ({ task }) => task.id.toFixed());
  // @ts-expect-error the due date may be null
  socket.on("task:updated", ({ task }) => task.dueDate.length);
  // @ts-expect-error the role does not exist
  socket.on("household:updated", ({ household }) => household.members[0]?.role === "owner");
  // @ts-expect-error only task:completed has this field
  socket.on("task:created", ({ completedBy }) => completedBy);

  socket.emit("join:household", { householdId: "1" });
  socket.emit("join:household", 1);
  socket.emit("leave:household", { householdId: 1 }, (ack) => {
    if (ack.ok) return ack.householdId;
    return ack.field;
  });

  // @ts-expect-error the field is called householdId
  socket.emit("join:household", { id: "1" });
  // @ts-expect-error a client cannot send this event
  socket.emit("task:created", {});
  // @ts-expect-error an error has no household
  socket.emit("join:household", "1", (ack) => ack.householdId);
}

export async function join(socket: Socket<ServerToClientEvents, AcknowledgedEvents>): Promise<string> {
  const ack = await socket.emitWithAck("join:household", { householdId: "1" });
  // @ts-expect-error the household is required
  void socket.emitWithAck("join:household");
  return ack.ok ? ack.householdId : ack.error;
}
