// Prints the messages that Node's Redis adapter and emitter send, for the tests of the codec in crates/socketio_adapter:
//
//   node socketio-adapter/record-messages.js > ../crates/socketio_adapter/tests/codec/recorded.txt
//
// Each line has the kind of the channel, the channel, and the bytes in hexadecimal. Random ids differ from run to run.

import { createAdapter } from "@socket.io/redis-adapter";
import { Emitter } from "@socket.io/redis-emitter";
import { Server } from "socket.io";
import { io as connectSocket } from "socket.io-client";

/** A client of Redis that prints what is published, and counts three servers. */
const redis = {
  pSubscribe: () => {},
  subscribe: () => {},
  on: () => {},
  sSubscribe: () => {},
  listenerCount: () => 2,
  sendCommand: async () => ["", "3"],
  publish: (channel, message) => {
    const kind = channel.includes("-request#") ? "request" : channel.includes("-response#") ? "response" : "broadcast";
    console.log(kind, channel, Buffer.from(message).toString("hex"));
  },
};

const io = new Server({ adapter: createAdapter(redis, redis) });
const chat = io.of("/chat");
const emitter = new Emitter(redis);

for (const sender of [io, chat, emitter, emitter.of("chat")]) {
  sender.emit("plain", 1, "two", { three: [true, null, 4.5, -6] });
  sender.to("a").emit("one room", "ä€𝄞");
  sender.to(["a", "b"]).except("c").emit("rooms", 70000, -70000, 2 ** 40, -(2 ** 40));
  sender.volatile.compress(false).emit("flags");
  sender.emit("binary", Buffer.from([1, 2, 3]), { inner: new Uint8Array([255]).buffer });
  sender.emit("date", new Date(86400000), new Date(1), new Date(-1));
  sender.emit("long", "x".repeat(300), Array.from({ length: 20 }, (_, index) => index));
  sender.in("a").socketsJoin(["b", "c"]);
  sender.except("a").socketsLeave("b");
  sender.in(["a", "b"]).disconnectSockets(true);
  sender.disconnectSockets();
}
io.serverSideEmit("hello", 1, { two: [3] });
emitter.serverSideEmit("hello", "from the emitter");
chat.serverSideEmit("question", "?", () => {});
io.in("a").except("b").fetchSockets().catch(() => {});
chat.adapter.allRooms().catch(() => {});
io.timeout(50).to("a").emit("ack", Buffer.from([7]), () => {});

// What the adapter responds to requests of another server, with one client that acknowledges.
io.listen(0);
const client = connectSocket(`http://localhost:${io.httpServer.address().port}`);
client.on("x", (acknowledge) => acknowledge({ bytes: Buffer.from([1, 2]) }, "only the first argument is sent"));
await new Promise((resolve) => io.once("connection", resolve));
const { adapter } = io.of("/");
const request = (fields) => adapter.onrequest("socket.io-request#/#", Buffer.from(JSON.stringify({ uid: "other1", requestId: "abc123", ...fields })));
// The client sends this behind its acknowledgement.
client.on("x", () => client.emit("over"));
io.sockets.sockets.values().next().value.once("over", () => process.exit(0));
io.on("hello?", (callback) => callback({ answer: [42] }));
await request({ type: 0, rooms: [] });
await request({ type: 1 });
await request({ type: 5, opts: { rooms: [], except: [] } });
await request({ type: 6, data: ["hello?"] });
await request({ type: 7, packet: { type: 2, data: ["x"], nsp: "/" }, opts: { rooms: [], except: [] } });
