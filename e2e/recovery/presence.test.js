// Who came online and who went is stored nowhere, and yet whoever was away for a moment is not left with what was true before.

import assert from "node:assert/strict";
import { test } from "node:test";
import { becomes } from "../support/clients.js";
import { person } from "../support/people.js";
import { roomcast } from "../support/roomcast.js";
import { conversation, join, listener, lose, stayAway } from "./stock.js";

const settings = { PRESENCE_GRACE: "100ms" };
const AUDIENCES = {
  everyone: roomcast({ ...settings, PRESENCE_AUDIENCE: "everyone" }),
  contacts: roomcast({ ...settings, PRESENCE_AUDIENCE: "contacts" }),
  none: roomcast({ ...settings, PRESENCE_AUDIENCE: "none" }),
};

// What a client was told last of each other person.
function known(socket) {
  const told = socket.heard.filter(([name]) => name === "user:status-changed").map(([, { userId, status }]) => [userId, status]);
  return Object.fromEntries(told.filter(([userId]) => ["carl", "dora", "emil"].includes(userId)));
}

const EXPECTED = {
  everyone: { carl: "offline", dora: "online", emil: "online" },
  contacts: { carl: "offline", dora: "online" },
  none: {},
};

for (const [audience, server] of Object.entries(AUDIENCES)) {
  test(`a connection that is recovered hears who came and who went meanwhile, where ${audience} may know`, async (t) => {
    const { id } = await conversation(server, "ben", "carl", "dora");
    await person(server, "fred").ask("POST", "/api/conversations", { participantIds: ["emil"] });
    const open = (sub) => listener(t, server, sub, "/messenger");
    const [anna, ben, fred] = [await open("anna"), await open("ben"), await open("fred")];
    const seen = (watcher, sub, status) => (audience === "none" ? undefined : becomes(watcher, sub, status));

    const here = seen(ben, "carl", "online");
    const carl = await open("carl");
    await here;
    const comeBack = stayAway(ben);
    await lose(ben);
    const meanwhile = [seen(anna, "carl", "offline"), seen(anna, "dora", "online"), seen(fred, "emil", "online")];
    carl.disconnect();
    await Promise.all([open("dora"), open("emil")]);
    await Promise.all(meanwhile);

    ben.heard.length = 0;
    assert.equal(await comeBack(), true);
    // It is told before the answer to whatever is asked next.
    await join(ben, id);
    assert.deepEqual(known(ben), EXPECTED[audience]);
  });
}
