// `examples/python-raw-websocket` prints each message of a channel once, also if connections break and programs stop in between.

import assert from "node:assert/strict";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { test } from "node:test";
import { rest } from "../support/http.js";
import { sharedServer } from "../support/server.js";
import { waitForValue } from "./pages.js";
import { start, startCommand } from "./program.js";

const server = sharedServer();
// A server that keeps events for three seconds only.
const shortRetention = sharedServer({ RECOVERY_WINDOW: "1s", PING_INTERVAL: "1s", PING_TIMEOUT: "1s", WS_HEARTBEAT_INTERVAL: "1s" });

async function request(server, user, method, route, body) {
  const { status, json, text } = await rest(method, `${server.url}${route}`, { token: server.token({ sub: user, name: user }), body });
  assert.ok(status < 300, `${route}: ${status} ${text}`);
  return json;
}

const sendMessage = (server, user, channel, content) => request(server, user, "POST", `/api/v1/channels/${channel}/messages`, { content });

// The program of a user, with its state in a folder of the test.
async function startReader(t, server, folder, user, options = "") {
  const command = `${await startCommand("python-raw-websocket")} --state ${folder}/${user}.json ${options}`;
  const env = { ROOMCAST: server.url, TOKEN: server.token({ sub: user, name: user }) };
  return start(t, "python-raw-websocket", { command, env });
}

const positionOf = async (folder, user) => JSON.parse(await readFile(`${folder}/${user}.json`, "utf8")).position;

const messages = (program) => program.output.split("\n").filter((line) => /^(anna|ben): /.test(line));

test("two users read a channel, and miss no message of it", async (t) => {
  const folder = await mkdtemp(path.join(tmpdir(), "python-raw-websocket-"));
  t.after(() => rm(folder, { recursive: true, force: true }));

  const anna = await startReader(t, server, folder, "anna");
  const [, channel] = await anna.prints(/listening to channel (\d+)/);
  await anna.prints(/joined, with anna/);
  const [project] = await request(server, "anna", "GET", "/api/v1/projects");
  await request(server, "anna", "POST", `/api/v1/projects/${project.id}/members`, { userId: "ben" });
  const ben = await startReader(t, server, folder, "ben", `--channel ${channel}`);
  await ben.prints(/joined, with anna, ben|joined, with ben, anna/);
  await anna.prints(/^ben joined$/m);
  await sendMessage(server, "ben", channel, "Hello");
  for (const program of [anna, ben]) await waitForValue(() => messages(program), ["ben: Hello"]);

  // Anna's program is suspended while the server is killed and ben writes, so that it certainly misses the message.
  anna.signal("SIGSTOP");
  await server.killAndRestart();
  await sendMessage(server, "ben", channel, "The server is back");
  anna.signal("SIGCONT");
  await anna.prints(/connection lost/);
  for (const program of [anna, ben]) await waitForValue(() => messages(program), ["ben: Hello", "ben: The server is back"]);

  // Anna's program is stopped and started again, and continues in the channel of its state file.
  await anna.kill();
  await sendMessage(server, "ben", channel, "Are you there?");
  const again = await startReader(t, server, folder, "anna");
  await waitForValue(() => messages(again), ["ben: Are you there?"]);
  await sendMessage(server, "anna", channel, "Yes");
  for (const program of [again, ben]) await waitForValue(() => messages(program).slice(-2), ["ben: Are you there?", "anna: Yes"]);
});

test("a program that was stopped for too long loads the messages over REST", async (t) => {
  const folder = await mkdtemp(path.join(tmpdir(), "python-raw-websocket-"));
  t.after(() => rm(folder, { recursive: true, force: true }));
  const first = await startReader(t, shortRetention, folder, "anna");
  const [, channel] = await first.prints(/listening to channel (\d+)/);
  await first.prints(/joined, with anna/);
  await first.kill();
  await sendMessage(shortRetention, "anna", channel, "One");
  // The server deletes events that are older than the recovery window when another event waitFor.
  await waitForValue(async () => {
    await sendMessage(shortRetention, "anna", channel, "Another");
    return (await request(shortRetention, "anna", "GET", `/api/v1/sync?since=${await positionOf(folder, "anna")}`)).resync;
  }, true);
  const second = await startReader(t, shortRetention, folder, "anna");
  await second.prints(/too much was missed; the newest messages are:\n(anna: .*\n)*anna: Another\n/);
  await sendMessage(shortRetention, "anna", channel, "Live again");
  await second.prints(/anna: Live again\n/);
});

test("a program whose token or channel is wrong ends with the reason", async (t) => {
  const folder = await mkdtemp(path.join(tmpdir(), "python-raw-websocket-"));
  t.after(() => rm(folder, { recursive: true, force: true }));
  const stranger = await startReader(t, server, folder, "zoe", "--channel 77");
  await stranger.prints(/closed with 4403 Forbidden/);
  assert.equal((await stranger.exited).code, 1);
  const command = `${await startCommand("python-raw-websocket")} --state ${folder}/unauthorized.json`;
  const unauthorized = await start(t, "python-raw-websocket", { command, env: { ROOMCAST: server.url, TOKEN: "x" } });
  await unauthorized.prints(/401 .*token_invalid/);
});
