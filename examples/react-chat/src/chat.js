import { io } from "socket.io-client";

const server = import.meta.env.VITE_ROOMCAST ?? "http://localhost:3000";

// The connection to Roomcast, and the state that the screen shows. It calls `onChange` after each change of the state.
export class Chat {
  state = { status: "", rooms: [], room: null, members: [], messages: [], online: [], typing: [] };
  #typed = 0;

  constructor(token, onChange, onRejected) {
    this.onChange = onChange;
    const claims = Uint8Array.fromBase64(token.split(".")[1] ?? "", { alphabet: "base64url" });
    this.me = String(JSON.parse(new TextDecoder().decode(claims)).sub);
    this.headers = { Authorization: `Bearer ${token}`, "Content-Type": "application/json" };
    // The client repeats an event until the server has acknowledged it, also after a reconnect.
    this.socket = io(`${server}/chat`, { auth: { token }, retries: Infinity, ackTimeout: 5000 });
    this.socket.on("connect", () => {
      this.#set({ status: "" });
      // A recovered socket is in its room, and receives every event that it missed.
      if (!this.socket.recovered) this.run(() => this.#load());
    });
    this.socket.on("disconnect", () => this.#set({ status: "Connection lost, reconnecting …", typing: [] }));
    // The client retries after a network error. It becomes inactive when the server rejects the token.
    this.socket.on("connect_error", ({ message, data }) => !this.socket.active && onRejected(`${message}: ${data?.code}`));
    this.socket.on("room:added", (room) => this.#set({ rooms: add(this.state.rooms, room) }));
    this.socket.on("room:removed", ({ roomId }) => this.#set({ rooms: this.state.rooms.filter(({ id }) => id !== roomId) }));
    this.#inRoom("message:new", (message) => this.#set({ messages: add(this.state.messages, message) }));
    this.#inRoom("member:joined", () => this.run(() => this.#enter(this.state.room)));
    this.#inRoom("user:typing", ({ userId }) => this.#set({ typing: [...without(this.state.typing, userId), userId] }));
    this.#inRoom("user:stop_typing", ({ userId }) => this.#set({ typing: without(this.state.typing, userId) }));
    this.socket.on("user:online", ({ userId }) => this.#set({ online: [...without(this.state.online, userId), userId] }));
    this.socket.on("user:offline", ({ userId }) => this.#set({ online: without(this.state.online, userId) }));
    this.#set({ status: "Connecting …" });
  }

  async open(room) {
    const drafts = this.state.messages.filter(({ id, roomId }) => !id && roomId === room.id);
    this.#set({ room, messages: drafts, members: [], online: [], typing: [] });
    // Enter before loading: no message is missed in between, and `add` drops a message that arrives both ways.
    await this.#enter(room);
    const messages = await this.#rest("GET", `/rooms/${room.id}/messages`);
    if (room === this.state.room) this.#set({ messages: add(messages.reverse(), ...this.state.messages) });
  }

  async send(content) {
    // The screen shows the draft at once. The server stores one message for a clientId, however often it arrives.
    const draft = { clientId: crypto.randomUUID(), roomId: this.state.room.id, content, senderId: this.me };
    this.#set({ messages: add(this.state.messages, draft) });
    this.socket.volatile.emit("user:stop_typing", { roomId: draft.roomId });
    this.#typed = 0;
    const result = await this.#emit("message:send", draft).catch((error) => ({ message: { ...draft, error: error.message } }));
    if (draft.roomId === this.state.room.id) this.#set({ messages: add(this.state.messages, result.message) });
  }

  // The server counts a user as typing for 6 seconds. A volatile event is dropped while there is no connection.
  type() {
    if (Date.now() - this.#typed < 3000) return;
    this.#typed = Date.now();
    this.socket.volatile.emit("user:typing", { roomId: this.state.room.id });
  }

  createRoom = async (name) => this.open(await this.#rest("POST", "/rooms", { name }));
  invite = (userId) => this.#rest("POST", `/rooms/${this.state.room.id}/members`, { userId });

  // Runs an action, and shows its error until another action succeeds.
  run = (action) => action().then(() => this.socket.connected && this.#set({ status: "" }), (error) => this.#set({ status: error.message }));
  close = () => this.socket.close();

  async #load() {
    this.#set({ rooms: [] });
    const rooms = add(await this.#rest("GET", "/rooms"), ...this.state.rooms);
    this.#set({ rooms });
    const room = this.state.room ?? rooms[0];
    if (room) await this.open(room);
  }

  // The server answers each `join_room` with `user:online` for every member who is online, also when the client is in the room already.
  async #enter(room) {
    await this.#emit("join_room", { roomId: room.id });
    const members = await this.#rest("GET", `/rooms/${room.id}/members`);
    if (room === this.state.room) this.#set({ members });
  }

  // Listens to an event of the open room.
  #inRoom(event, apply) {
    this.socket.on(event, (payload) => payload.roomId === this.state.room?.id && apply(payload));
  }

  #set(change) {
    this.state = { ...this.state, ...change };
    this.onChange(this);
  }

  async #emit(event, payload) {
    const answer = await this.socket.emitWithAck(event, payload);
    if (!answer.ok) throw new Error(answer.error);
    return answer;
  }

  async #rest(method, path, body) {
    const response = await fetch(`${server}/shared/chat${path}`, { method, headers: this.headers, body: JSON.stringify(body) });
    const answer = await response.json();
    if (!response.ok) throw new Error(answer.error);
    return answer;
  }
}

// Adds objects to a list, or replaces them there. Sorts by time; drafts have no time and are last.
function add(list, ...objects) {
  const isSame = (a, b) => (a.clientId ? a.clientId === b.clientId : a.id === b.id);
  const others = list.filter((old) => !objects.some((object) => isSame(object, old)));
  return [...others, ...objects].sort((a, b) => (a.createdAt ?? "9999").localeCompare(b.createdAt ?? "9999"));
}

const without = (list, id) => list.filter((one) => one !== id);
