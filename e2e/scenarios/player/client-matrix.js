// The clients that play the scenarios, their transports, and the steps that a client does not support. Every other step is played.

import { PythonClient } from "./python-client.js";
import { SocketIo2Client, SocketIo3Client, SocketIo4Client } from "./socketio-clients.js";

// The contract's own namespace. The other one is `/`, which has all contracts.
const OWN = "own namespace";

// Each client has:
// - `type`: its class.
// - `variants`: the transports and namespaces in which it plays all scenarios.
// - `settings`: the settings of the server that it needs.
// - `rejection`: the parts of a rejection that it receives.
// - `unsupported`: a pattern of a `step` that it skips, or a `scenario` that it does not play, in one namespace (`in`) or in both.
export const CLIENTS = {
  "socket.io-client 4.8": {
    type: SocketIo4Client,
    variants: [["websocket", "/"], ["websocket", OWN], ["polling", "/"], ["polling", OWN], ["upgrade", "/"]],
    rejection: ["message", "data"],
    unsupported: [],
  },
  "socket.io-client 3.1": {
    type: SocketIo3Client,
    variants: [["upgrade", OWN]],
    rejection: ["message", "data"],
    unsupported: [],
  },
  "socket.io-client 2.5": {
    type: SocketIo2Client,
    variants: [["websocket", "/"], ["upgrade", OWN]],
    settings: { ALLOW_EIO3: "true" },
    rejection: ["data"],
    unsupported: [
      { step: { emit: "ping" }, reason: "the client reserves the name for its heartbeat, and does not send the event" },
      { step: { event: "pong" }, reason: "the client has not sent a ping" },
      { scenario: "household/connection-with-two-sockets-counts-once.json", in: OWN, reason: "the server joins `/` automatically, and sends no event for it" },
    ],
  },
  "python-socketio": {
    type: PythonClient,
    variants: [["websocket", OWN], ["polling", "/"]],
    rejection: ["message", "data"],
    unsupported: [
      { scenario: "household/connection-with-two-sockets-counts-once.json", reason: "the client joins all its namespaces when it connects, and none later" },
    ],
  },
};

// The variants in which the scenarios of a contract with this own namespace are played: {name, client, transport, namespace, other}.
export function variantsFor(ownNamespace) {
  return Object.entries(CLIENTS).flatMap(([name, client]) =>
    client.variants.map(([transport, where]) => {
      const [namespace, other] = where === OWN ? [ownNamespace, "/"] : ["/", ownNamespace];
      return { name, client, transport, namespace, other };
    }),
  );
}

// Why a client cannot play a scenario in a namespace. Undefined if it can.
export function unsupportedReason({ client, namespace }, scenario) {
  const where = namespace === "/" ? "/" : OWN;
  return client.unsupported.find((gap) => gap.scenario === scenario && (gap.in ?? where) === where)?.reason;
}

// Whether the client supports a step.
export function supportsStep({ unsupported }, step) {
  return !unsupported.some((gap) => gap.step && matches(gap.step, step));
}

const matches = (pattern, step) => Object.entries(pattern).every(([key, value]) => step[key] === value);
