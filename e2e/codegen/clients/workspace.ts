import { type ClientMessage, CloseCode, type ServerMessage, type TaskData } from "roomcast/workspace";

const tasks = new Map<number, TaskData>();

function hear(message: ServerMessage): unknown {
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
      // @ts-expect-error a welcome is about no room
      return message.room;
    case "task.deleted":
      // @ts-expect-error it is called task_id
      return message.data.id;
    case "project.updated":
      // @ts-expect-error nobody may have done it
      return message.sender.length;
    // @ts-expect-error there is no such type
    case "task.forgotten":
      return undefined;
    default:
      return message.timestamp;
  }
}

export function listen(socket: WebSocket) {
  const say = (message: ClientMessage) => socket.send(JSON.stringify(message));
  socket.onmessage = ({ data }) => hear(JSON.parse(String(data)) as ServerMessage);
  socket.onclose = ({ code }) => code !== CloseCode.AUTHENTICATION_FAILED && listen(new WebSocket(socket.url));

  say({ type: "ping" });
  say({ type: "join_room", room: "channel:1" });
  say({ type: "send_message", room: "channel:1", data: { content: "Hello", metadata: { reply_to: 7 } } });

  // @ts-expect-error which room?
  say({ type: "join_room" });
  // @ts-expect-error a message has content
  say({ type: "send_message", room: "channel:1", data: {} });
  // @ts-expect-error nobody may say this
  say({ type: "task.created", room: "project:1" });
}

export const rightCode: 4429 = CloseCode.TOO_MANY_CONNECTIONS;
// @ts-expect-error that is another one
export const wrongCode: 4429 = CloseCode.FORBIDDEN;
