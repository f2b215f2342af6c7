// `cargo xtask cluster`, used as a newcomer does: two clients on the load balancer, parts that end and start again, and Ctrl-C.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { connect } from "node:net";
import path from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { get } from "../support/http.js";
import { binary, freePort } from "../support/process.js";
import { client, connected } from "../support/socketio-clients.js";
import { waitFor } from "../support/wait-for.js";
import { waitUntil } from "../support/wait-until.js";

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "../..");

// The running command. Its input takes lines, and `printed` waits for a text in its output.
class ClusterCommand {
  output = "";

  constructor(t, ...options) {
    this.child = spawn(binary("xtask", "XTASK"), ["cluster", "--binary", binary("roomcast", "ROOMCAST"), ...options], { cwd: root, stdio: ["pipe", "pipe", "pipe"] });
    for (const stream of [this.child.stdout, this.child.stderr]) stream.setEncoding("utf8").on("data", (text) => (this.output += text));
    this.exited = new Promise((resolve) => this.child.once("exit", (code, signal) => resolve({ code, signal })));
    t.after(() => {
      this.child.kill("SIGTERM");
      return waitFor(this.exited, () => `the cluster has not ended:\n${this.output}`);
    });
  }

  printed(pattern) {
    return waitUntil(async () => {
      assert.ok(this.child.exitCode === null, `the command has ended:\n${this.output}`);
      return pattern.test(this.output) ? null : `${pattern} is not in:\n${this.output}`;
    });
  }

  // Types a line, and waits until its result is printed.
  async type(line, result) {
    this.output = "";
    this.child.stdin.write(`${line}\n`);
    await this.printed(result);
  }
}

const accepts = (port) =>
  new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1", () => (socket.destroy(), resolve(true)));
    socket.once("error", () => resolve(false));
  });

test("cargo xtask cluster: every message is there once after parts have ended and started again", async (t) => {
  const port = await freePort();
  const command = new ClusterCommand(t, "--port", String(port));
  await command.printed(/quit +end everything/);
  const banner = command.output;
  const url = `http://localhost:${port}`;
  assert.ok(banner.includes(`Roomcast runs on 2 nodes behind a load balancer: ${url}`), banner);
  const ports = [...banner.matchAll(/:(\d{4,5})\b/g)].map(([, number]) => Number(number)).filter((number) => number !== 8000);
  const [, token] = banner.match(/^ {2}anna {2}(\S+)$/m);
  const headers = { authorization: `Bearer ${token}`, "content-type": "application/json" };
  // The load balancer answers with a page of its own when a node ends during a request. Such a request is repeated with the same key.
  const post = async (path, body, key) => {
    const response = await fetch(url + path, { method: "POST", headers: { ...headers, "idempotency-key": key }, body: JSON.stringify(body) });
    return response.headers.get("content-type")?.includes("json") ? response.json() : {};
  };
  const { id } = await post("/households", { name: "Our home" }, "household");

  const lists = [];
  for (const transports of [["websocket"], ["polling", "websocket"], ["polling"], ["websocket"]]) {
    const socket = client(t, `${url}/household`, { transports, auth: { token }, reconnection: true, reconnectionDelay: 50, reconnectionDelayMax: 200 });
    const titles = [];
    socket.on("task:created", ({ task }) => titles.push(task.title));
    await connected(socket);
    lists.push(titles);
  }
  const expected = [];
  const add = async (title) => {
    await waitUntil(async () => ((await post(`/households/${id}/tasks`, { title }, title)).id === undefined ? `${title} is not accepted` : null));
    expected.push(title);
  };
  await add("before");
  for (const [line, result] of [
    ["kill 1", /node1 is stopped/],
    ["start 1", /node1 runs/],
    ["stop redis", /redis is stopped/],
    ["start redis", /redis runs/],
    ["stop postgres", /postgres is stopped/],
    ["start postgres", /postgres runs/],
    ["freeze 2", /node2 is frozen/],
    ["continue 2", /node2 runs/],
    ["restart 2", /node2 runs/],
    ["kill 9", /9 is no part: 1 to 2, redis, or postgres/],
  ]) {
    await command.type(line, result);
    if (!/stop postgres|freeze/.test(line)) await add(`after ${line}`);
  }
  await waitUntil(async () => (lists.every((titles) => titles.includes(expected.at(-1))) ? null : `received: ${JSON.stringify(lists)}`));
  for (const titles of lists) assert.deepEqual(titles, expected);
  assert.equal((await get(`${url}/health/ready`)).status, 200);

  command.child.kill("SIGINT");
  const { code } = await waitFor(command.exited, () => `the cluster has not ended:\n${command.output}`);
  assert.equal(code, 0, command.output);
  for (const number of ports) assert.equal(await accepts(number), false, `a process still listens on port ${number}`);
});
