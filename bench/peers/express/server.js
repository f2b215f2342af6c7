// The studio contract's rooms and messages the usual way: express, socket.io, and PostgreSQL behind a pool. A message is checked and stored
// in one statement, which commits before the message is delivered. bench/README.md describes the measurement.
const { readFileSync } = require("node:fs");
const { createServer } = require("node:http");
const { join } = require("node:path");
const express = require("express");
const jwt = require("jsonwebtoken");
const pg = require("pg");
const { Server } = require("socket.io");

// Ids are numbers on the wire; they stay below 2^53.
pg.types.setTypeParser(pg.types.builtins.INT8, Number);
const pool = new pg.Pool();

const app = express();
const http = createServer(app);
const io = new Server(http, { pingInterval: 25_000, pingTimeout: 60_000, perMessageDeflate: false });

// Statements with a name are prepared once a connection.
const IS_MEMBER = { name: "is-member", text: "SELECT 1 FROM chat_members WHERE room_id = $1 AND user_id = $2" };
const SEND = {
  name: "send",
  text: `INSERT INTO chat_messages (room_id, sender_id, content, type)
    SELECT room_id, user_id, $3, $4 FROM chat_members WHERE room_id = $1 AND user_id = $2
    RETURNING id, created_at`,
};
const CREATE_ROOM = {
  name: "create-room",
  text: `WITH room AS (INSERT INTO chat_rooms (name, created_by) VALUES ($1, $2) RETURNING id, name),
    members AS (INSERT INTO chat_members (room_id, user_id) SELECT DISTINCT room.id, member FROM room, unnest($3::text[]) AS member)
    SELECT id, name FROM room`,
};

function whoseIs(token) {
  const claims = jwt.verify(token ?? "", process.env.JWT_SECRET, { algorithms: ["HS256"] });
  return { id: claims.sub, name: claims.name };
}

app.use(express.json());
app.use((request, response, next) => {
  try {
    request.person = whoseIs(request.get("Authorization")?.replace(/^Bearer /, ""));
    next();
  } catch {
    response.status(401).json({ error: "Authentication error" });
  }
});

app.post("/shared/chat/rooms", async (request, response) => {
  const { name, memberIds } = request.body ?? {};
  if (typeof name !== "string" || !Array.isArray(memberIds)) {
    return response.status(422).json({ error: "name and memberIds are required" });
  }
  const members = [request.person.id, ...memberIds];
  const { rows } = await pool.query({ ...CREATE_ROOM, values: [name, request.person.id, members] });
  response.status(201).json(rows[0]);
});

const chat = io.of("/chat");

chat.use((socket, next) => {
  try {
    socket.data.person = whoseIs(socket.handshake.auth.token);
    next();
  } catch {
    next(new Error("Authentication error"));
  }
});

chat.on("connection", (socket) => {
  const { person } = socket.data;
  socket.join(`user:${person.id}`);

  socket.on("join_room", answered(async ({ roomId }) => {
    const { rowCount } = await pool.query({ ...IS_MEMBER, values: [roomId, person.id] });
    if (rowCount === 0) throw new Refusal("Not a member of this room");
    socket.join(`room:${roomId}`);
    return { roomId };
  }));

  socket.on("message:send", answered(async ({ roomId, content, type = "TEXT" }) => {
    if (typeof content !== "string" || content === "" || content.length > 10_000) throw new Refusal("content must be text");
    const { rows } = await pool.query({ ...SEND, values: [roomId, person.id, content, type] });
    if (rows.length === 0) throw new Refusal("Not a member of this room");
    const [{ id, created_at: createdAt }] = rows;
    const message = { id, roomId, senderId: person.id, content, type, fileUrl: null, createdAt, sender: person };
    chat.to(`room:${roomId}`).emit("message:new", message);
    return { message };
  }));
});

class Refusal extends Error {}

/** Makes an event's handler of `work`: what it gives back goes into the acknowledgement, and so does why it refuses. */
function answered(work) {
  return async (payload, ack) => {
    try {
      const result = await work(payload ?? {});
      ack?.({ ok: true, ...result });
    } catch (error) {
      if (!(error instanceof Refusal)) console.error(error);
      ack?.({ ok: false, error: error instanceof Refusal ? error.message : "Internal server error" });
    }
  };
}

async function start() {
  await pool.query(readFileSync(join(__dirname, "schema.sql"), "utf8"));
  http.listen(Number(process.env.PORT), "127.0.0.1", () => console.log("ready"));
}

start();
