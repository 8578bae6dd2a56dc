/** Whether the source can be listed and read, and keeps what a load may need later. */

import type { Config } from "../config/config.ts";
import { DrayageError } from "../errors.ts";
import type { ListedObject, ObjectSource } from "../source/object-source.ts";
import { isArchived } from "./archived-objects.ts";
import { type Finding, failed, good, note } from "./finding.ts";

export async function checkSource(config: Config, openSource: () => Promise<ObjectSource>): Promise<Finding[]> {
  let source: ObjectSource;
  try {
    source = await openSource();
  } catch (error) {
    return [failed("source", error)];
  }
  try {
    const first = await firstObject(source);
    if (first === undefined)
      return [
        {
          check: "source list",
          level: "note",
          text: `${config.source.url} can be listed, and is empty`,
          fix: "Check source.url: everything below it is looked at.",
        },
      ];
    const listed: Finding = { check: "source list", level: "good", text: `${config.source.url} can be listed` };
    return [listed, await checkRead(source, first), ...(await checkVersions(config, source))];
  } catch (error) {
    return [failed("source list", error)];
  } finally {
    source.close();
  }
}

/** Of the first page alone: a bucket may hold millions. */
async function firstObject(source: ObjectSource): Promise<ListedObject | undefined> {
  for await (const page of source.list("")) {
    return page.find((object) => object.size > 0 && !isArchived(object)) ?? page[0];
  }
  return undefined;
}

async function checkRead(source: ObjectSource, object: ListedObject): Promise<Finding> {
  try {
    let bytes = 0;
    for await (const chunk of source.open(object, { to: Math.min(object.size, 1024) }) as AsyncIterable<Buffer>)
      bytes += chunk.length;
    return { check: "source read", level: "good", text: `${bytes} bytes of ${object.key}` };
  } catch (error) {
    return failed("source read", error);
  }
}

/** With `full_load: changes` each set of LOAD objects holds rows of its own: one that is written over before a load is lost. */
async function checkVersions(config: Config, source: ObjectSource): Promise<Finding[]> {
  const needing = config.tables.filter(({ enabled, fullLoad }) => enabled && fullLoad === "changes");
  const [first] = needing;
  if (first === undefined || source.keepsVersions === undefined) return [];
  const { bucket } = source.base;
  const fix = `aws s3api put-bucket-versioning --bucket ${bucket} --versioning-configuration Status=Enabled`;
  const why = `full_load: changes (${needing.length === 1 ? first.name : `${first.name} and ${needing.length - 1} more`})`;
  try {
    return (await source.keepsVersions())
      ? [good("versions", `${bucket} keeps versions, which ${why} needs`)]
      : [
          note(
            "versions",
            `${bucket} keeps no versions: with ${why} a set that is written over before it was loaded is lost`,
            fix,
          ),
        ];
  } catch (error) {
    if (!(error instanceof DrayageError) || error.code !== "S3_ACCESS_DENIED") return [failed("versions", error)];
    return [
      note(
        "versions",
        `It cannot be told whether ${bucket} keeps versions, which ${why} needs`,
        "Grant s3:GetBucketVersioning on the bucket.",
      ),
    ];
  }
}
