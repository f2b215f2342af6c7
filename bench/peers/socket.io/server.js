// The protocol of the bench on socket.io. docs/design/performance.md describes the protocol. With REDIS_URL it is a node of several.
const { createServer } = require("node:http");
const jwt = require("jsonwebtoken");
const { Server } = require("socket.io");

const http = createServer();
const io = new Server(http, { pingInterval: 25_000, pingTimeout: 60_000, perMessageDeflate: false });

io.use((socket, next) => {
  try {
    jwt.verify(socket.handshake.auth.token, process.env.JWT_SECRET, { algorithms: ["HS256"] });
    next();
  } catch {
    next(new Error("Authentication error"));
  }
});

io.on("connection", (socket) => {
  socket.join(socket.handshake.auth.rooms);
  socket.on("publish", (room, payload) => io.to(room).emit("message", payload));
  socket.on("echo", (payload, ack) => ack(payload));
});

async function start() {
  if (process.env.REDIS_URL) {
    const { createAdapter } = require("@socket.io/redis-adapter");
    const { createClient } = require("redis");
    const publisher = createClient({ url: process.env.REDIS_URL });
    const subscriber = publisher.duplicate();
    await Promise.all([publisher.connect(), subscriber.connect()]);
    io.adapter(createAdapter(publisher, subscriber));
  }
  http.listen(Number(process.env.PORT), "127.0.0.1", () => console.log("ready"));
}

start();
