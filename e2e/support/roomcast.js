// The product as a user starts it: its own database in a folder of its own, and a secret that the tests know.

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { after, before } from "node:test";
import { binary, start } from "./process.js";
import { sign } from "./token.js";

export const SECRET = "a secret that only the tests and this server know";

// Starts the server; `env` comes on top of what every test needs.
export async function startRoomcast(env = {}) {
  const folder = await mkdtemp(path.join(tmpdir(), "roomcast-"));
  const settings = {
    HOST: "127.0.0.1",
    JWT_SECRET: SECRET,
    DATABASE_URL: `sqlite://${folder}/roomcast.db`,
    RATE_LIMITS: "off",
    PRESENCE_AUDIENCE: "none",
    LOG_LEVEL: "warn",
    ...env,
  };
  const given = Object.fromEntries(Object.entries(settings).filter(([, value]) => value !== undefined));
  const server = await start(binary("roomcast", "ROOMCAST"), ["serve"], given, folder).catch(async (error) => {
    await rm(folder, { recursive: true, force: true });
    throw error;
  });
  server.folder = folder;
  server.running = server;
  server.token = (claims) => sign(claims, SECRET);
  const stop = server.stop.bind(server);
  server.stop = async () => {
    await stop();
    await rm(folder, { recursive: true, force: true });
  };
  return server;
}

// One server for the tests of a file. What is returned is filled in before the first test.
export function roomcast(env = {}) {
  const server = {};
  let running;
  before(async () => {
    running = await startRoomcast(env);
    Object.assign(server, { port: running.port, url: running.url, ws: running.ws, folder: running.folder, token: running.token, running });
  });
  after(() => running?.stop());
  return server;
}
