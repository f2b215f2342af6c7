// Books that do not agree, and what is said of each: a ledger that finds nothing must have looked.

import assert from "node:assert/strict";
import { test } from "node:test";
import { audit } from "./audit.js";

// Two messages, the second of them confirmed as a duplicate, in the books of their sender and of somebody of Python's; each was connected three times.
function books() {
  const device = (transport, sub, more) => ({ transport, sub, room: 7, received: [1, 2], strange: [], connections: 3, recovered: 0, refetched: 2, ...more });
  const sender = device("websocket", 5, { recovers: true, recovered: 2, refetched: 0 });
  return {
    truths: new Map([[7, [{ id: 1, clientId: "5-1" }, { id: 2, clientId: "5-2" }]]]),
    devices: [sender, device("python", 6, { recovers: false })],
    book: new Map([["5-1", { room: 7, duplicate: false, times: 1 }], ["5-2", { room: 7, duplicate: true, times: 1 }]]),
  };
}

const TABLE = {
  "nothing is wrong": [() => {}, []],
  "nobody is recovered": [({ devices: [sender] }) => (sender.recovered = 0), ["websocket 5 has come back 2 of 2 times as somebody new"]],
  "one is not recovered once": [({ devices: [sender] }) => (sender.recovered = 1), ["websocket 5 has come back 1 of 2 times as somebody new"]],
  "an acknowledgement comes twice": [({ book }) => (book.get("5-1").times = 2), ["5-1 was confirmed 2 times"]],
  "a message is told twice to its own sender": [({ devices: [sender] }) => sender.received.push(2), ['websocket 5 has heard 1 twice, first {"id":2,"clientId":"5-2"}']],
  "a message is lost": [({ devices: [, other] }) => other.received.pop(), ["python 6 has not heard 1 of 2, first 2"]],
  "a message is heard twice": [({ devices: [, other] }) => other.received.push(2), ['python 6 has heard 1 twice, first {"id":2,"clientId":"5-2"}']],
  "two are heard the wrong way round": [({ devices: [, other] }) => other.received.reverse(), ["python 6 has heard 1 behind later ones"]],
  "something is heard that is in no room": [({ devices: [, other] }) => other.received.push(3), ["python 6 has heard what is not its: 3"]],
  "what was confirmed is not kept": [({ book }) => book.set("5-3", { room: 7, duplicate: false, times: 1 }), ["5-3 was confirmed, and is not kept"]],
  "what is kept was not confirmed": [({ book }) => book.delete("5-1"), ["5-1 is kept, and was never confirmed"]],
};

for (const [what, [spoil, wrong]] of Object.entries(TABLE)) {
  test(`${what}${wrong.length > 0 ? ", and is found" : ""}`, () => {
    const { truths, devices, book } = books();
    spoil({ devices, book });
    for (const one of devices) one.known = new Set(one.received);
    assert.deepEqual(audit(truths, devices, book).wrong, wrong);
  });
}
