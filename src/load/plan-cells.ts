/** What `plan` says of the cells that it staged: how many are filled, how long they are, a sample, which type they could have. */
import { inferType } from "../rows/infer-type.ts";
import { stagedCell } from "../warehouse/cast.ts";
import { cellStatistics, cellValues } from "../warehouse/plan-clone.ts";
import type { Session } from "../warehouse/session.ts";
import { bindColumns } from "./bind-columns.ts";
import type { Feed, StagedColumns } from "./binding.ts";
import { mostLooked, type PlanColumns } from "./plan-columns.ts";
import type { StagedUnit } from "./staged-unit.ts";
import type { TableKnowledge } from "./table-knowledge.ts";
import type { TableSpec } from "./table-spec.ts";

/** Takes what a unit staged into the columns of the plan. */
export async function describeCells(
  session: Session,
  columns: PlanColumns,
  unit: StagedUnit,
  feeds: readonly Feed[],
  token: string | undefined,
): Promise<void> {
  if (unit.staging === undefined) return;
  const indexOf = (feed: Feed) =>
    feed.from.kind === "field" ? feed.from.index : feed.from.kind === "path" ? feed.from.column.index : undefined;
  const opIndex = unit.shape.fields.findIndex((field) => field.role === "op");
  const indexes = feeds.flatMap((feed) => indexOf(feed) ?? []);
  const statistics = await cellStatistics(
    session,
    unit.staging.name,
    indexes,
    opIndex < 0 ? undefined : stagedCell(opIndex),
    token,
  );
  for (const feed of feeds) {
    const index = indexOf(feed);
    if (feed.from.kind === "absent" && feed.main === undefined)
      columns.add(feed, { records: 0, filled: 0, maxLength: 0, sample: undefined }, undefined);
    const of = index === undefined ? undefined : statistics.get(index);
    if (index === undefined || of === undefined) continue;
    // What is hashed is not to be shown.
    if (feed.hash) columns.add(feed, { ...of, sample: undefined }, undefined);
    if (feed.hash) continue;
    const guessable = feed.type === "text" && columns.isNew(feed) && !columns.has(feed.path);
    const proposed = guessable
      ? inferType(await cellValues(session, unit.staging.name, index, mostLooked, token))
      : undefined;
    columns.add(feed, of, proposed);
  }
  columns.overflow(unit.overflow);
}

/** Columns even where the key is missing: the plan shows them beside the error. */
export function bindForDisplay(
  spec: TableSpec,
  staged: StagedColumns,
  known: Pick<TableKnowledge, "stored" | "main">,
): readonly Feed[] {
  const config = { ...spec.config, writeMode: "append" as const };
  return bindColumns({ ...spec, config }, staged, known.stored, known.main).feeds;
}
