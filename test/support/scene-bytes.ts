/** The bytes of a random scene's objects, and the version that the design gives their rows. */
import { hash } from "node:crypto";
import { gzipSync } from "node:zlib";
import type { RandomScene, SceneObject, SceneRecord } from "./random-scene.ts";

/** Each record's bytes, without its line end. */
export function recordText(scene: Pick<RandomScene, "delimiter">, object: SceneObject, record: SceneRecord): string {
  if (record.broken !== undefined) return record.broken;
  const cells = object.columns.map((column) => record.cells[column]?.written ?? "");
  if (record.fields > 0) cells.push("more");
  if (record.fields < 0) cells.pop();
  return [...(object.op ? [record.op] : []), ...(object.timestamp ? [record.at] : []), ...cells].join(scene.delimiter);
}

/** Before compression. */
export function objectText(scene: Pick<RandomScene, "delimiter">, object: SceneObject): string {
  const end = object.crlf ? "\r\n" : "\n";
  const names = [...(object.op ? ["Op"] : []), ...(object.timestamp ? ["ts"] : []), ...object.columns];
  const lines = object.records.flatMap((record, i) => [
    ...(i === object.blankAfter ? [""] : []),
    recordText(scene, object, record),
  ]);
  const text = [...(object.header ? [names.join(scene.delimiter)] : []), ...lines].join(end);
  const isWhole = text === "" || !object.finalLineEnd || object.records.at(-1)?.broken !== undefined;
  return `${object.byteOrderMark ? "\uFEFF" : ""}${text}${isWhole ? "" : end}`;
}

export function isCut({ path, cut }: SceneObject): boolean {
  return cut && path.endsWith(".gz");
}

export function objectBody(scene: RandomScene, object: SceneObject): Buffer {
  const body = Buffer.from(objectText(scene, object));
  if (!object.path.endsWith(".gz")) return body;
  if (isCut(object)) return gzipSync(body).subarray(0, -10);
  const half = object.members > 1 ? body.length >> 1 : 0;
  return Buffer.concat([...(half > 0 ? [gzipSync(body.subarray(0, half))] : []), gzipSync(body.subarray(half))]);
}

/** `_version` of the object's records, worked out from the design alone. A full load of changed rows is as new as it is written. */
export function versionOf(
  { path, kind, time, modified }: Pick<SceneObject, "path" | "kind" | "time" | "modified">,
  isChanged = false,
): bigint {
  const hex = hash("sha256", path, "hex");
  if (kind === "full_load" && !isChanged) return BigInt(`0x${hex.slice(0, 16)}`) >> 2n;
  const at = kind === "change" ? time : (modified ?? time);
  return 2n ** 62n + BigInt(Math.round(at * 10)) * 65_536n + BigInt(`0x${hex.slice(0, 4)}`);
}
