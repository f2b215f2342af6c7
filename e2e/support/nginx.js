// Starts nginx as a load balancer with pure round robin: `deploy/nginx.conf` with other addresses.

import { execFile } from "node:child_process";
import { chmod, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { freePort, startProcess } from "./process.js";

// Debian has nginx in a folder that is not in the PATH of every user.
const ENVIRONMENT = { PATH: `${process.env.PATH}:/usr/sbin` };

const CONFIGURATION = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "../../deploy/nginx.conf");

// The file of the repository with these addresses. `nodes` are addresses such as `127.0.0.1:3000`.
export async function nginxConfiguration(listen, nodes) {
  const text = await readFile(CONFIGURATION, "utf8");
  const servers = nodes.map((node) => `        server ${node} max_fails=0;\n`).join("");
  return text.replace(/( *server node\d+:3000 max_fails=0;\n)+/, servers).replace("listen 8080 ", `listen ${listen} `);
}

// Starts nginx in front of servers on these ports of this machine, and ends it after the test.
export async function startNginx(t, ports) {
  const { folder, arguments: options, port } = await prepare(ports);
  t.after(() => rm(folder, { recursive: true, force: true }));
  const nginx = await startProcess("nginx", [...options, "-g", `daemon off; pid ${folder}/nginx.pid;`], ENVIRONMENT, folder, port);
  // After SIGKILL the workers of nginx would go on.
  process.removeListener("exit", nginx.reap);
  nginx.reap = () => nginx.child.kill("SIGTERM");
  process.once("exit", nginx.reap);
  t.after(async () => {
    nginx.reap();
    await nginx.exited;
    process.removeListener("exit", nginx.reap);
  });
  return nginx;
}

// Checks the configuration with nginx itself. Rejects with what nginx prints about an error.
export async function checkNginx(ports) {
  const { folder, arguments: options } = await prepare(ports);
  try {
    await promisify(execFile)("nginx", ["-t", ...options, "-g", `pid ${folder}/nginx.pid;`], { env: ENVIRONMENT });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function prepare(ports) {
  const folder = await mkdtemp(path.join(tmpdir(), "roomcast-nginx-"));
  // If root starts nginx, its workers run as another user.
  await chmod(folder, 0o755);
  const port = await freePort();
  const file = path.join(folder, "nginx.conf");
  await writeFile(file, await nginxConfiguration(`127.0.0.1:${port}`, ports.map((node) => `127.0.0.1:${node}`)));
  return { folder, port, arguments: ["-p", folder, "-c", file] };
}
