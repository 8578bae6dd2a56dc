/** What a table that keeps its order may load: nothing behind an object that failed, nothing behind one that another run holds. */
import type { OpenObject } from "../warehouse/load-history.ts";
import type { SourceObject } from "./discover.ts";
import { keepsOrder, type TableSpec } from "./table-spec.ts";

type Open = readonly OpenObject<SourceObject>[];

/** Not those that came too late themselves: what comes after them was loaded before them. */
export function holdsTable(spec: TableSpec, errorCode: string | undefined): boolean {
  return keepsOrder(spec) && errorCode !== "LATE_PARTIAL";
}

/** What waits itself is said wherever it stands. */
export function beforeFailed(spec: TableSpec, all: Open): { open: Open; behind: SourceObject[]; failed: string } {
  const first = all.findIndex((one) => one.state === "waiting" && holdsTable(spec, one.errorCode));
  if (first < 0) return { open: all, behind: [], failed: "" };
  return {
    open: all.filter((one, i) => i < first || one.state === "waiting"),
    behind: all
      .slice(first)
      .filter((one) => one.state !== "waiting")
      .map((one) => one.object),
    failed: all[first]?.object.key ?? "",
  };
}

/** What stands behind an object that another run holds is left until that run is done with it. */
export function beforeHeld(spec: TableSpec, all: Open): { open: Open; behind: SourceObject[] } {
  const first = keepsOrder(spec) ? all.findIndex((one) => one.state === "held") : -1;
  if (first < 0) return { open: all, behind: [] };
  const isBehind = (one: Open[number], i: number) => i > first && one.state === "claimable";
  return {
    open: all.filter((one, i) => !isBehind(one, i)),
    behind: all.filter(isBehind).map((one) => one.object),
  };
}

export function inOrder(objects: readonly SourceObject[]): SourceObject[] {
  return objects.toSorted((a, b) =>
    a.sequence < b.sequence ? -1 : a.sequence > b.sequence ? 1 : a.path < b.path ? -1 : 1,
  );
}
