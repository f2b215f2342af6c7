// Who plays the transcripts, how they transport, and what they cannot express. Nothing else is left out.

import { PythonDevice } from "./python-client.js";
import { Client2, Client3, Client4 } from "./socketio-clients.js";

// The namespaces of a contract: `/`, where all are spoken, and the one where it is spoken `alone`.
const ALONE = "alone";

// `ways`: how a client transports, and where it plays all transcripts. `settings`: what it needs of the server. `told`: the parts of a refusal that
// it is told. `cannot`: `step`, a pattern of steps that are left out, or `transcript`, one that is not played `in` a namespace, or in none.
export const CLIENTS = {
  "socket.io-client 4.8": {
    device: Client4,
    ways: [["websocket", "/"], ["websocket", ALONE], ["polling", "/"], ["polling", ALONE], ["upgrade", "/"]],
    told: ["message", "data"],
    cannot: [],
  },
  "socket.io-client 3.1": {
    device: Client3,
    ways: [["upgrade", ALONE]],
    told: ["message", "data"],
    cannot: [],
  },
  "socket.io-client 2.5": {
    device: Client2,
    ways: [["websocket", "/"], ["upgrade", ALONE]],
    settings: { ALLOW_EIO3: "true" },
    told: ["data"],
    cannot: [
      { step: { emit: "ping" }, because: "it keeps the name for its heartbeat, and sends nothing" },
      { step: { event: "pong" }, because: "nobody has sent a ping" },
      { transcript: "household/a-connection-counts-once.json", in: ALONE, because: "it is in `/` already, unasked, and is not told so again" },
    ],
  },
  "python-socketio": {
    device: PythonDevice,
    ways: [["websocket", ALONE], ["polling", "/"]],
    told: ["message", "data"],
    cannot: [
      { transcript: "household/a-connection-counts-once.json", because: "it joins all its namespaces when it connects, and none later" },
    ],
  },
};

// The ways in which a contract's transcripts are played: {name, client, transport, namespace, other}; `alone` is the contract's own namespace.
export function waysThrough(alone) {
  return Object.entries(CLIENTS).flatMap(([name, client]) =>
    client.ways.map(([transport, where]) => {
      const [namespace, other] = where === ALONE ? [alone, "/"] : ["/", alone];
      return { name, client, transport, namespace, other };
    }),
  );
}

// Why a client cannot play a transcript in a namespace, or undefined if it can.
export function whyNot({ client, namespace }, transcript) {
  const where = namespace === "/" ? "/" : ALONE;
  return client.cannot.find((gap) => gap.transcript === transcript && (gap.in ?? where) === where)?.because;
}

// Whether the client can express a step.
export function canExpress({ cannot }, step) {
  return !cannot.some((gap) => gap.step && matches(gap.step, step));
}

const matches = (pattern, step) => Object.entries(pattern).every(([key, value]) => step[key] === value);
