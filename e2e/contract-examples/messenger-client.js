// The client example of the messenger contract's documentation, copied from there. The differences are:
// - The parts "Message UI" and "Notification list UI", which the documentation leaves open, are added.
// - The browser's notifications, the types, and JSX are removed.

import { createElement as h, useEffect, useState } from "react";
import { io } from "./stock-client.js";

// WebSocket Hook
function useWebSocket(token) {
  const [socket, setSocket] = useState(null);
  const [isConnected, setIsConnected] = useState(false);

  useEffect(() => {
    if (!token) return;

    const socketInstance = io('http://localhost:3000', {
      auth: { token },
      path: '/socket.io/',
    });

    socketInstance.on('connect', () => {
      setIsConnected(true);
    });

    socketInstance.on('disconnect', () => {
      setIsConnected(false);
    });

    socketInstance.on('connect_error', (error) => {
      console.error('Connection error:', error.message);
    });

    setSocket(socketInstance);

    return () => {
      socketInstance.disconnect();
    };
  }, [token]);

  return { socket, isConnected };
}

// Message Component
export function MessageScreen({ conversationId, token }) {
  const { socket, isConnected } = useWebSocket(token);
  const [messages, setMessages] = useState([]);
  const [onlineUsers, setOnlineUsers] = useState([]);
  const [typingUsers, setTypingUsers] = useState(new Set());

  useEffect(() => {
    if (!socket || !conversationId) return;

    // Join conversation
    socket.emit('join:conversation', conversationId);

    // Get online users
    socket.emit('conversation:get-online-users', conversationId, (users) => {
      setOnlineUsers(users);
    });

    // Listen for new messages
    socket.on('message:new', (message) => {
      setMessages(prev => [...prev, message]);
    });

    // Listen for typing indicators
    socket.on('typing:start', ({ userId }) => {
      setTypingUsers(prev => new Set(prev).add(userId));
    });

    socket.on('typing:stop', ({ userId }) => {
      setTypingUsers(prev => {
        const newSet = new Set(prev);
        newSet.delete(userId);
        return newSet;
      });
    });

    // Listen for read receipts
    socket.on('messages:read', ({ messageIds }) => {
      setMessages(prev => prev.map(msg =>
        messageIds.includes(msg.id) ? { ...msg, isRead: true } : msg
      ));
    });

    // Listen for deleted messages
    socket.on('message:deleted', ({ messageId }) => {
      setMessages(prev => prev.filter(msg => msg.id !== messageId));
    });

    // Cleanup
    return () => {
      socket.emit('leave:conversation', conversationId);
      socket.off('message:new');
      socket.off('typing:start');
      socket.off('typing:stop');
      socket.off('messages:read');
      socket.off('message:deleted');
    };
  }, [socket, conversationId]);

  const handleTyping = (isTyping) => {
    if (!socket) return;

    if (isTyping) {
      socket.emit('typing:start', { conversationId });
    } else {
      socket.emit('typing:stop', { conversationId });
    }
  };

  return h('div', null,
    h('div', null, 'Status: ', isConnected ? 'Connected' : 'Disconnected'),
    h('div', null, 'Online: ', onlineUsers.length, ' users'),
    typingUsers.size > 0 && h('div', null, 'Someone is typing...'),
    messages.map(({ id, content, sender, isRead }) => h('p', { key: id }, `${sender.name}: ${content}${isRead ? ' (read)' : ''}`)),
    h('button', { onClick: () => handleTyping(true) }, 'Start typing'),
    h('button', { onClick: () => handleTyping(false) }, 'Stop typing'),
  );
}

// Notification Component
export function NotificationCenter({ token }) {
  const { socket } = useWebSocket(token);
  const [notifications, setNotifications] = useState([]);
  const [unreadCount, setUnreadCount] = useState(0);

  useEffect(() => {
    if (!socket) return;

    // Listen for new notifications
    socket.on('notification:new', (notification) => {
      setNotifications(prev => [notification, ...prev]);
      setUnreadCount(prev => prev + 1);
    });

    // Listen for read events from other devices
    socket.on('notification:read', (notificationId) => {
      setNotifications(prev => prev.map(n =>
        n.id === notificationId ? { ...n, isRead: true } : n
      ));
      setUnreadCount(prev => Math.max(0, prev - 1));
    });

    socket.on('notifications:read-all', () => {
      setNotifications(prev => prev.map(n => ({ ...n, isRead: true })));
      setUnreadCount(0);
    });

    return () => {
      socket.off('notification:new');
      socket.off('notification:read');
      socket.off('notifications:read-all');
    };
  }, [socket]);

  const markAsRead = (notificationId) => {
    if (!socket) return;
    socket.emit('notification:read', notificationId);
  };

  return h('div', null,
    h('div', null, 'Unread: ', unreadCount),
    notifications.map(({ id, title, isRead }) => h('p', { key: id }, `${title}${isRead ? ' (read)' : ''}. `, h('button', { onClick: () => markAsRead(id) }, `Read ${title}`))),
  );
}
