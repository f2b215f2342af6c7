// Rooms and messages of the studio contract with Express, socket.io, and PostgreSQL behind a connection pool. One statement checks the membership
// and stores the message, and commits before the message is delivered. docs/design/performance.md describes the measurement.
const { readFileSync } = require("node:fs");
const { createServer } = require("node:http");
const { join } = require("node:path");
const express = require("express");
const jwt = require("jsonwebtoken");
const pg = require("pg");
const { Server } = require("socket.io");

// Ids are sent as numbers, and stay below 2^53.
pg.types.setTypeParser(pg.types.builtins.INT8, Number);
const pool = new pg.Pool();

const app = express();
const http = createServer(app);
const io = new Server(http, { pingInterval: 25_000, pingTimeout: 60_000, perMessageDeflate: false });

// Each connection prepares a statement with a name once.
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

function verifiedUser(token) {
  const claims = jwt.verify(token ?? "", process.env.JWT_SECRET, { algorithms: ["HS256"] });
  return { id: claims.sub, name: claims.name };
}

app.use(express.json());
app.use((request, response, next) => {
  try {
    request.user = verifiedUser(request.get("Authorization")?.replace(/^Bearer /, ""));
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
  const members = [request.user.id, ...memberIds];
  const { rows } = await pool.query({ ...CREATE_ROOM, values: [name, request.user.id, members] });
  response.status(201).json(rows[0]);
});

const chat = io.of("/chat");

chat.use((socket, next) => {
  try {
    socket.data.user = verifiedUser(socket.handshake.auth.token);
    next();
  } catch {
    next(new Error("Authentication error"));
  }
});

chat.on("connection", (socket) => {
  const { user } = socket.data;
  socket.join(`user:${user.id}`);

  socket.on("join_room", acknowledged(async ({ roomId }) => {
    const { rowCount } = await pool.query({ ...IS_MEMBER, values: [roomId, user.id] });
    if (rowCount === 0) throw new Rejection("Not a member of this room");
    socket.join(`room:${roomId}`);
    return { roomId };
  }));

  socket.on("message:send", acknowledged(async ({ roomId, content, type = "TEXT" }) => {
    if (typeof content !== "string" || content === "" || content.length > 10_000) throw new Rejection("content must be text");
    const { rows } = await pool.query({ ...SEND, values: [roomId, user.id, content, type] });
    if (rows.length === 0) throw new Rejection("Not a member of this room");
    const [{ id, created_at: createdAt }] = rows;
    const message = { id, roomId, senderId: user.id, content, type, fileUrl: null, createdAt, sender: user };
    chat.to(`room:${roomId}`).emit("message:new", message);
    return { message };
  }));
});

class Rejection extends Error {}

/** An event handler that acknowledges with the result of `handle`, or with the reason of its rejection. */
function acknowledged(handle) {
  return async (payload, ack) => {
    try {
      const result = await handle(payload ?? {});
      ack?.({ ok: true, ...result });
    } catch (error) {
      if (!(error instanceof Rejection)) console.error(error);
      ack?.({ ok: false, error: error instanceof Rejection ? error.message : "Internal server error" });
    }
  };
}

async function start() {
  await pool.query(readFileSync(join(__dirname, "schema.sql"), "utf8"));
  http.listen(Number(process.env.PORT), "127.0.0.1", () => console.log("ready"));
}

start();
