/** A URL on the command line as a source: of a whole bucket, of one table's folder, or of one object. */
import { nearest } from "../config/suggest.ts";
import { DrayageError } from "../errors.ts";
import { parseObjectKey } from "../source/object-key.ts";
import type { ListedObject, ObjectSource } from "../source/object-source.ts";

export interface SourceUrl {
  /** Of the folder; without a slash at its end. */
  readonly url: string;
  /** The URL's last levels, at most two, as they would lie below a source.url above it. */
  readonly above: string;
  /** Name of the one object that is meant. */
  readonly object: string | undefined;
}

/** Whether an argument is a URL rather than the name of a table. */
export function isUrl(text: string): boolean {
  return text.includes("://") || /^(?:s3|file):/i.test(text);
}

/** Throws USAGE for what is neither s3:// nor file://. */
export function readSourceUrl(text: string): SourceUrl {
  const match = /^(s3:\/\/|file:\/\/\/)(.+?)\/*$/s.exec(text);
  if (match === null || (match[1] === "s3://" && !/^[a-z0-9][a-z0-9._-]*(\/|$)/i.test(match[2] ?? "")))
    throw new DrayageError("USAGE", {
      message: "That is no URL of a source",
      next: "Write s3://bucket/folder, or file:///dir with an absolute path.",
    });
  const [scheme = "", rest = ""] = match.slice(1);
  const levels = rest.split("/").filter((level) => level !== "");
  const last = levels.at(-1) ?? "";
  const named = parseObjectKey(last, { fileTimezone: "UTC", lastModified: new Date(0) }) !== undefined;
  const object = named && levels.length > 1 ? last : undefined;
  if (object !== undefined) levels.pop();
  // The bucket is no folder, nor is the root of the file system.
  const folders = levels.slice(scheme === "s3://" ? 1 : 0);
  const above = folders.slice(-2).map((level) => (scheme === "s3://" ? level : decoded(level)));
  return { url: scheme + levels.join("/"), above: above.join("/"), object };
}

/** The same objects, with paths as they would be below a source.url above this one: its own levels name tables. */
export function seenFromAbove(source: ObjectSource, { above, object }: SourceUrl): ObjectSource {
  const lifted = (one: ListedObject): ListedObject => ({
    ...one,
    path: above === "" ? one.path : `${above}/${one.path}`,
  });
  return {
    ...source,
    async *list(folder, splits) {
      for await (const page of source.list(folder, splits)) {
        const meant = object === undefined ? page : page.filter(({ path }) => path === object);
        if (meant.length > 0) yield meant.map(lifted);
      }
    },
  };
}

/** The folder beside it that a mistyped last level probably meant, as a URL. `open` opens a source by its URL. */
export async function nearestFolder(
  { url }: SourceUrl,
  open: (url: string) => Promise<ObjectSource>,
): Promise<string | undefined> {
  const above = url.slice(0, url.lastIndexOf("/"));
  // Of a bucket nobody may list the others.
  if (/^(?:s3:\/|file:\/\/)$/.test(above)) return undefined;
  const source = await open(above);
  const names = new Set<string>();
  let pages = 0;
  try {
    for await (const page of source.list("")) {
      for (const { path } of page) if (path.includes("/")) names.add(path.slice(0, path.indexOf("/")));
      if (++pages === 5) break;
    }
  } finally {
    source.close();
  }
  const near = nearest(decoded(url.slice(above.length + 1)), names);
  return near === undefined ? undefined : `${above}/${near}`;
}

/** A `%` of a file's name that is no escape stays. */
function decoded(level: string): string {
  try {
    return decodeURIComponent(level);
  } catch {
    return level;
  }
}
