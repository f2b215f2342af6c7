// A disk that becomes full, and free again, under a server that runs.

import { execFileSync } from "node:child_process";
import { closeSync, mkdtempSync, openSync, rmSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";

// A file system of its own of a few megabytes, in memory. It is full when a ballast has taken what is left. Throws where none can be mounted.
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

// A limit on how large the server's files may grow, which the system lets anybody set: all writing behind it fails.
export const fileSizeLimit = (server) => ({
  fill: () => execFileSync("prlimit", ["--pid", String(server.pid), "--fsize=0:"]),
  free: () => execFileSync("prlimit", ["--pid", String(server.pid), "--fsize=unlimited:"]),
});
