/** Objects in a directory, laid out as in a bucket: for trials, tests, and drops that were copied to this machine. */
import { constants, type Dirent } from "node:fs";
import { access, type FileHandle, open, readdir, realpath, stat } from "node:fs/promises";
import { join, resolve, sep } from "node:path";
import { addAbortSignal, Readable } from "node:stream";
import { fileURLToPath } from "node:url";
import { DrayageError } from "../errors.ts";
import type { ListedObject, ObjectSource, OpenOptions } from "./object-source.ts";

const pageSize = 1_000;
const chunkBytes = 262_144;

/** `url`: `file:///dir`. Nothing is read before the first `list` or `open`. Throws CONFIG_INVALID for another URL. */
export function createFileSource(url: string): ObjectSource {
  const root = directoryOf(url);
  return {
    url,
    base: { bucket: root, prefix: "" },
    list: (folder) => listPages(root, folder),
    open: (object, options = {}) => {
      const body = Readable.from(readFile(root, object, options), { objectMode: false, highWaterMark: chunkBytes });
      return options.signal === undefined ? body : addAbortSignal(options.signal, body);
    },
    close: () => undefined,
  };
}

function directoryOf(url: string): string {
  try {
    return resolve(fileURLToPath(url));
  } catch (error) {
    throw new DrayageError("CONFIG_INVALID", { message: "source.url is not file:///dir", cause: error });
  }
}

async function* listPages(root: string, folder: string): AsyncGenerator<readonly ListedObject[]> {
  const realRoot = await rootDirectory(root);
  if (/(^|\/)\.\.?(\/|$)/.test(folder)) return;
  const start = await unlessMissing(realpath(join(realRoot, folder)), root);
  if (start === undefined || !isWithin(realRoot, start)) return;
  let keys: string[] = [];
  for await (const key of walk(realRoot, folder === "" ? "" : `${folder}/`, [start])) {
    if (keys.push(key) < pageSize) continue;
    const objects = await listedObjects(root, keys);
    keys = [];
    if (objects.length > 0) yield objects;
  }
  const objects = await listedObjects(root, keys);
  if (objects.length > 0) yield objects;
}

/** A file in its place, or nothing there, is an error and not an empty source. */
async function rootDirectory(root: string): Promise<string> {
  try {
    const real = await realpath(root);
    await access(`${real}${sep}`, constants.R_OK);
    return real;
  } catch (error) {
    throw unreadable(root, error);
  }
}

/** Keys of the files below `prefix` in key order. `within`: the real directories on the way down, its own the last. */
async function* walk(root: string, prefix: string, within: readonly string[]): AsyncGenerator<string> {
  const directory = within.at(-1) ?? root;
  const reading = readdir(directory, { withFileTypes: true });
  // A folder that vanishes while it is listed is an empty one, as in S3.
  const entries = (await unlessMissing(reading, directory)) ?? [];
  const found: { readonly name: string; readonly real: string | undefined }[] = [];
  for (const entry of entries) {
    const kind = entry.isFile() ? "file" : await kindOf(root, directory, entry);
    if (kind === "file") found.push({ name: entry.name, real: undefined });
    // A link back up would never end.
    else if (kind !== undefined && !within.includes(kind.real)) found.push({ name: `${entry.name}/`, real: kind.real });
  }
  // With its slash a folder sorts where its keys do: `a-b` comes before `a/b`, though `a` comes before `a-b`.
  found.sort((a, b) => (a.name < b.name ? -1 : 1));
  for (const { name, real } of found) {
    if (real === undefined) yield prefix + name;
    else yield* walk(root, prefix + name, [...within, real]);
  }
}

/** undefined for what is no object: sockets, devices, broken links, and links that leave the root. */
async function kindOf(root: string, directory: string, entry: Dirent): Promise<"file" | { real: string } | undefined> {
  const path = join(directory, entry.name);
  if (entry.isDirectory()) return { real: path };
  if (!entry.isSymbolicLink()) return undefined;
  const real = await realpath(path).catch(() => undefined);
  if (real === undefined || !isWithin(root, real)) return undefined;
  const target = await stat(real).catch(() => undefined);
  if (target?.isFile()) return "file";
  return target?.isDirectory() ? { real } : undefined;
}

async function listedObjects(root: string, keys: readonly string[]): Promise<ListedObject[]> {
  const listed = await Promise.all(
    keys.map(async (key): Promise<ListedObject | undefined> => {
      const path = join(root, key);
      const file = await unlessMissing(stat(path, { bigint: true }), path);
      if (file === undefined) return undefined;
      return {
        bucket: root,
        key,
        path: key,
        etag: etagOf(file),
        size: Number(file.size),
        lastModified: file.mtime,
        storageClass: undefined,
      };
    }),
  );
  return listed.filter((object) => object !== undefined);
}

async function* readFile(root: string, object: ListedObject, options: OpenOptions): AsyncGenerator<Buffer> {
  const to = Math.min(options.to ?? object.size, object.size);
  let at = options.from ?? 0;
  if (at >= to) return;
  const place = { object: object.key };
  let handle: FileHandle | undefined;
  try {
    handle = await openWithin(root, object.key);
    await checkVersion(handle, object);
    while (at < to) {
      const chunk = Buffer.allocUnsafeSlow(Math.min(chunkBytes, to - at));
      const { bytesRead } = await handle.read(chunk, 0, chunk.length, at);
      if (bytesRead === 0) throw new DrayageError("OBJECT_CUT_SHORT", { place });
      at += bytesRead;
      // Before the last chunk is handed on: a file written over while it was read is a mixture of two.
      if (at === to) await checkVersion(handle, object);
      yield chunk.subarray(0, bytesRead);
    }
  } catch (error) {
    if (error instanceof DrayageError || !isSystemError(error)) throw error;
    throw isMissing(error)
      ? new DrayageError("OBJECT_GONE", { place, cause: error })
      : unreadable(join(root, object.key), error);
  } finally {
    await handle?.close();
  }
}

/** The key may come from an older listing, so where it leads is checked again. */
async function openWithin(root: string, key: string): Promise<FileHandle> {
  const real = await realpath(join(root, key));
  if (!isWithin(await realpath(root), real)) throw new DrayageError("OBJECT_GONE", { place: { object: key } });
  return open(real, "r");
}

async function checkVersion(handle: FileHandle, object: ListedObject): Promise<void> {
  const etag = etagOf(await handle.stat({ bigint: true }));
  if (etag !== object.etag) throw new DrayageError("OBJECT_CHANGED", { place: { object: object.key } });
}

function etagOf(file: { readonly size: bigint; readonly mtimeNs: bigint }): string {
  return `${file.size}-${file.mtimeNs}`;
}

function isWithin(root: string, path: string): boolean {
  return path === root || path.startsWith(root.endsWith(sep) ? root : root + sep);
}

function isSystemError(error: unknown): error is NodeJS.ErrnoException & { readonly code: string } {
  return error instanceof Error && "code" in error && typeof error.code === "string";
}

function isMissing(error: unknown): boolean {
  return isSystemError(error) && (error.code === "ENOENT" || error.code === "ENOTDIR");
}

/** What was read at `path`; undefined when nothing is there. */
async function unlessMissing<T>(reading: Promise<T>, path: string): Promise<T | undefined> {
  try {
    return await reading;
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw unreadable(path, error);
  }
}

function unreadable(path: string, error: unknown): DrayageError {
  const code = isSystemError(error) ? ` (${error.code})` : "";
  return new DrayageError("SOURCE_DIRECTORY_MISSING", { message: `${path} cannot be read${code}`, cause: error });
}
