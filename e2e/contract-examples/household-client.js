// A task list that follows the description of the front end in the household contract's documentation: it sends its token, receives its household's events
// without a join, and caches the complete objects. The documentation has no code of the front end.

import { createElement, useEffect, useState } from "react";
import { io } from "./stock-client.js";

export function TaskList({ token }) {
  const [isConnected, setIsConnected] = useState(false);
  const [tasks, setTasks] = useState({});

  useEffect(() => {
    const socket = io("http://localhost:3001", { auth: { token } });
    const keep = ({ task }) => setTasks((all) => ({ ...all, [task.id]: task }));
    const drop = ({ taskId }) => setTasks(({ [taskId]: _, ...others }) => others);
    for (const event of ["task:created", "task:updated", "task:completed", "task:assigned", "task:unassigned"]) socket.on(event, keep);
    socket.on("task:deleted", drop);
    socket.on("connect", () => setIsConnected(true));
    socket.on("disconnect", () => setIsConnected(false));
    return () => socket.disconnect();
  }, [token]);

  const shown = Object.values(tasks).map(({ title, completed, assignedTo }) => `${title}${completed ? " (done)" : ""}${assignedTo.map(({ name }) => ` for ${name}`).join("")}`);
  return createElement("div", null, `${isConnected ? "Connected" : "Disconnected"}: ${shown.join(", ")}.`);
}
