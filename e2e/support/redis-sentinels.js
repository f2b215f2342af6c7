// Starts a Redis primary with replicas, and the sentinels that choose another primary when it fails.

import { spawn } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { freePort } from "./process.js";
import { redisCommand, startRedis } from "./redis-server.js";
import { waitUntil } from "./wait-until.js";

const SERVICE = "roomcast";
const SERVERS = 3;
const SENTINELS = 3;

// Starts all processes, and ends them after the test. `port` is that of the first primary.
export async function startSentinels(t) {
  const folder = await mkdtemp(path.join(tmpdir(), "roomcast-sentinels-"));
  t.after(() => rm(folder, { recursive: true, force: true }));
  const servers = [];
  for (let number = 0; number < SERVERS; number++) {
    // A replica writes the data of the primary to a file before it loads them.
    const options = ["--dir", folder, "--dbfilename", `${number}.rdb`, "--repl-diskless-sync-delay", "0"];
    if (number > 0) options.push("--replicaof", "127.0.0.1", String(servers[0].port));
    servers.push(await startRedis(t, { options }));
  }
  const redis = new RedisSentinels(servers);
  for (let number = 0; number < SENTINELS; number++) redis.sentinels.push(await startSentinel(t, folder, servers[0].port));
  await redis.ready();
  return redis;
}

class RedisSentinels {
  sentinels = [];

  constructor(servers) {
    this.servers = servers;
    this.port = servers[0].port;
  }

  // The URL for a node. The first sentinel is asked first.
  get nodeUrl() {
    return `redis+sentinel://${this.sentinels.map(({ port }) => `127.0.0.1:${port}`).join(",")}/${SERVICE}`;
  }

  // Resolves when every sentinel knows all servers and the other sentinels.
  async ready() {
    for (const sentinel of this.sentinels) {
      await waitUntil(async () => {
        const [master, replicas] = [pairs(await sentinel.command(["SENTINEL", "MASTER", SERVICE])), await sentinel.command(["SENTINEL", "REPLICAS", SERVICE])];
        const usable = replicas.map(pairs).filter((replica) => replica.flags === "slave" && replica["master-link-status"] === "ok");
        const isComplete = usable.length === SERVERS - 1 && Number(master["num-other-sentinels"]) === SENTINELS - 1;
        return isComplete ? null : `a sentinel knows ${usable.length} replicas and ${master["num-other-sentinels"]} sentinels`;
      });
    }
  }

  // The server that the last sentinel names as the primary.
  async primary() {
    const [, port] = await this.sentinels.at(-1).command(["SENTINEL", "GET-MASTER-ADDR-BY-NAME", SERVICE]);
    return this.servers.find((server) => server.port === Number(port));
  }

  // Has the sentinels exchange the primary, which continues as a replica.
  async switchOver() {
    await this.sentinels.at(-1).command(["SENTINEL", "FAILOVER", SERVICE]);
  }
}

async function startSentinel(t, folder, primaryPort) {
  const port = await freePort();
  const file = path.join(folder, `${port}.conf`);
  const settings = [
    "bind 127.0.0.1",
    `port ${port}`,
    `dir ${folder}`,
    `sentinel monitor ${SERVICE} 127.0.0.1 ${primaryPort} ${Math.ceil(SENTINELS / 2)}`,
    `sentinel down-after-milliseconds ${SERVICE} 1000`,
    `sentinel failover-timeout ${SERVICE} 2000`,
  ];
  await writeFile(file, `${settings.join("\n")}\n`);
  const child = spawn("redis-server", [file, "--sentinel"], { stdio: "ignore" });
  t.after(() => child.kill("SIGKILL"));
  const sentinel = { port, child, command: (parts) => redisCommand(`redis://127.0.0.1:${port}`, parts) };
  await waitUntil(async () => sentinel.command(["PING"]).then(() => null, (error) => `the sentinel does not answer: ${error.message}`));
  return sentinel;
}

// The fields of an answer with names and values in turn.
function pairs(list) {
  return Array.isArray(list) ? Object.fromEntries(list.flatMap((name, index) => (index % 2 === 0 ? [[name, list[index + 1]]] : []))) : list;
}
