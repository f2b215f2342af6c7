// What is asked about: each as it is there, as it is gone, and as it never was; and a change of it that its people hear. In every space alice is the admin, bob a member, and carol was one and was removed; dave never was.

import { user } from "../support/users.js";

export const OUTSIDE = ["dave", "carol"];

let names = 0;
const newName = () => `Name ${++names}`;

const NEVER = "8123456789012345";

// A space of alice, with bob; carol is brought in and removed. `id` reads the answer's id.
async function space(server, list, members, body, id = (made) => made.id) {
  const alice = user(server, "alice");
  const made = id(await alice.request("POST", list, body));
  for (const sub of ["bob", "carol"]) await alice.request("POST", `${list}/${made}/${members}`, { userId: sub });
  await alice.request("DELETE", `${list}/${made}/${members}/carol`);
  return made;
}

// Nothing deletes it, so everybody leaves.
async function left(server, list, members, id) {
  for (const sub of ["bob", "alice"]) await user(server, sub).request("DELETE", `${list}/${id}/${members}/${sub}`);
}

// One that is gone because everybody has left it.
const deserted = (make, list, members) => async (server) => {
  const id = await make(server);
  await left(server, list, members, id);
  return id;
};

async function household(server) {
  const { id, inviteCode } = await user(server, "alice").request("POST", "/households", { name: "Home" });
  for (const sub of ["bob", "carol"]) await user(server, sub).request("POST", `/households/${id}/join`, { inviteCode });
  await user(server, "alice").request("DELETE", `/households/${id}/members/carol`);
  return id;
}

const trip = (server) => space(server, "/api/v1/trips", "members", { name: "Rome" }, (made) => made.data.id);
const room = (server) => space(server, "/shared/chat/rooms", "members", { name: "Team" });
const conversation = (server) => space(server, "/api/conversations", "participants", { participantIds: [] });
const project = (server) => space(server, "/api/v1/projects", "members", { name: "Apollo" });

const said = async (server, list, by = "bob") => (await user(server, by).request("POST", list, { content: "Hi" })).id;

// A call of alice's, who sits in it with this socket.
async function call(server, roomId, sockets) {
  const caller = await sockets.open("alice", "/chat");
  const { callId } = await caller.request("call:initiated", [{ roomId, callType: "AUDIO" }]);
  return { callId, hangUp: () => caller.request("call:ended", [{ callId }]) };
}

// Each: `there`, the thing with its `change`; `gone`, one that is not there any more, or null where nothing ends it; `never`.
export const THINGS = {
  nothing: { there: async () => ({ id: "", change: async () => {} }), gone: null, never: "" },
  household: {
    async there(server) {
      const id = await household(server);
      return { id, change: () => user(server, "alice").request("PUT", `/households/${id}`, { name: newName() }) };
    },
    gone: deserted(household, "/households", "members"),
    never: NEVER,
  },
  trip: {
    async there(server) {
      const id = await trip(server);
      return { id, change: () => user(server, "alice").request("PUT", `/api/v1/trips/${id}`, { name: "Roma" }) };
    },
    async gone(server) {
      const id = await trip(server);
      await user(server, "alice").request("DELETE", `/api/v1/trips/${id}`);
      return id;
    },
    never: NEVER,
  },
  room: {
    async there(server) {
      const id = await room(server);
      return { id, space: id, change: () => said(server, `/shared/chat/rooms/${id}/messages`, "alice") };
    },
    gone: deserted(room, "/shared/chat/rooms", "members"),
    never: NEVER,
  },
  roomMessage: {
    async there(server) {
      const space = await room(server);
      const list = `/shared/chat/rooms/${space}/messages`;
      return { id: await said(server, list), space, change: () => said(server, list, "alice") };
    },
    async gone(server) {
      const id = await said(server, `/shared/chat/rooms/${await room(server)}/messages`);
      await user(server, "bob").request("DELETE", `/shared/chat/messages/${id}`);
      return id;
    },
    never: NEVER,
  },
  call: {
    async there(server, sockets) {
      const space = await room(server);
      const { callId } = await call(server, space, sockets);
      return { id: callId, space, change: () => said(server, `/shared/chat/rooms/${space}/messages`, "alice") };
    },
    async gone(server, sockets) {
      const { callId, hangUp } = await call(server, await room(server), sockets);
      await hangUp();
      return callId;
    },
    never: NEVER,
  },
  conversation: {
    async there(server) {
      const id = await conversation(server);
      return { id, change: () => said(server, `/api/conversations/${id}/messages`, "alice") };
    },
    gone: deserted(conversation, "/api/conversations", "participants"),
    never: NEVER,
  },
  // Bob's.
  notification: {
    async there(server) {
      const notify = () => user(server, "bob").request("POST", "/api/v1/socket/test-notification", { title: "x", message: "" });
      return { id: (await notify()).data.id, change: notify };
    },
    gone: null,
    never: NEVER,
  },
  // Alice, who is online.
  person: {
    async there(server, sockets) {
      await sockets.open("alice", "/messenger");
      const id = await conversation(server);
      return { id: "alice", change: () => said(server, `/api/conversations/${id}/messages`, "alice") };
    },
    gone: null,
    never: "zoe",
  },
  project: {
    async there(server) {
      const id = await project(server);
      return { id, around: id, room: `project:${id}`, change: () => user(server, "alice").request("PUT", `/api/v1/projects/${id}`, { name: newName() }) };
    },
    gone: deserted(project, "/api/v1/projects", "members"),
    never: NEVER,
  },
  channel: {
    async there(server) {
      const around = await project(server);
      const { id } = await user(server, "alice").request("POST", `/api/v1/projects/${around}/channels`, { name: "general" });
      return { id, around, room: `channel:${id}`, change: () => said(server, `/api/v1/channels/${id}/messages`, "alice") };
    },
    async gone(server) {
      const around = await project(server);
      const { id } = await user(server, "alice").request("POST", `/api/v1/projects/${around}/channels`, { name: "general" });
      await left(server, "/api/v1/projects", "members", around);
      return id;
    },
    never: NEVER,
  },
  task: {
    async there(server) {
      const around = await project(server);
      const { id } = await user(server, "alice").request("POST", `/api/v1/projects/${around}/tasks`, { title: "Launch" });
      return { id, around, room: `task:${id}`, change: () => user(server, "alice").request("PUT", `/api/v1/tasks/${id}`, { title: newName() }) };
    },
    async gone(server) {
      const { id } = await user(server, "alice").request("POST", `/api/v1/projects/${await project(server)}/tasks`, { title: "Launch" });
      await user(server, "alice").request("DELETE", `/api/v1/tasks/${id}`);
      return id;
    },
    never: NEVER,
  },
};
