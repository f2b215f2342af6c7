// The objects of the permission tests. In each space alice is the admin, bob is a member, carol is a removed member, and dave was never a member.

import { user } from "../support/users.js";

export const OUTSIDERS = ["dave", "carol"];

let names = 0;
const newName = () => `Name ${++names}`;

// An id that no object has.
const UNKNOWN_ID = "8123456789012345";

// Creates a space of alice with the member bob and the removed member carol. `id` reads the id from the response.
async function createSpace(server, list, members, body, id = (created) => created.id) {
  const alice = user(server, "alice");
  const created = id(await alice.request("POST", list, body));
  for (const sub of ["bob", "carol"]) await alice.request("POST", `${list}/${created}/${members}`, { userId: sub });
  await alice.request("DELETE", `${list}/${created}/${members}/carol`);
  return created;
}

// Lets all members leave. It is the only way to remove a space that no request deletes.
async function leaveAll(server, list, members, id) {
  for (const sub of ["bob", "alice"]) await user(server, sub).request("DELETE", `${list}/${id}/${members}/${sub}`);
}

// Creates a space that all members have left.
const createDeserted = (make, list, members) => async (server) => {
  const id = await make(server);
  await leaveAll(server, list, members, id);
  return id;
};

async function createHousehold(server) {
  const { id, inviteCode } = await user(server, "alice").request("POST", "/households", { name: "Home" });
  for (const sub of ["bob", "carol"]) await user(server, sub).request("POST", `/households/${id}/join`, { inviteCode });
  await user(server, "alice").request("DELETE", `/households/${id}/members/carol`);
  return id;
}

const createTrip = (server) => createSpace(server, "/api/v1/trips", "members", { name: "Rome" }, (created) => created.data.id);
const createRoom = (server) => createSpace(server, "/shared/chat/rooms", "members", { name: "Team" });
const createConversation = (server) => createSpace(server, "/api/conversations", "participants", { participantIds: [] });
const createProject = (server) => createSpace(server, "/api/v1/projects", "members", { name: "Apollo" });

const sendMessage = async (server, list, by = "bob") => (await user(server, by).request("POST", list, { content: "Hi" })).id;

// Starts a call of alice. She takes part in it through this client.
async function startCall(server, roomId, clients) {
  const caller = await clients.open("alice", "/chat");
  const { callId } = await caller.request("call:initiated", [{ roomId, callType: "AUDIO" }]);
  return { callId, hangUp: () => caller.request("call:ended", [{ callId }]) };
}

// Each fixture has:
// - `create`: creates an object. `change` changes it, so that its members receive an event.
// - `createGone`: creates an object that exists no longer, and returns its id. null if nothing removes such objects.
// - `unknownId`: the id of an object that never existed.
export const FIXTURES = {
  nothing: { create: async () => ({ id: "", change: async () => {} }), createGone: null, unknownId: "" },
  household: {
    async create(server) {
      const id = await createHousehold(server);
      return { id, change: () => user(server, "alice").request("PUT", `/households/${id}`, { name: newName() }) };
    },
    createGone: createDeserted(createHousehold, "/households", "members"),
    unknownId: UNKNOWN_ID,
  },
  trip: {
    async create(server) {
      const id = await createTrip(server);
      return { id, change: () => user(server, "alice").request("PUT", `/api/v1/trips/${id}`, { name: "Roma" }) };
    },
    async createGone(server) {
      const id = await createTrip(server);
      await user(server, "alice").request("DELETE", `/api/v1/trips/${id}`);
      return id;
    },
    unknownId: UNKNOWN_ID,
  },
  room: {
    async create(server) {
      const id = await createRoom(server);
      return { id, space: id, change: () => sendMessage(server, `/shared/chat/rooms/${id}/messages`, "alice") };
    },
    createGone: createDeserted(createRoom, "/shared/chat/rooms", "members"),
    unknownId: UNKNOWN_ID,
  },
  roomMessage: {
    async create(server) {
      const space = await createRoom(server);
      const list = `/shared/chat/rooms/${space}/messages`;
      return { id: await sendMessage(server, list), space, change: () => sendMessage(server, list, "alice") };
    },
    async createGone(server) {
      const id = await sendMessage(server, `/shared/chat/rooms/${await createRoom(server)}/messages`);
      await user(server, "bob").request("DELETE", `/shared/chat/messages/${id}`);
      return id;
    },
    unknownId: UNKNOWN_ID,
  },
  call: {
    async create(server, clients) {
      const space = await createRoom(server);
      const { callId } = await startCall(server, space, clients);
      return { id: callId, space, change: () => sendMessage(server, `/shared/chat/rooms/${space}/messages`, "alice") };
    },
    async createGone(server, clients) {
      const { callId, hangUp } = await startCall(server, await createRoom(server), clients);
      await hangUp();
      return callId;
    },
    unknownId: UNKNOWN_ID,
  },
  conversation: {
    async create(server) {
      const id = await createConversation(server);
      return { id, change: () => sendMessage(server, `/api/conversations/${id}/messages`, "alice") };
    },
    createGone: createDeserted(createConversation, "/api/conversations", "participants"),
    unknownId: UNKNOWN_ID,
  },
  // A notification of bob.
  notification: {
    async create(server) {
      const notify = () => user(server, "bob").request("POST", "/api/v1/socket/test-notification", { title: "x", message: "" });
      return { id: (await notify()).data.id, change: notify };
    },
    createGone: null,
    unknownId: UNKNOWN_ID,
  },
  // The user alice, who is online.
  user: {
    async create(server, clients) {
      await clients.open("alice", "/messenger");
      const id = await createConversation(server);
      return { id: "alice", change: () => sendMessage(server, `/api/conversations/${id}/messages`, "alice") };
    },
    createGone: null,
    unknownId: "zoe",
  },
  project: {
    async create(server) {
      const id = await createProject(server);
      return { id, project: id, room: `project:${id}`, change: () => user(server, "alice").request("PUT", `/api/v1/projects/${id}`, { name: newName() }) };
    },
    createGone: createDeserted(createProject, "/api/v1/projects", "members"),
    unknownId: UNKNOWN_ID,
  },
  channel: {
    async create(server) {
      const project = await createProject(server);
      const { id } = await user(server, "alice").request("POST", `/api/v1/projects/${project}/channels`, { name: "general" });
      return { id, project, room: `channel:${id}`, change: () => sendMessage(server, `/api/v1/channels/${id}/messages`, "alice") };
    },
    async createGone(server) {
      const project = await createProject(server);
      const { id } = await user(server, "alice").request("POST", `/api/v1/projects/${project}/channels`, { name: "general" });
      await leaveAll(server, "/api/v1/projects", "members", project);
      return id;
    },
    unknownId: UNKNOWN_ID,
  },
  task: {
    async create(server) {
      const project = await createProject(server);
      const { id } = await user(server, "alice").request("POST", `/api/v1/projects/${project}/tasks`, { title: "Launch" });
      return { id, project, room: `task:${id}`, change: () => user(server, "alice").request("PUT", `/api/v1/tasks/${id}`, { title: newName() }) };
    },
    async createGone(server) {
      const { id } = await user(server, "alice").request("POST", `/api/v1/projects/${await createProject(server)}/tasks`, { title: "Launch" });
      await user(server, "alice").request("DELETE", `/api/v1/tasks/${id}`);
      return id;
    },
    unknownId: UNKNOWN_ID,
  },
};
