// The examples are short programs. Each has a README with the same sections, and the index lists all of them.

import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { readFile, readdir } from "node:fs/promises";
import path from "node:path";
import { test } from "node:test";
import { EXAMPLES, startCommand } from "./program.js";

const MAX_LINES = 150;

// The languages of the examples, and the beginning of a comment line.
const COMMENTS = { ".html": /^(<!--|\/\/)/, ".js": /^\/\//, ".jsx": /^\/\//, ".py": /^#/, ".rs": /^\/\// };

// Folders that a package manager or a build has created.
const GENERATED = ["node_modules", "dist", "target", "__pycache__"];

const LOCKS = { "package.json": "package-lock.json", "Cargo.toml": "../../Cargo.lock" };

const examples = (await readdir(EXAMPLES, { withFileTypes: true })).filter((entry) => entry.isDirectory()).map(({ name }) => name);

async function filesIn(folder) {
  const entries = await readdir(folder, { withFileTypes: true });
  const own = entries.filter(({ name }) => !name.startsWith(".") && !GENERATED.includes(name));
  const files = own.map((entry) => (entry.isDirectory() ? filesIn(path.join(folder, entry.name)) : path.join(folder, entry.name)));
  return (await Promise.all(files)).flat();
}

async function linesOfCode(file) {
  const comment = COMMENTS[path.extname(file)];
  if (!comment) return 0;
  const lines = (await readFile(file, "utf8")).split("\n").map((line) => line.trim());
  return lines.filter((line) => line !== "" && !comment.test(line)).length;
}

test("the index links every example and no other folder", async () => {
  const index = await readFile(path.join(EXAMPLES, "README.md"), "utf8");
  const linked = [...index.matchAll(/^\| \[(\S+)\]\((\S+)\/README\.md\)/gm)].map(([, name, folder]) => (name === folder ? name : `${name} is ${folder}`));
  assert.deepEqual(linked.sort(), examples.sort());
});

for (const example of examples) {
  const folder = path.join(EXAMPLES, example);

  test(`${example} has at most ${MAX_LINES} lines of code`, async () => {
    const counts = await Promise.all((await filesIn(folder)).map(linesOfCode));
    const lines = counts.reduce((sum, count) => sum + count, 0);
    assert.ok(lines > 0 && lines <= MAX_LINES, `${lines} lines`);
  });

  test(`${example} has a README with one start command, and links that lead somewhere`, async () => {
    assert.ok(await startCommand(example));
    const readme = await readFile(path.join(folder, "README.md"), "utf8");
    const sections = [...readme.matchAll(/^## (.*)$/gm)].map(([, title]) => title);
    assert.deepEqual(sections, ["Start", "What you should see", "Lines that matter"]);
    const links = [...readme.matchAll(/\]\(([^):#]+)(#[^)]*)?\)/g)].map(([, target]) => target);
    assert.deepEqual(links.filter((target) => !existsSync(path.join(folder, target))), []);
  });

  test(`${example} has the lines that its README quotes`, async () => {
    const sources = (await filesIn(folder)).filter((file) => path.extname(file) in COMMENTS);
    const code = (await Promise.all(sources.map((file) => readFile(file, "utf8")))).join("\n");
    const readme = await readFile(path.join(folder, "README.md"), "utf8");
    const rows = readme.slice(readme.indexOf("## Lines that matter")).matchAll(/^\| \[?(`+) ?(.+?) ?\1/gm);
    // A quote may leave something out between its parts.
    const quotes = [...rows].map(([, , quote]) => quote.split("…"));
    assert.ok(quotes.length >= 4, `${quotes.length} quotes`);
    assert.deepEqual(quotes.filter((parts) => !parts.every((part) => code.includes(part))), []);
  });

  test(`${example} has a lock file if it has packages`, async () => {
    const files = await readdir(folder);
    const missing = Object.entries(LOCKS).filter(([manifest, lock]) => files.includes(manifest) && !existsSync(path.join(folder, lock)));
    assert.deepEqual(missing, []);
  });
}
