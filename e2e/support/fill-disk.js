// A disk that a test fills and frees again while a server writes to it.

import { execFileSync } from "node:child_process";
import { closeSync, mkdtempSync, openSync, rmSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";

// A separate tmpfs of four megabytes. A ballast file takes the free space to fill it. Throws if the process may not mount a file system.
export function smallDisk() {
  const folder = mkdtempSync(path.join(tmpdir(), "roomcast-disk-"));
  const ballast = path.join(folder, "ballast");
  try {
    execFileSync("mount", ["-t", "tmpfs", "-o", "size=4m", "roomcast", folder], { stdio: "pipe" });
  } catch (error) {
    rmSync(folder, { recursive: true });
    throw error;
  }
  return {
    folder,
    fill() {
      const file = openSync(ballast, "w");
      try {
        for (;;) writeSync(file, Buffer.alloc(4096));
      } catch (error) {
        if (error.code !== "ENOSPC") throw error;
      } finally {
        closeSync(file);
      }
    },
    free: () => rmSync(ballast),
    remove() {
      execFileSync("umount", [folder]);
      rmSync(folder, { recursive: true });
    },
  };
}

// A limit on the size of the server's files. Every process may set it, and every write beyond it fails.
export const fileSizeLimit = (server) => ({
  fill: () => execFileSync("prlimit", ["--pid", String(server.pid), "--fsize=0:"]),
  free: () => execFileSync("prlimit", ["--pid", String(server.pid), "--fsize=unlimited:"]),
});
