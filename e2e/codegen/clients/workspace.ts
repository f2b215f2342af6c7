import { type ClientMessage, CloseCode, type ServerMessage, type TaskData } from "roomcast/workspace";

const tasks = new Map<number, TaskData>();

function handle(message: ServerMessage): unknown {
  switch (message.type) {
    case "task.created":
    case "task.updated":
    case "task.assigned":
      return tasks.set(message.data.task_id, message.data);
    case "task.status_changed":
      return [message.sender, message.data.old_status, message.data.new_status ?? "none"];
    case "message":
      return [message.room, message.sender, message.data.metadata["reply_to"]];
    case "notification.new":
      return "notification_id" in message.data ? message.data.notification_id : [message.data.link, message.data.priority];
    case "error":
      return message.data.code === "not_found";
    case "connected":
      // @ts-expect-error the greeting has no room
      return message.room;
    case "task.deleted":
      // @ts-expect-error the field is called task_id
      return message.data.id;
    case "project.updated":
      // @ts-expect-error the sender may be null
      return message.sender.length;
    // @ts-expect-error the type does not exist
    case "task.forgotten":
      return undefined;
    default:
      return message.timestamp;
  }
}

export function listen(socket: WebSocket) {
  const send = (message: ClientMessage) => socket.send(JSON.stringify(message));
  socket.onmessage = ({ data }) => handle(JSON.parse(String(data)) as ServerMessage);
  socket.onclose = ({ code }) => code !== CloseCode.AUTHENTICATION_FAILED && listen(new WebSocket(socket.url));

  send({ type: "ping" });
  send({ type: "join_room", room: "channel:1" });
  send({ type: "send_message", room: "channel:1", data: { content: "Hello", metadata: { reply_to: 7 } } });

  // @ts-expect-error the room is required
  send({ type: "join_room" });
  // @ts-expect-error the content is required
  send({ type: "send_message", room: "channel:1", data: {} });
  // @ts-expect-error a client cannot send this type
  send({ type: "task.created", room: "project:1" });
}

export const rightCode: 4429 = CloseCode.TOO_MANY_CONNECTIONS;
// @ts-expect-error the code has another value
export const wrongCode: 4429 = CloseCode.FORBIDDEN;
