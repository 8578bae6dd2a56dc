/** Who runs PostgreSQL when this process is root (which PostgreSQL refuses), and what that user can reach. */
import { readFileSync, realpathSync, statSync } from "node:fs";
import { dirname } from "node:path";
import { DrayageError } from "../errors.ts";

export interface UnprivilegedUser {
  readonly uid: number;
  readonly gid: number;
}

/** An existing user that a server of root's can run as; undefined when this process is not root. */
export function unprivilegedUser(): UnprivilegedUser | undefined {
  if (process.getuid?.() !== 0) return undefined;
  const users = parseUsers(readFileSync("/etc/passwd", "utf8"));
  const user = users.get("postgres") ?? users.get("nobody");
  if (user === undefined) {
    throw new DrayageError("DEMO_UNAVAILABLE", {
      message: "PostgreSQL does not run as root, and this machine has no user `postgres` or `nobody` to run it as",
      next: "Run it again as an ordinary user.",
    });
  }
  return user;
}

/** Names and ids of a passwd file. Root's own entry, under whatever name, is left out. */
export function parseUsers(passwd: string): ReadonlyMap<string, UnprivilegedUser> {
  const users = new Map<string, UnprivilegedUser>();
  for (const line of passwd.split("\n")) {
    const [name, , uid, gid] = line.split(":");
    if (name && uid && gid && Number(uid) > 0) users.set(name, { uid: Number(uid), gid: Number(gid) });
  }
  return users;
}

/**
 * Whether the user can read the file or enter the directory: a clone below /root or in a directory of mktemp (0700) is
 * closed to it, and the server would die with a bare "permission denied". Access lists are not looked at.
 */
export function reaches(user: UnprivilegedUser | undefined, path: string): boolean {
  if (user === undefined) return true;
  try {
    const real = realpathSync(path);
    if (!permits(user, real, statSync(real).isDirectory() ? 0o5 : 0o4)) return false;
    for (let at = dirname(real); ; at = dirname(at)) {
      if (!permits(user, at, 0o1)) return false;
      if (at === dirname(at)) return true;
    }
  } catch {
    return false;
  }
}

function permits(user: UnprivilegedUser, path: string, bits: number): boolean {
  const { uid, gid, mode } = statSync(path);
  const shift = uid === user.uid ? 6 : gid === user.gid ? 3 : 0;
  return ((mode >> shift) & bits) === bits;
}
