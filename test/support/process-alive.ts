/** Whether a process still does something. */
import { execFileSync } from "node:child_process";

/** A zombie, which waits for its parent, does not. */
export function isAlive(pid: number): boolean {
  try {
    return !execFileSync("ps", ["-o", "stat=", "-p", String(pid)], { encoding: "utf8" }).startsWith("Z");
  } catch {
    return false;
  }
}
