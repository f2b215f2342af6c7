// The chat window of the studio contract's documentation. The documentation shows how the window uses the hook `useSocketIO.js`. The code of the hook is
// added here, from the events that the documentation lists.

import { createElement, useCallback, useEffect, useRef, useState } from "react";
import { io } from "./stock-client.js";

function useSocketIO(roomId, { enabled, token, userId, onNewMessage }) {
  const socket = useRef(null);
  const [isConnected, setIsConnected] = useState(false);
  const [typingUsers, setTypingUsers] = useState([]);
  const [onlineUsers, setOnlineUsers] = useState([]);
  const newMessage = useRef(onNewMessage);
  newMessage.current = onNewMessage;

  useEffect(() => {
    if (!enabled) return;
    const add = ({ userId }) => (users) => users.includes(userId) ? users : [...users, userId];
    const remove = ({ userId }) => (users) => users.filter((user) => user !== userId);
    const opened = io("http://localhost:3001", { auth: { token, userId } });
    socket.current = opened;
    opened.on("connect", () => {
      setIsConnected(true);
      opened.emit("join_room", { roomId });
    });
    opened.on("disconnect", () => {
      setIsConnected(false);
      setOnlineUsers([]);
    });
    opened.on("user:online", (user) => setOnlineUsers(add(user)));
    opened.on("user:offline", (user) => setOnlineUsers(remove(user)));
    opened.on("user:typing", (user) => setTypingUsers(add(user)));
    opened.on("user:stop_typing", (user) => setTypingUsers(remove(user)));
    opened.on("message:new", (message) => newMessage.current(message));
    return () => {
      opened.emit("leave_room", { roomId });
      opened.disconnect();
    };
  }, [roomId, enabled, token, userId]);

  const emitTyping = useCallback((typing) => socket.current?.emit(typing ? "user:typing" : "user:stop_typing", { roomId, userId }), [roomId, userId]);
  return { isConnected, typingUsers, onlineUsers, emitTyping };
}

export function ChatWindow({ room, token, userId }) {
  const [messages, setMessages] = useState([]);
  const { isConnected, typingUsers, onlineUsers, emitTyping } = useSocketIO(
    room?.id,
    { enabled: !!room?.id, token, userId, onNewMessage: (data) => setMessages((all) => [...all, `${data.sender.name}: ${data.content}`]) },
  );
  return createElement("div", null,
    `${isConnected ? "Connected" : "Disconnected"}. Online: ${onlineUsers.toSorted().join(", ")}. Typing: ${typingUsers.join(", ")}. ${messages.join(", ")}.`,
    createElement("button", { onClick: () => emitTyping(true) }, "Start typing"),
    createElement("button", { onClick: () => emitTyping(false) }, "Stop typing"),
  );
}
