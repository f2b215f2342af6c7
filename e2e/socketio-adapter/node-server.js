// A socket.io server with the Redis adapter of Node, an emitter, and stock clients. A test controls it over stdin and stdout:
// it sends a line of JSON with an id and the text of a function, and gets a line with the id and the function's result or error.
//
// Usage: node node-server.js <Redis URL> <channel prefix> <request timeout in ms>

import { createInterface } from "node:readline";
import { createAdapter } from "@socket.io/redis-adapter";
import { Emitter } from "@socket.io/redis-emitter";
import { createClient } from "redis";
import { Server } from "socket.io";
import { io as connectSocket } from "socket.io-client";

const [url, key, requestsTimeout] = process.argv.slice(2);

const publisher = createClient({ url });
const subscriber = publisher.duplicate();
for (const client of [publisher, subscriber]) {
  // A client of Redis without a listener for errors ends the process when Redis restarts.
  client.on("error", () => {});
}
await Promise.all([publisher.connect(), subscriber.connect()]);

const io = new Server({ adapter: createAdapter(publisher, subscriber, { key, requestsTimeout: Number(requestsTimeout) }) });
const emitter = new Emitter(publisher, { key });
io.listen(0);
const { port } = io.httpServer.address();

const clients = {};

/** Connects a stock client to a namespace. It records each event, and acknowledges with `answer` unless that is undefined. */
async function connect(name, { namespace = "/", rooms = [], data = {}, answer } = {}) {
  const accepted = new Promise((resolve) => io.of(namespace).once("connection", resolve));
  const socket = connectSocket(`http://localhost:${port}${namespace}`, { forceNew: true, transports: ["websocket"] });
  const client = { socket, events: [], disconnected: false };
  clients[name] = client;
  socket.onAny((...event) => {
    const acknowledge = typeof event.at(-1) === "function" ? event.pop() : undefined;
    client.events.push(event);
    if (answer !== undefined) {
      acknowledge?.(answer);
    }
  });
  socket.on("disconnect", (reason) => {
    client.disconnected = reason;
  });
  client.server = await accepted;
  client.server.data = data;
  client.server.join(rooms);
  return client.server.id;
}

/** Waits until a condition holds. */
async function until(condition) {
  while (!(await condition())) {
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

/** The events of a client up to the first one with this name, which is left out. */
async function eventsUntil(name, last) {
  const { events } = clients[name];
  await until(() => events.some(([event]) => event === last));
  return events.splice(0, events.findIndex(([event]) => event === last) + 1).slice(0, -1);
}

const scope = { io, emitter, clients, connect, until, eventsUntil, publisher, subscriber };
const AsyncFunction = (async () => {}).constructor;

async function run({ id, code }) {
  try {
    const result = await new AsyncFunction(...Object.keys(scope), code)(...Object.values(scope));
    return { id, result: result ?? null };
  } catch (error) {
    return { id, error: error.message, responses: error.responses };
  }
}

console.log(JSON.stringify({ ready: port }));
for await (const line of createInterface({ input: process.stdin })) {
  // The next line must not wait for this one.
  run(JSON.parse(line)).then((result) => console.log(JSON.stringify(result)));
}
process.exit(0);
