// Every word of every contract's sockets, and what comes of it for a member, the space's admin, and whoever is outside.
//
// `ok` is a yes; anything else is the code of a refusal. What somebody outside is answered must be the same for what is there, what is gone
// and what never was.

const word = (name, about, args, outcome) => ({ name, about, args, outcome });

const everybody = { member: "ok", admin: "ok", outside: "ok" };
const members = { member: "ok", admin: "ok", outside: "not_found" };
const sender = { member: "ok", admin: "forbidden", outside: "not_found" };

// Each contract on Socket.IO: its own namespace; its words; the kind of its spaces, which it is `about`; the list of a space's `members`; and what one
// of them `asks` to hear the space, unless they all hear it `unasked`.
export const CONTRACTS = {
  household: {
    namespace: "/household",
    words: [
      word("join:household", "household", (id) => [{ householdId: id }], members),
      word("join:household", "household", (id) => [id], members),
      word("leave:household", "household", (id) => [{ householdId: id }], everybody),
    ],
    about: "household",
    members: (id) => `/households/${id}/members`,
    asks: (id) => ["join:household", id],
    unasked: true,
  },
  trip: {
    namespace: "/trips",
    words: [
      word("trip:join", "trip", (tripId) => [{ tripId }], members),
      word("trip:leave", "trip", (tripId) => [{ tripId }], everybody),
      word("trip:update", "trip", (tripId) => [{ tripId, changes: { name: "Mine", color: "red" } }], members),
      word("ping", "nothing", () => [], everybody),
    ],
    about: "trip",
    members: (id) => `/api/v1/trips/${id}/members`,
    asks: (id) => ["trip:join", { tripId: id }],
  },
  studio: {
    namespace: "/chat",
    words: [
      word("join_room", "room", (roomId) => [{ roomId }], members),
      word("leave_room", "room", (roomId) => [{ roomId }], everybody),
      word("message:send", "room", (roomId) => [{ roomId, content: "Mine" }], members),
      word("message:edit", "roomMessage", (messageId) => [{ messageId, content: "Mine" }], sender),
      word("message:edited", "roomMessage", (messageId) => [{ messageId, content: "Mine" }], sender),
      word("message:delete", "roomMessage", (messageId) => [{ messageId }], sender),
      word("user:typing", "room", (roomId) => [{ roomId }], members),
      word("user:stop_typing", "room", (roomId) => [{ roomId }], everybody),
      word("call:initiated", "room", (roomId) => [{ roomId, callType: "VIDEO" }], members),
      word("call:answered", "call", (callId) => [{ callId }], members),
      word("call:ended", "call", (callId) => [{ callId }], { member: "ok", admin: "ok", outside: "not_found" }),
    ],
    about: "room",
    members: (id) => `/shared/chat/rooms/${id}/members`,
    asks: (id) => ["join_room", { roomId: id }],
  },
  messenger: {
    namespace: "/messenger",
    words: [
      word("join:conversation", "conversation", (id) => [id], members),
      word("leave:conversation", "conversation", (id) => [id], everybody),
      word("typing:start", "conversation", (conversationId) => [{ conversationId }], members),
      word("typing:stop", "conversation", (conversationId) => [{ conversationId }], everybody),
      word("conversation:get-online-users", "conversation", (id) => [id], { member: "list", admin: "list", outside: "[]" }),
      word("user:get-status", "person", (id) => [id], { member: "online", admin: "online", outside: "offline" }),
      word("users:get-status", "person", (id) => [[id]], { member: "online", admin: "online", outside: "offline" }),
      word("notification:read", "notification", (id) => [id], { member: "ok", admin: "not_found", outside: "not_found" }),
      word("notifications:read-all", "notification", () => [], everybody),
    ],
    about: "conversation",
    members: (id) => `/api/conversations/${id}/participants`,
    asks: (id) => ["join:conversation", id],
  },
};

// The raw WebSocket's: `close` where a connection ends that asks for what it may not see.
export const RAW = [
  ...["project", "channel", "task"].flatMap((kind) => [
    { name: "join_room", about: kind, envelope: (id) => ({ type: "join_room", room: `${kind}:${id}` }), member: "joined_room", outside: "close" },
    { name: "leave_room", about: kind, envelope: (id) => ({ type: "leave_room", room: `${kind}:${id}` }), member: "left_room", outside: "left_room" },
  ]),
  {
    name: "send_message",
    about: "channel",
    envelope: (id) => ({ type: "send_message", room: `channel:${id}`, data: { content: "Mine" } }),
    member: "message",
    outside: "close",
  },
  { name: "join_room", about: "person", envelope: (id) => ({ type: "join_room", room: `user:${id}` }), member: "close", outside: "close" },
  { name: "ping", about: "nothing", envelope: () => ({ type: "ping" }), member: "pong", outside: "pong" },
];
