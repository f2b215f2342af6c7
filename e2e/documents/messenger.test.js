// The messenger contract's own client example, as its document has it, against the real server. The components' code is the document's;
// only what they draw is returned instead, and the notification of the browser is left out.

import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { io } from "socket.io-client";
import { mount } from "../support/hooks.js";
import { rest } from "../support/http.js";
import { roomcast } from "../support/roomcast.js";

const server = roomcast({ PRESENCE_AUDIENCE: "everyone", PRESENCE_GRACE: "100ms", ROOMCAST_API_KEY: "key" });

function useWebSocket({ useState, useEffect }, token) {
  const [socket, setSocket] = useState(null);
  const [isConnected, setIsConnected] = useState(false);
  useEffect(() => {
    if (!token) return;
    const socketInstance = io(server.url, { auth: { token }, path: "/socket.io/", forceNew: true });
    socketInstance.on("connect", () => setIsConnected(true));
    socketInstance.on("disconnect", () => setIsConnected(false));
    setSocket(socketInstance);
    return () => {
      socketInstance.disconnect();
    };
  }, [token]);
  return { socket, isConnected };
}

function MessageScreen({ useState, useEffect, conversationId, token }) {
  const { socket, isConnected } = useWebSocket({ useState, useEffect }, token);
  const [messages, setMessages] = useState([]);
  const [onlineUsers, setOnlineUsers] = useState([]);
  const [typingUsers, setTypingUsers] = useState(new Set());

  useEffect(() => {
    if (!socket || !conversationId) return;
    socket.emit("join:conversation", conversationId);
    socket.emit("conversation:get-online-users", conversationId, (users) => {
      setOnlineUsers(users);
    });
    socket.on("message:new", (message) => {
      setMessages((prev) => [...prev, message]);
    });
    socket.on("typing:start", ({ userId }) => {
      setTypingUsers((prev) => new Set(prev).add(userId));
    });
    socket.on("typing:stop", ({ userId }) => {
      setTypingUsers((prev) => {
        const newSet = new Set(prev);
        newSet.delete(userId);
        return newSet;
      });
    });
    socket.on("messages:read", ({ messageIds }) => {
      setMessages((prev) => prev.map((msg) => (messageIds.includes(msg.id) ? { ...msg, isRead: true } : msg)));
    });
    socket.on("message:deleted", ({ messageId }) => {
      setMessages((prev) => prev.filter((msg) => msg.id !== messageId));
    });
    return () => {
      socket.emit("leave:conversation", conversationId);
      socket.off("message:new");
      socket.off("typing:start");
      socket.off("typing:stop");
      socket.off("messages:read");
      socket.off("message:deleted");
    };
  }, [socket, conversationId]);

  const handleTyping = (isTyping) => {
    if (!socket) return;
    if (isTyping) {
      socket.emit("typing:start", { conversationId });
    } else {
      socket.emit("typing:stop", { conversationId });
    }
  };
  return { isConnected, onlineUsers, typingUsers, messages, handleTyping, socket };
}

function NotificationCenter({ useState, useEffect, token }) {
  const { socket, isConnected } = useWebSocket({ useState, useEffect }, token);
  const [notifications, setNotifications] = useState([]);
  const [unreadCount, setUnreadCount] = useState(0);

  useEffect(() => {
    if (!socket) return;
    socket.on("notification:new", (notification) => {
      setNotifications((prev) => [notification, ...prev]);
      setUnreadCount((prev) => prev + 1);
    });
    socket.on("notification:read", (notificationId) => {
      setNotifications((prev) => prev.map((n) => (n.id === notificationId ? { ...n, isRead: true } : n)));
      setUnreadCount((prev) => Math.max(0, prev - 1));
    });
    socket.on("notifications:read-all", () => {
      setNotifications((prev) => prev.map((n) => ({ ...n, isRead: true })));
      setUnreadCount(0);
    });
    return () => {
      socket.off("notification:new");
      socket.off("notification:read");
      socket.off("notifications:read-all");
    };
  }, [socket]);

  const markAsRead = (notificationId) => {
    if (!socket) return;
    socket.emit("notification:read", notificationId);
  };
  return { isConnected, unreadCount, notifications, markAsRead, socket };
}

const token = (sub) => server.token({ sub, name: sub });

async function ask(sub, method, path, body) {
  const answer = await rest(method, `${server.url}${path}`, { token: sub === "back end" ? "key" : token(sub), body });
  assert.ok(answer.status < 300, answer.text);
  return answer.json;
}

describe("the document's client", () => {
  const mounted = [];
  const show = (component, props) => {
    mounted.push(mount(component, props));
    return mounted.at(-1);
  };
  let conversationId;
  let anna;
  let ben;

  before(async () => {
    ({ id: conversationId } = await ask("anna", "POST", "/api/conversations", { participantIds: ["ben"] }));
    anna = show(MessageScreen, { conversationId, token: token("anna") });
    await anna.shows((screen) => screen.isConnected && screen.onlineUsers.length === 1);
    ben = show(MessageScreen, { conversationId, token: token("ben") });
    await ben.shows((screen) => screen.isConnected && screen.onlineUsers.length === 2);
  });
  after(() => mounted.forEach((instance) => instance.unmount()));

  test("a message is shown on every screen, then read, then gone", async () => {
    const { id } = await ask("anna", "POST", `/api/conversations/${conversationId}/messages`, { content: "Hello" });
    await Promise.all([anna, ben].map((screen) => screen.shows(({ messages }) => messages.some((message) => message.id === id))));
    assert.deepEqual(ben.state.messages, anna.state.messages);
    assert.equal(ben.state.messages[0].isRead, false);
    assert.equal(ben.state.messages[0].sender.name, "anna");
    await ask("ben", "POST", `/api/conversations/${conversationId}/read`, { messageIds: [id] });
    await anna.shows(({ messages }) => messages[0].isRead);
    await ask("anna", "DELETE", `/api/messages/${id}`);
    await Promise.all([anna, ben].map((screen) => screen.shows(({ messages }) => messages.length === 0)));
  });

  test("who types is shown to the other, until a word or until six seconds have gone by without one", async () => {
    anna.state.handleTyping(true);
    await ben.shows(({ typingUsers }) => typingUsers.has("anna"));
    anna.state.handleTyping(false);
    await ben.shows(({ typingUsers }) => typingUsers.size === 0);
    const since = performance.now();
    anna.state.handleTyping(true);
    await ben.shows(({ typingUsers }) => typingUsers.has("anna"));
    await ben.shows(({ typingUsers }) => typingUsers.size === 0);
    assert.ok(performance.now() - since > 5900);
    assert.equal(anna.state.typingUsers.size, 0);
  });

  test("a notification is counted on all of a person's devices, and read on all", async () => {
    const [phone, laptop] = [show(NotificationCenter, { token: token("cleo") }), show(NotificationCenter, { token: token("cleo") })];
    await Promise.all([phone, laptop].map((center) => center.shows(({ isConnected }) => isConnected)));
    for (const title of ["One", "Two"]) await ask("back end", "POST", "/api/notifications", { userId: "cleo", type: "info", title, message: "" });
    await Promise.all([phone, laptop].map((center) => center.shows(({ unreadCount }) => unreadCount === 2)));
    assert.deepEqual(laptop.state.notifications.map(({ title, isRead }) => ({ title, isRead })), [{ title: "Two", isRead: false }, { title: "One", isRead: false }]);
    phone.state.markAsRead(phone.state.notifications[1].id);
    await Promise.all([phone, laptop].map((center) => center.shows(({ unreadCount }) => unreadCount === 1)));
    assert.equal(laptop.state.notifications[1].isRead, true);
    laptop.state.socket.emit("notifications:read-all");
    await Promise.all([phone, laptop].map((center) => center.shows(({ unreadCount }) => unreadCount === 0)));
    assert.ok(phone.state.notifications.every(({ isRead }) => isRead));
  });

  test("who comes and goes is told to everybody, and answered to who asks", async () => {
    const changes = [];
    let told = () => {};
    anna.state.socket.on("user:status-changed", (change) => told(changes.push(change)));
    const hears = (userId, status) =>
      new Promise((resolve) => {
        told = () => changes.some((change) => change.userId === userId && change.status === status) && resolve();
        told();
      });
    const dora = io(server.url, { auth: { token: token("dora") }, forceNew: true });
    await hears("dora", "online");
    assert.deepEqual(await anna.state.socket.emitWithAck("user:get-status", "dora"), { userId: "dora", status: "online" });
    assert.deepEqual(await anna.state.socket.emitWithAck("users:get-status", ["ben", "nobody"]), [
      { userId: "ben", status: "online" },
      { userId: "nobody", status: "offline" },
    ]);
    dora.disconnect();
    await hears("dora", "offline");
    assert.deepEqual(await anna.state.socket.emitWithAck("user:get-status", "dora"), { userId: "dora", status: "offline" });
    assert.deepEqual(changes.filter(({ userId }) => userId === "dora").map(({ status }) => status), ["online", "offline"]);
  });

  test("a back end says something to all but one connection, and ends that one", async () => {
    const [here, there] = await Promise.all(["eve", "eve"].map((sub) => {
      const socket = io(server.url, { auth: { token: token(sub) }, forceNew: true });
      return new Promise((resolve) => socket.once("connect", () => resolve(socket)));
    }));
    const heard = [];
    there.on("custom:event", () => heard.push("there"));
    const arrived = new Promise((resolve) => here.on("custom:event", resolve));
    await ask("back end", "POST", "/api/v1/emit", { to: { users: ["eve"] }, except: { connections: [there.id] }, event: "custom:event", data: { a: 1 } });
    assert.deepEqual(await arrived, { a: 1 });
    const ended = new Promise((resolve) => there.once("disconnect", resolve));
    await ask("back end", "POST", "/api/v1/disconnect", { connections: [there.id] });
    assert.equal(await ended, "io server disconnect");
    assert.deepEqual(heard, []);
    assert.deepEqual(await here.emitWithAck("user:get-status", "eve"), { userId: "eve", status: "online" });
    here.disconnect();
  });

  test("a screen that is left hears nothing more of its conversation", async () => {
    const screen = show(MessageScreen, { conversationId, token: token("ben") });
    await screen.shows(({ isConnected, onlineUsers }) => isConnected && onlineUsers.length === 2);
    const { socket } = screen.state;
    let heard = 0;
    await socket.emitWithAck("leave:conversation", conversationId);
    socket.on("message:new", () => heard++);
    const { id } = await ask("anna", "POST", `/api/conversations/${conversationId}/messages`, { content: "Still there?" });
    await ben.shows(({ messages }) => messages.some((message) => message.id === id));
    await socket.emitWithAck("notifications:read-all");
    assert.equal(heard, 0);
  });
});
