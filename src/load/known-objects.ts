/** Objects that the history knows, given to their tables as a listing gives them: without a look at the source. */
import type { Config } from "../config/config.ts";
import type { ListedObject, ObjectSource } from "../source/object-source.ts";
import type { RejectedObject } from "../warehouse/open-rejects.ts";
import { discover, type SourceObject } from "./discover.ts";
import type { TableSpec } from "./table-spec.ts";

export interface KnownObject {
  readonly spec: TableSpec;
  readonly object: SourceObject;
  readonly known: RejectedObject;
}

/** Those whose table the config reads today, by the name that the history has for it; in the order of loading. */
export async function placeKnown(
  config: Config,
  source: ObjectSource,
  objects: readonly RejectedObject[],
): Promise<KnownObject[]> {
  const byIdentity = new Map(objects.map((one) => [`${one.table}\0${identity(one)}`, one]));
  const listing: ObjectSource = {
    url: source.url,
    base: source.base,
    async *list() {
      yield objects.flatMap((one) => listed(source.url, one));
    },
    open: (object, options) => source.open(object, options),
    close: () => undefined,
  };
  const placed: KnownObject[] = [];
  const { tables } = await discover(config, listing, undefined, async (_, found) => found);
  for (const { spec, objects: own } of tables) {
    for (const object of own) {
      const known = byIdentity.get(`${spec.name}\0${identity(object)}`);
      if (known !== undefined) placed.push({ spec, object, known });
    }
  }
  return placed;
}

function identity({ bucket, key, etag, size, lastModified }: Omit<ListedObject, "path" | "storageClass">): string {
  return [bucket, key, etag, size, lastModified.toISOString()].join("\0");
}

/** Nothing for what does not lie below source.url any more. */
function listed(url: string, { bucket, key, etag, size, lastModified }: RejectedObject): ListedObject[] {
  const [, ownBucket = "", prefix = ""] = /^s3:\/\/([^/]+)\/?(.*)$/.exec(url) ?? [];
  const base = prefix === "" ? "" : `${prefix}/`;
  if ((ownBucket !== "" && ownBucket !== bucket) || !key.startsWith(base)) return [];
  return [{ bucket, key, path: key.slice(base.length), etag, size, lastModified, storageClass: undefined }];
}
