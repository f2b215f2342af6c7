// Compiles the types that `roomcast types` generates in the strictest mode, together with the types of the stock client and a small client for each
// contract in `clients`. The clients mark their errors with `@ts-expect-error`: these lines must not compile.

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import path from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { commandOutput } from "../support/process.js";

const clients = fileURLToPath(new URL("clients", import.meta.url));
const compiler = path.join(path.dirname(createRequire(import.meta.url).resolve("typescript/package.json")), "bin/tsc");

test("the types of every contract compile with correct clients, and reject incorrect code", async (t) => {
  const folder = await mkdtemp(path.join(tmpdir(), "roomcast-types-"));
  t.after(() => rm(folder, { recursive: true, force: true }));
  const modules = (await commandOutput("types", "--out", path.join(folder, "roomcast"))).trim().split("\n").map((file) => path.basename(file));
  const written = (await readdir(clients)).toSorted();
  assert.ok(written.length > 0);
  assert.deepEqual(written.filter((client) => !modules.includes(client)), [], "a client has no contract");
  const settings = {
    compilerOptions: {
      noEmit: true,
      strict: true,
      exactOptionalPropertyTypes: true,
      noUncheckedIndexedAccess: true,
      noPropertyAccessFromIndexSignature: true,
      isolatedModules: true,
      target: "es2022",
      lib: ["es2022", "dom"],
      module: "esnext",
      moduleResolution: "bundler",
      types: [],
      paths: { "roomcast/*": [path.join(folder, "roomcast/*")] },
    },
    files: [...modules.map((module) => path.join(folder, "roomcast", module)), ...written.map((client) => path.join(clients, client))],
  };
  const project = path.join(folder, "tsconfig.json");
  await writeFile(project, JSON.stringify(settings));
  await promisify(execFile)(process.execPath, [compiler, "--project", project]).catch((error) => assert.fail(error.stdout || error.message));
});
