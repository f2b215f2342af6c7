// The configurations of `docs/operations/reverse-proxy-and-tls.md`, with their proxies: `roomcast doctor` and a stock client work through each of them.

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { chmod, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { generate } from "selfsigned";
import { io } from "socket.io-client";
import { binary, freePort, startProcess } from "../support/process.js";
import { sharedServer } from "../support/server.js";
import { waitFor, waitForEvent } from "../support/wait-for.js";

const run = promisify(execFile);
const page = fileURLToPath(new URL("../../docs/operations/reverse-proxy-and-tls.md", import.meta.url));
const server = sharedServer({ TRUSTED_PROXIES: "127.0.0.1" });

// A certificate for localhost, in a folder that the proxies' users can read.
let folder;
before(async () => {
  folder = await mkdtemp(path.join(tmpdir(), "roomcast-proxies-"));
  await chmod(folder, 0o755);
  const extensions = [
    { name: "basicConstraints", cA: false },
    { name: "subjectAltName", altNames: [{ type: 2, value: "localhost" }] },
  ];
  const { cert, private: key } = await generate([{ name: "commonName", value: "localhost" }], { keySize: 2048, algorithm: "sha256", extensions });
  for (const [name, text] of Object.entries({ "cert.pem": cert, "key.pem": key, "both.pem": `${cert}\n${key}` })) await writeFile(path.join(folder, name), text);
  await Promise.all(["key.pem", "both.pem"].map((name) => chmod(path.join(folder, name), 0o644)));
});
after(() => rm(folder, { recursive: true, force: true }));

// The block of the page in this language, with the address of the test's server. Each replaced text must be there.
async function configuration(language, replacements) {
  const text = await readFile(page, "utf8");
  const block = text.match(new RegExp(`^\`\`\`${language}\\n([^]*?)^\`\`\`$`, "m"))?.[1];
  assert.ok(block, `the page has no configuration for ${language}`);
  return Object.entries({ "127.0.0.1:3000": `127.0.0.1:${server.port}`, ...replacements }).reduce((configured, [from, to]) => {
    assert.ok(configured.includes(from), `${from} is not in the configuration for ${language}`);
    return configured.replaceAll(from, to);
  }, block);
}

// How each proxy is started with its configuration: the program, its arguments, and its file.
const PROXIES = {
  nginx: async (port) => {
    const block = await configuration("nginx", {
      "listen 443 ssl": `listen 127.0.0.1:${port} ssl`,
      "server_name app.example.com": "server_name localhost",
      "/etc/letsencrypt/live/app.example.com/fullchain.pem": `${folder}/cert.pem`,
      "/etc/letsencrypt/live/app.example.com/privkey.pem": `${folder}/key.pem`,
    });
    const folders = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map((name) => `${name}_temp_path ${folder}/nginx-${name};`).join("\n");
    await writeFile(path.join(folder, "nginx.conf"), `error_log stderr warn;\nevents {}\nhttp {\naccess_log off;\n${folders}\n${block}}\n`);
    return ["nginx", ["-p", folder, "-c", `${folder}/nginx.conf`, "-g", `daemon off; pid ${folder}/nginx.pid;`]];
  },
  caddyfile: async (port) => {
    // The test has a certificate of its own, because no authority signs one for it.
    const block = await configuration("caddyfile", { "app.example.com {": `https://localhost:${port} {\n    tls ${folder}/cert.pem ${folder}/key.pem` });
    await writeFile(path.join(folder, "Caddyfile"), `{\n    admin off\n    auto_https disable_redirects\n    skip_install_trust\n}\n${block}`);
    return ["caddy", ["run", "--adapter", "caddyfile", "--config", `${folder}/Caddyfile`]];
  },
  haproxy: async (port) => {
    const block = await configuration("haproxy", {
      "bind :443": `bind 127.0.0.1:${port}`,
      "/etc/haproxy/app.example.com.pem": `${folder}/both.pem`,
    });
    await writeFile(path.join(folder, "haproxy.cfg"), block);
    return ["haproxy", ["-db", "-f", `${folder}/haproxy.cfg`]];
  },
};

async function start(t, name) {
  const port = await freePort();
  const [program, args] = await PROXIES[name](port);
  const env = { PATH: `${process.env.PATH}:/usr/sbin`, HOME: folder, XDG_DATA_HOME: folder, XDG_CONFIG_HOME: folder };
  const proxy = await startProcess(program, args, env, folder, port);
  t.after(async () => {
    // nginx would leave its workers behind after SIGKILL.
    proxy.child.kill("SIGTERM");
    await proxy.exited;
    await proxy.stop();
  });
  return `https://localhost:${port}`;
}

for (const name of Object.keys(PROXIES)) {
  test(`doctor passes and a stock client works through ${name}`, async (t) => {
    const url = await start(t, name);
    const env = { SSL_CERT_FILE: path.join(folder, "cert.pem") };
    // A failed check is compared below, with its text.
    const checking = run(binary("roomcast", "ROOMCAST"), ["doctor", "--json", url], { env }).catch((failure) => failure);
    const { stdout } = await waitFor(checking, () => "roomcast doctor is still running");
    const outcomes = Object.fromEntries(JSON.parse(stdout).checks.map(({ name: check, outcome }) => [check, outcome]));
    const checks = ["address", "certificate", "trust", "health", "clock", "long-polling", "websocket", "upgrade", "raw websocket", "metrics"];
    assert.deepEqual(outcomes, Object.fromEntries(checks.map((check) => [check, "passed"])), stdout);

    const socket = io(url, { auth: { token: server.token({ sub: "anna" }) }, ca: await readFile(path.join(folder, "cert.pem")), forceNew: true });
    t.after(() => socket.close());
    await waitForEvent(socket, "connect");
    if (socket.io.engine.transport.name !== "websocket") await waitForEvent(socket.io.engine, "upgrade");
    assert.equal(socket.io.engine.transport.name, "websocket");
  });
}
