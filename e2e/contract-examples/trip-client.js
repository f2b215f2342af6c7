// The React hook of the trip contract's documentation, copied from there, and a component that shows its state.

import { createElement, useEffect, useState } from "react";
import io from "./stock-client.js";

export function useSocket(token, tripId) {
  const [socket, setSocket] = useState(null);
  const [connected, setConnected] = useState(false);

  useEffect(() => {
    if (!token) return;

    const newSocket = io('ws://localhost:3000', {
      auth: { token }
    });

    newSocket.on('connected', () => {
      setConnected(true);
      if (tripId) {
        newSocket.emit('trip:join', { tripId });
      }
    });

    newSocket.on('disconnect', () => {
      setConnected(false);
    });

    setSocket(newSocket);

    return () => {
      newSocket.close();
    };
  }, [token, tripId]);

  return { socket, connected };
}

// The listeners of the documentation, on the socket of the hook.
export function TripScreen({ token, tripId }) {
  const { socket, connected } = useSocket(token, tripId);
  const [joined, setJoined] = useState(null);
  const [updates, setUpdates] = useState([]);

  useEffect(() => {
    if (!socket) return;
    const onJoined = (trip) => setJoined(trip.tripId);
    const onUpdated = (update) => setUpdates((all) => [...all, update.changes.name]);
    const onDisconnect = () => setJoined(null);
    socket.on("trip:joined", onJoined);
    socket.on("trip:updated", onUpdated);
    socket.on("disconnect", onDisconnect);
    return () => {
      socket.off("trip:joined", onJoined);
      socket.off("trip:updated", onUpdated);
      socket.off("disconnect", onDisconnect);
    };
  }, [socket]);

  return createElement("div", null, connected ? "Connected" : "Disconnected", ` in ${joined}: ${updates.join(", ")}.`);
}
