// Starts an example as a reader does: with the command of its README, in its own folder.

import { spawn } from "node:child_process";
import { readFile } from "node:fs/promises";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { waitUntil } from "../support/wait-until.js";

export const EXAMPLES = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "../../examples");

// `cargo xtask test` has installed the packages already.
const INSTALLATION = /^.*\b(npm ci|pip install)\b.* && /;

// The command in the README's section "Start", without the installation of packages.
export async function startCommand(example) {
  const readme = await readFile(path.join(EXAMPLES, example, "README.md"), "utf8");
  const command = readme.match(/^## Start\n[^]*?^```sh\n(.*)\n```$/m)?.[1];
  if (!command) throw new Error(`the README of ${example} has no command in its section "Start"`);
  return command.replace(INSTALLATION, "");
}

// Starts a shell command, by default the start command of the example. `env` is the complete environment except PATH. The program and all its child
// processes are ended after the test.
export async function start(t, example, { command, env = {} } = {}) {
  command ??= await startCommand(example);
  const program = new Program(command, path.join(EXAMPLES, example), env);
  t.after(() => program.kill());
  return program;
}

class Program {
  output = "";
  #child;
  #ended = false;

  constructor(command, cwd, env) {
    // The program has its own process group, so that all processes that a shell or npm starts can be ended.
    const options = { cwd, detached: true, env: { PATH: process.env.PATH, ...env }, stdio: ["ignore", "pipe", "pipe"] };
    this.#child = spawn("bash", ["-c", command], options);
    for (const stream of [this.#child.stdout, this.#child.stderr]) {
      stream.setEncoding("utf8").on("data", (text) => (this.output += text));
    }
    this.exited = new Promise((resolve) => this.#child.once("close", (code, signal) => resolve({ code, signal })));
    void this.exited.then(() => (this.#ended = true));
    // If the process of the test file exits, its programs are killed.
    this.reap = () => this.signal("SIGKILL");
    process.once("exit", this.reap);
  }

  // Waits until the program has printed the pattern, and returns the match. Fails if the program ends without it.
  async prints(pattern) {
    const missing = () => `${pattern} is not in the output:\n${this.output}`;
    await waitUntil(() => {
      if (pattern.test(this.output)) return null;
      if (this.#ended) throw new Error(`the program has ended, and ${missing()}`);
      return missing();
    });
    return this.output.match(pattern);
  }

  async kill() {
    this.signal("SIGKILL");
    process.removeListener("exit", this.reap);
    return this.exited;
  }

  // Sends a signal to the program, and to everything that it has started.
  signal(signal) {
    try {
      process.kill(-this.#child.pid, signal);
    } catch (error) {
      // All processes of the group have ended.
      if (error.code !== "ESRCH") throw error;
    }
  }
}
