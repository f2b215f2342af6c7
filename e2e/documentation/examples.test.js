// The examples of README.md and of the pages below `docs/`, run as a reader pastes them: the files that a page names, and its shell blocks in their order.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdir, mkdtemp, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { startCluster } from "../support/cluster.js";
import { binary } from "../support/process.js";
import { SECRET, startServer } from "../support/server.js";
import { waitUntil } from "../support/wait-until.js";

const e2e = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "..");

// The API key in the examples.
const KEY = "a-long-random-key-of-your-own";

// Commands that install something or start a server. The test has these packages installed, and its own server.
const SKIPPED = /^(sudo|npm|pip|cargo|docker|wscat|(\w+=\S+ )*roomcast$)/;

// What the examples of each page print, in this order. The paths begin at `docs/`.
const PAGES = {
  "../README.md": [/^connected [^]*\ntask:created [^]*'Buy milk'/m, /\{"position":"\S+"\}\n/, /"title":"Shipped"/, /\{"ok":true\}/],
  "operations/cluster.md": [/"status":"ok".*\n\{"redisConnected":true,"nodes":\[\{"id":"node1".*"id":"node2".*\n/, /"status":"ok".*\n\{"redisConnected":true/],
  "operations/command-line.md": [/^passed +settings /m, /^passed +form [^]*accepted +as the user anna until [^]*"ok": true/m, /^passed +database [^]*^passed +raw websocket /m, /connected \{.*\}\npong \{.*\}\nanna +(on|off)line\nben +offline\n/, /rooms in all\nopen connections +\d+\n/, /^event \S+: emitted by a back end, to user:anna$/m, /roomcast\.1, and a page for each command/],
  "operations/configuration.md": [/^PORT=3000 +\[default\]/m],
  "operations/health-and-metrics.md": [/"status":"ok"\}\n200\n[^]*"healthy"[^]*\n200\n\d\d\n/],
  "protocol/compatibility.md": [/\{'ok': True, 'householdId': '\d+'\}/],
  "protocol/positions.md": [/start at \S+\n\S+ household:updated [^]*'Our new home'[^]*up to date at/],
  "protocol/raw-websocket.md": [/connected \{.*\}\nerror \{.*\}\nclosed 4403 Forbidden/],
  "user-guide/authentication.md": [/token_invalid\nconnected\n/, /refreshed: \{ ok: true[^]*expires in \d+ seconds\n[^]*refreshed: \{ ok: true/],
  "user-guide/backend-api.md": [/\{"position":"\S+"\}\n/, /\{"position":null\}/, /"title":"Shipped"/, /"status":"offline"/, /\{"count":0\}/, /\{"ok":true\}/],
  "user-guide/contracts/household.md": [/task:created [^]*\ntask:completed [^]*\nhousehold:updated /],
  "user-guide/contracts/messenger.md": [/online: \[ 'anna', 'ben' \][^]*Anna received typing:start[^]*message:new[^]*messages:read/],
  "user-guide/contracts/studio.md": [/user:typing[^]*message:new[^]*call:initiated[^]*call:answered[^]*call:ended/],
  "user-guide/contracts/trip.md": [/trip:added[^]*user:joined[^]*trip:updated .*"color":"red"/],
  "user-guide/contracts/workspace.md": [/^connected [^]*\njoined_room [^]*\nuser_joined [^]*\nmessage [^]*\nclosed /m],
  "user-guide/quick-start.md": [/task:created [^]*\ntask:completed /, /household:member_joined /],
  "user-guide/recovery.md": [/new session: .* (\S+)\nreceived before\nrecovered \1\nreceived while disconnected\n/, /^true$/m],
  "user-guide/rest-api.md": [/idempotency-replayed: true/, /"event":"household:updated"/],
  "user-guide/typescript.md": [/^messenger\.ts$/m],
};

// The page whose examples need several nodes. Its load balancer is at port 8080.
const CLUSTER_PAGE = "operations/cluster.md";

// The page whose commands use the server of their own settings.
const COMMANDS_PAGE = "operations/command-line.md";

// The blocks of a page, without the indentation of a list.
function blocks(page) {
  const found = page.matchAll(/^( *)```(\w+)\n([^]*?)^ *```$/gm);
  return [...found].map(([, indentation, language, text]) => ({ language, text: text.replaceAll(new RegExp(`^${indentation}`, "gm"), "") }));
}

// The examples wait for events for a time that suits a reader. The test waits longer, for machines that run other tests at the same time.
const WAIT_FACTOR = 3;
const withLongerWaits = (text) =>
  text
    .replaceAll(/^sleep (\d+)$/gm, (_, seconds) => `sleep ${WAIT_FACTOR * seconds}`)
    .replaceAll(/(setTimeout\(.*, )(\d+)\)/g, (_, start, milliseconds) => `${start}${WAIT_FACTOR * milliseconds})`);

// README.md runs the binary through cargo, because its reader has not installed it.
const withInstalledBinary = (text) => text.replaceAll("cargo run --quiet --release -- ", "roomcast ");

for (const [name, expected] of Object.entries(PAGES)) {
  test(`the examples of ${name} print the documented output`, async (t) => {
    const env = { ROOMCAST_API_KEY: KEY, RATE_LIMITS: undefined, PRESENCE_AUDIENCE: undefined };
    const server = name === CLUSTER_PAGE ? await startCluster(t, { env }) : await startServer(env);
    let child;
    t.after(async () => {
      if (child) endGroup(child.pid);
      await server.stop?.();
      await rm(folder, { recursive: true, force: true });
    });
    const folder = await mkdtemp(path.join(tmpdir(), "examples-"));
    const adapted = (text) => withLongerWaits(withInstalledBinary(text)).replaceAll(/(http|ws):\/\/(localhost|127\.0\.0\.1):(3000|8080)/g, `$1://127.0.0.1:${server.port}`);

    const script = [];
    for (const { language, text } of blocks(await readFile(path.join(e2e, "../docs", name), "utf8"))) {
      const file = text.match(/^(?:\/\/|#) (\S+\.(?:mjs|ts|py))\n/)?.[1];
      if (file) {
        await mkdir(path.dirname(path.join(folder, file)), { recursive: true });
        await writeFile(path.join(folder, file), adapted(text));
      } else if (language === "sh") {
        script.push(...adapted(text).split("\n").filter((line) => !SKIPPED.test(line)));
      }
    }
    await symlink(path.join(e2e, "node_modules"), path.join(folder, "node_modules"));
    await mkdir(path.join(folder, "bin"));
    await symlink(binary("roomcast", "ROOMCAST"), path.join(folder, "bin/roomcast"));
    const programs = [path.join(folder, "bin"), path.join(e2e, "node_modules/.bin"), path.join(e2e, "python/.venv/bin"), process.env.PATH];

    child = spawn("bash", ["-e", "-o", "pipefail", "-c", script.join("\n")], {
      cwd: folder,
      detached: true, // The script has its own process group, so that its child processes end with it.
      env: { PATH: programs.join(":"), HOME: folder, JWT_SECRET: SECRET, ...(name === COMMANDS_PAGE && { PORT: String(server.port) }) },
      stdio: ["ignore", "pipe", "pipe"],
    });
    let output = "";
    for (const stream of [child.stdout, child.stderr]) stream.setEncoding("utf8").on("data", (text) => (output += text));
    let code;
    child.once("close", (exit) => (code = exit));
    await waitUntil(() => (code === undefined ? `the examples are still running, with the output:\n${output}` : null));
    assert.equal(code, 0, output);
    let rest = output;
    for (const pattern of expected) {
      const found = rest.match(pattern);
      assert.ok(found, `${pattern} is not in:\n${rest}`);
      rest = rest.slice(found.index + found[0].length);
    }
  });
}

function endGroup(group) {
  try {
    process.kill(-group, "SIGKILL");
  } catch {
    // All processes of the group have ended.
  }
}
