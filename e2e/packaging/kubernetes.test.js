// The Kubernetes manifest fits the server: its settings are accepted, its probes answer, and its grace period is long enough for the drain.

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { readFile } from "node:fs/promises";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { parseAllDocuments } from "yaml";
import { get } from "../support/http.js";
import { binary } from "../support/process.js";
import { sharedServer } from "../support/server.js";

const server = sharedServer();
const manifest = fileURLToPath(new URL("../../packaging/kubernetes/roomcast.yaml", import.meta.url));

// How many seconds the server may take after DRAIN_SECONDS: `docs/operations/shutdown-and-upgrades.md`.
const STOP_SECONDS = 3;

async function objects() {
  const documents = parseAllDocuments(await readFile(manifest, "utf8"));
  assert.deepEqual(documents.flatMap((document) => document.errors), []);
  return Object.fromEntries(documents.map((document) => document.toJS()).map((object) => [object.kind, object]));
}

test("the settings of the manifest are accepted by the server", async () => {
  const { ConfigMap, Deployment } = await objects();
  const secrets = { JWT_SECRET: "j".repeat(64), ROOMCAST_API_KEY: "k".repeat(40) };
  const { stdout } = await promisify(execFile)(binary("roomcast", "ROOMCAST"), ["check", "--json"], { env: { ...ConfigMap.data, ...secrets } });
  const [{ outcome, detail }, ...warnings] = JSON.parse(stdout).checks;
  assert.deepEqual([outcome, warnings], ["passed", []], detail);
  const [container] = Deployment.spec.template.spec.containers;
  const folder = ConfigMap.data.DATABASE_URL.match(/^sqlite:\/\/(\/\w+)\//)[1];
  assert.ok(container.volumeMounts.some(({ mountPath }) => mountPath === folder), "the database is on a volume");
  assert.ok(Object.values(ConfigMap.data).every((value) => typeof value === "string"), "Kubernetes accepts texts only");
});

test("each probe of the manifest is answered with 200", async () => {
  const { Deployment, Service } = await objects();
  const [container] = Deployment.spec.template.spec.containers;
  const probes = ["startupProbe", "livenessProbe", "readinessProbe"].map((name) => container[name].httpGet);
  for (const { path, port } of probes) {
    assert.equal(port, container.ports[0].name);
    assert.equal((await get(`${server.url}${path}`)).status, 200, path);
  }
  assert.equal(Service.spec.ports[0].targetPort, container.ports[0].name);
  assert.deepEqual(Service.spec.selector, Deployment.spec.template.metadata.labels);
});

test("the grace period is longer than the drain, and one process uses the database", async () => {
  const { ConfigMap, Deployment } = await objects();
  const { terminationGracePeriodSeconds, securityContext } = Deployment.spec.template.spec;
  assert.ok(terminationGracePeriodSeconds > Number(ConfigMap.data.DRAIN_SECONDS) + STOP_SECONDS);
  assert.deepEqual([Deployment.spec.replicas, Deployment.spec.strategy.type], [1, "Recreate"]);
  const dockerfile = await readFile(fileURLToPath(new URL("../../Dockerfile", import.meta.url)), "utf8");
  assert.ok(dockerfile.includes(`--uid ${securityContext.runAsUser} `), "the user of the image");
});
