// Every transcript, played with the stock clients against the whole server; those with Socket.IO in both namespaces over both transports.

import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { startRoomcast } from "../support/roomcast.js";
import { play } from "./player/play.js";

const folder = path.dirname(fileURLToPath(import.meta.url));

// Each contract, and the namespace in which it is spoken alone.
const CONTRACTS = { household: "/household", messenger: "/messenger", studio: "/chat", trip: "/trips", workspace: null };

for (const [contract, alone] of Object.entries(CONTRACTS)) {
  const ways = ["websocket", "polling"].flatMap((transport) =>
    [["/", alone], [alone, "/"]].map(([namespace, other]) => ({ transport, namespace, other, greets: contract === "trip" })),
  );
  describe(contract, () => {
    for (const file of readdirSync(path.join(folder, contract)).filter((name) => name.endsWith(".json"))) {
      const transcript = JSON.parse(readFileSync(path.join(folder, contract, file), "utf8"));
      const connects = JSON.stringify(transcript.steps).includes('"connect":"socketio"');
      for (const way of connects ? ways : [{}]) {
        const title = connects ? `${transcript.title} (${way.transport}, ${way.namespace})` : transcript.title;
        test(title, async () => {
          const server = await startRoomcast(transcript.settings);
          try {
            await play(transcript, server, way);
          } finally {
            await server.stop();
          }
        });
      }
    }
  });
}
