/** Which records of a unit may leave cells out (`unchanged_token`), and which of its objects come after others were loaded. */
import { literal, qualified } from "../warehouse/identifier.ts";
import type { Session } from "../warehouse/session.ts";
import type { Binding } from "./binding.ts";
import type { StagedObject, StagedUnit } from "./staged-unit.ts";
import type { TableSpec } from "./table-spec.ts";

/** What the merge of a unit is told of them. */
export interface PartialUnit {
  /** As SQL. */
  readonly token: string;
  /** Whether a staged cell holds the token at all. */
  readonly holds: boolean;
  /** As of PartialRecords. */
  readonly late: readonly number[];
  readonly again: readonly number[];
  readonly rejects: string | undefined;
}

/**
 * undefined where the merge is the plain one: a table without the setting, or a unit whose records are all whole and after which nothing
 * was loaded. `stateSchema` undefined: there is none yet, as `plan` may find it. Under the table's lock.
 */
export async function partialUnit(
  session: Session,
  spec: TableSpec,
  unit: StagedUnit,
  binding: Binding,
  stateSchema: string | undefined,
): Promise<PartialUnit | undefined> {
  const { unchangedToken } = spec.config.dialect;
  if (unchangedToken === undefined || unit.staging === undefined || binding.key.length === 0) return undefined;
  const token = literal(unchangedToken);
  const cells = cellsThatMayHold(unit, binding).map((index) => `s.c${index + 1} = ${token}`);
  const holds =
    cells.length > 0 &&
    (await session.query(`select from ${unit.staging.name} s where ${cells.join(" or ")} limit 1`)).count > 0;
  const changes = unit.objects.filter((object) => object.staged > 0 && isChange(spec, object));
  const isLate = stateSchema !== undefined && (await mayBeLate(session, spec, changes, stateSchema));
  const ordinals = (again: boolean) =>
    isLate ? changes.filter(({ claim }) => claim.again === again).map((object) => object.ordinal) : [];
  const orders = { late: ordinals(false), again: ordinals(true) };
  if (!holds && orders.late.length + orders.again.length === 0) return undefined;
  return {
    token,
    holds,
    ...orders,
    rejects: stateSchema === undefined ? undefined : qualified(stateSchema, "rejects"),
  };
}

/** By index: the record's own fields, before images among them, and its documents. */
function cellsThatMayHold(unit: StagedUnit, { feeds, before }: Binding): number[] {
  const fields = feeds.flatMap(({ from }) => (from.kind === "field" ? [from.index] : []));
  return [...new Set([...fields, ...before.values(), ...unit.documents.keys()])];
}

/** Rows of a full load are older than every change: one that finds a newer row says nothing that the row lacks. */
function isChange(spec: TableSpec, { claim }: StagedObject): boolean {
  return claim.object.kind === "change" || spec.config.fullLoad === "changes";
}

/**
 * Whether an object that is not older was loaded, as itself was of what is loaded again and of a replay. By order_by versions say nothing
 * of objects.
 */
async function mayBeLate(
  session: Session,
  spec: TableSpec,
  changes: readonly StagedObject[],
  stateSchema: string,
): Promise<boolean> {
  if (changes.length === 0) return false;
  const times = changes.flatMap(({ claim }) => claim.object.fileTime?.getTime() ?? []);
  const isAgain = changes.some(({ claim }) => claim.again);
  if (isAgain || spec.config.orderBy !== undefined || times.length < changes.length) return true;
  const { count } = await session.query(
    `select from ${qualified(stateSchema, "load_history")} h
     where h.table_name = $1 and h.kind = 'change' and h.rows_read is not null and h.file_time >= $2::timestamptz limit 1`,
    [spec.name, new Date(times.reduce((a, b) => Math.min(a, b))).toISOString()],
  );
  return count > 0;
}
