// Every client event of every contract, and its outcome for a member, for the space's admin, and for an outsider.
//
// `ok` means success. Any other outcome is an error code. An outsider must receive the same reply for an object that exists, for one that was removed,
// and for one that never existed.

const event = (name, fixture, args, outcome) => ({ name, fixture, args, outcome });

const EVERYONE = { member: "ok", admin: "ok", outside: "ok" };
const MEMBERS = { member: "ok", admin: "ok", outside: "not_found" };
const SENDER = { member: "ok", admin: "forbidden", outside: "not_found" };

// The contracts on Socket.IO. Each has:
// - `namespace`: the contract's own namespace.
// - `events`: its client events.
// - `fixture`: the fixture of its spaces.
// - `members`: the REST path of a space's members.
// - `joinRequest`: the event and argument that subscribe a client to a space. With `joinsAutomatically` the server subscribes each member.
export const CONTRACTS = {
  household: {
    namespace: "/household",
    events: [
      event("join:household", "household", (id) => [{ householdId: id }], MEMBERS),
      event("join:household", "household", (id) => [id], MEMBERS),
      event("leave:household", "household", (id) => [{ householdId: id }], EVERYONE),
    ],
    fixture: "household",
    members: (id) => `/households/${id}/members`,
    joinRequest: (id) => ["join:household", id],
    joinsAutomatically: true,
  },
  trip: {
    namespace: "/trips",
    events: [
      event("trip:join", "trip", (tripId) => [{ tripId }], MEMBERS),
      event("trip:leave", "trip", (tripId) => [{ tripId }], EVERYONE),
      event("trip:update", "trip", (tripId) => [{ tripId, changes: { name: "Mine", color: "red" } }], MEMBERS),
      event("ping", "nothing", () => [], EVERYONE),
    ],
    fixture: "trip",
    members: (id) => `/api/v1/trips/${id}/members`,
    joinRequest: (id) => ["trip:join", { tripId: id }],
  },
  studio: {
    namespace: "/chat",
    events: [
      event("join_room", "room", (roomId) => [{ roomId }], MEMBERS),
      event("leave_room", "room", (roomId) => [{ roomId }], EVERYONE),
      event("message:send", "room", (roomId) => [{ roomId, content: "Mine" }], MEMBERS),
      event("message:edit", "roomMessage", (messageId) => [{ messageId, content: "Mine" }], SENDER),
      event("message:edited", "roomMessage", (messageId) => [{ messageId, content: "Mine" }], SENDER),
      event("message:delete", "roomMessage", (messageId) => [{ messageId }], SENDER),
      event("user:typing", "room", (roomId) => [{ roomId }], MEMBERS),
      event("user:stop_typing", "room", (roomId) => [{ roomId }], EVERYONE),
      event("call:initiated", "room", (roomId) => [{ roomId, callType: "VIDEO" }], MEMBERS),
      event("call:answered", "call", (callId) => [{ callId }], MEMBERS),
      event("call:ended", "call", (callId) => [{ callId }], { member: "ok", admin: "ok", outside: "not_found" }),
    ],
    fixture: "room",
    members: (id) => `/shared/chat/rooms/${id}/members`,
    joinRequest: (id) => ["join_room", { roomId: id }],
  },
  messenger: {
    namespace: "/messenger",
    events: [
      event("join:conversation", "conversation", (id) => [id], MEMBERS),
      event("leave:conversation", "conversation", (id) => [id], EVERYONE),
      event("typing:start", "conversation", (conversationId) => [{ conversationId }], MEMBERS),
      event("typing:stop", "conversation", (conversationId) => [{ conversationId }], EVERYONE),
      event("conversation:get-online-users", "conversation", (id) => [id], { member: "list", admin: "list", outside: "[]" }),
      event("user:get-status", "user", (id) => [id], { member: "online", admin: "online", outside: "offline" }),
      event("users:get-status", "user", (id) => [[id]], { member: "online", admin: "online", outside: "offline" }),
      event("notification:read", "notification", (id) => [id], { member: "ok", admin: "not_found", outside: "not_found" }),
      event("notifications:read-all", "notification", () => [], EVERYONE),
    ],
    fixture: "conversation",
    members: (id) => `/api/conversations/${id}/participants`,
    joinRequest: (id) => ["join:conversation", id],
  },
};

// The events on the raw WebSocket. `close` means that the server closes the connection because the access is forbidden.
export const RAW = [
  ...["project", "channel", "task"].flatMap((kind) => [
    { name: "join_room", fixture: kind, envelope: (id) => ({ type: "join_room", room: `${kind}:${id}` }), member: "joined_room", outside: "close" },
    { name: "leave_room", fixture: kind, envelope: (id) => ({ type: "leave_room", room: `${kind}:${id}` }), member: "left_room", outside: "left_room" },
  ]),
  {
    name: "send_message",
    fixture: "channel",
    envelope: (id) => ({ type: "send_message", room: `channel:${id}`, data: { content: "Mine" } }),
    member: "message",
    outside: "close",
  },
  { name: "join_room", fixture: "user", envelope: (id) => ({ type: "join_room", room: `user:${id}` }), member: "close", outside: "close" },
  { name: "ping", fixture: "nothing", envelope: () => ({ type: "ping" }), member: "pong", outside: "pong" },
];
