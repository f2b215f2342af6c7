// The audit detects each kind of difference: a chaos test that finds no error must have checked for it.

import assert from "node:assert/strict";
import { test } from "node:test";
import { audit } from "./audit.js";

// Two messages. The second one was acknowledged as a duplicate. The sender and a Python client have received both, over three connections each.
function consistentRun() {
  const client = (kind, sub, more) => ({ kind, sub, room: 7, received: [1, 2], foreign: [], connections: 3, recovered: 0, refetched: 2, ...more });
  const sender = client("websocket", 5, { supportsRecovery: true, recovered: 2, refetched: 0 });
  return {
    stored: new Map([[7, [{ id: 1, clientId: "5-1" }, { id: 2, clientId: "5-2" }]]]),
    clients: [sender, client("python", 6, { supportsRecovery: false })],
    acks: new Map([["5-1", { room: 7, duplicate: false, times: 1 }], ["5-2", { room: 7, duplicate: true, times: 1 }]]),
  };
}

const CASES = {
  "a consistent run": [() => {}, []],
  "a client that is never recovered": [({ clients: [sender] }) => (sender.recovered = 0), ["websocket 5 was not recovered in 2 of 2 reconnects"]],
  "a client that is not recovered once": [({ clients: [sender] }) => (sender.recovered = 1), ["websocket 5 was not recovered in 1 of 2 reconnects"]],
  "a repeated acknowledgement": [({ acks }) => (acks.get("5-1").times = 2), ["5-1 was acknowledged 2 times"]],
  "a message that its sender receives twice": [({ clients: [sender] }) => sender.received.push(2), ['websocket 5 has received 1 messages twice, the first is {"id":2,"clientId":"5-2"}']],
  "a lost message": [({ clients: [, other] }) => other.received.pop(), ["python 6 has not received 1 of 2 messages, the first is 2"]],
  "a message that another client receives twice": [({ clients: [, other] }) => other.received.push(2), ['python 6 has received 1 messages twice, the first is {"id":2,"clientId":"5-2"}']],
  "two messages in the wrong order": [({ clients: [, other] }) => other.received.reverse(), ["python 6 has received 1 messages after later ones"]],
  "a message of no room": [({ clients: [, other] }) => other.received.push(3), ["python 6 has received events of other rooms: 3"]],
  "an acknowledged message that is not stored": [({ acks }) => acks.set("5-3", { room: 7, duplicate: false, times: 1 }), ["5-3 was acknowledged and is not stored"]],
  "a stored message that was not acknowledged": [({ acks }) => acks.delete("5-1"), ["5-1 is stored and was never acknowledged"]],
};

for (const [name, [change, errors]] of Object.entries(CASES)) {
  test(`the audit ${errors.length > 0 ? "detects" : "accepts"} ${name}`, () => {
    const { stored, clients, acks } = consistentRun();
    change({ clients, acks });
    for (const client of clients) client.known = new Set(client.received);
    assert.deepEqual(audit(stored, clients, acks).errors, errors);
  });
}
