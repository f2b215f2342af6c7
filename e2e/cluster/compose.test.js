// `compose.yaml`, `Dockerfile`, and `deploy/nginx.conf` fit together, and have the settings that a node needs. Docker is not needed.

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { readFile } from "node:fs/promises";
import path from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { parse } from "yaml";
import { checkNginx, nginxConfiguration } from "../support/nginx.js";
import { binary } from "../support/process.js";

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "../..");
const read = (name) => readFile(path.join(root, name), "utf8");
const compose = async () => parse(await read("compose.yaml"), { merge: true });

// What the file `.env` has, as the page of the cluster describes.
const SECRETS = { JWT_SECRET: "j".repeat(64), CLUSTER_SECRET: "c".repeat(64), POSTGRES_PASSWORD: "p".repeat(48) };

// The value of a variable as Compose puts it in: `${NAME:?message}` and `${NAME:-default}`.
const interpolated = (value) => String(value).replaceAll(/\$\{(\w+):([?-])([^}]*)\}/g, (_, name, kind, rest) => SECRETS[name] ?? (kind === "-" ? rest : assert.fail(`${name} has no value`)));

test("nginx accepts the configuration, and it names the nodes of compose.yaml", async () => {
  await checkNginx([3001, 3002]);
  const { services } = await compose();
  const text = await read("deploy/nginx.conf");
  const named = [...text.matchAll(/^ *server (\w+):3000 /gm)].map(([, name]) => name);
  assert.deepEqual(named, Object.keys(services).filter((name) => services[name].environment?.NODE_ID !== undefined));
  assert.match(text, /listen 8080 /);
  assert.deepEqual(services.nginx.ports, ["8080:8080"]);
  const changed = await nginxConfiguration("127.0.0.1:1", ["127.0.0.1:2", "127.0.0.1:3"]);
  assert.deepEqual([changed.includes("node1"), changed.includes("127.0.0.1:3 max_fails=0")], [false, true]);
});

test("the settings of each node in compose.yaml are accepted by the server", async () => {
  const { services, networks } = await compose();
  for (const [name, service] of Object.entries(services).filter(([, { environment }]) => environment?.NODE_ID !== undefined)) {
    const env = Object.fromEntries(Object.entries(service.environment).map(([key, value]) => [key, interpolated(value)]));
    assert.deepEqual([env.NODE_ID, env.NODE_URL], [name, `http://${name}:3000`]);
    assert.equal(env.TRUSTED_PROXIES, services.nginx.networks.roomcast.ipv4_address, "the proxy of the node is nginx");
    const { stdout } = await promisify(execFile)(binary("roomcast", "ROOMCAST"), ["config"], { env });
    for (const secret of Object.values(SECRETS)) assert.ok(!stdout.includes(secret), "a secret is printed");
    assert.match(stdout, new RegExp(`NODE_ID=${name}`));
  }
  const subnet = networks.roomcast.ipam.config[0].subnet;
  assert.equal(subnet, "172.31.83.0/24");
  for (const { networks: own } of Object.values(services)) {
    if (own.roomcast) assert.ok(own.roomcast.ipv4_address.startsWith("172.31.83."), JSON.stringify(own));
  }
});

test("every service that another one waits for has a health check", async () => {
  const { services } = await compose();
  const dockerfile = await read("Dockerfile");
  for (const service of Object.values(services)) {
    for (const [name, { condition }] of Object.entries(service.depends_on ?? {})) {
      assert.equal(condition, "service_healthy", name);
      assert.ok(services[name].healthcheck || (services[name].build && /^HEALTHCHECK /m.test(dockerfile)), `${name} has no health check`);
    }
  }
  assert.match(dockerfile, /^USER roomcast$/m);
});
