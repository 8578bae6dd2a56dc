/** The statements that apply verdicts to the target: deletes, updates, inserts; and the plain insert of the fresh form. */
import { ident, identList } from "./identifier.ts";
import {
  appliedVerdict,
  type CastMode,
  columnValue,
  keyValue,
  type MergeColumn,
  type MergeJob,
  matchKey,
  record,
  type Slice,
  type StagedObjects,
  stagedObjects,
  verdictTable,
} from "./merge-sql.ts";

/** The fresh and the append form: every staged record becomes a row; none is bad, or it is not tried. */
export function insertAll(job: MergeJob, mode: CastMode): string {
  const o = stagedObjects(job);
  return `${insertHead(job)}
select ${insertValues(job, mode, o)}
from ${job.staging} s${o.join}`;
}

function insertHead(job: MergeJob): string {
  const names = [...job.columns.map((column) => column.column), ...systemColumns(job)];
  return `insert into ${job.target} (${identList(names)})${job.overridingIdentity ? " overriding system value" : ""}`;
}

function systemColumns(job: MergeJob): string[] {
  return [
    "_version",
    "_record",
    ...(job.system.object ? ["_object"] : []),
    ...(job.system.loadedAt ? ["_loaded_at"] : []),
    ...(job.system.opTimestamp ? ["_op_ts"] : []),
    ...(job.system.deletedAt ? ["_deleted_at"] : []),
    ...(job.system.op ? ["_op"] : []),
  ];
}

function systemValues(job: MergeJob, o: StagedObjects): string[] {
  return [
    o.version,
    record,
    ...(job.system.object ? [o.id] : []),
    ...(job.system.loadedAt ? ["now()"] : []),
    ...(job.system.opTimestamp ? [opTimestamp(job)] : []),
    ...(job.system.deletedAt ? ["null::timestamptz"] : []),
    ...(job.system.op ? [job.op ?? "'I'"] : []),
  ];
}

function opTimestamp(job: MergeJob): string {
  return job.opTimestamp === undefined ? "null::timestamptz" : `(${job.opTimestamp})::timestamptz`;
}

function insertValues(job: MergeJob, mode: CastMode, o: StagedObjects): string {
  return [...job.columns.map((column) => columnValue(column, mode)), ...systemValues(job, o)].join(", ");
}

export function sliceOf(slice: Slice): string {
  const places = slice.places === undefined ? "" : ` and v.place between ${slice.places[0]} and ${slice.places[1]}`;
  return `v.round = ${slice.round}${places}`;
}

function from(job: MergeJob, o: { join: string }): string {
  return `${verdictTable} v\njoin ${job.staging} s on s._n = v._n${o.join}`;
}

/** What applies the verdicts of a slice, in order. `has` leaves out statements that would find nothing. */
export function applyStatements(job: MergeJob, mode: CastMode, slice: Slice, has: ReadonlySet<string>): string[] {
  const o = stagedObjects(job);
  const statements: string[] = [];
  const deletes = has.has("deleted") || has.has("absent");
  if (deletes && job.tombstones !== undefined) statements.push(writeTombstones(job, mode, slice, o));
  if (has.has("deleted"))
    statements.push(job.deletes === "soft" ? softDelete(job, mode, slice, o) : hardDelete(job, mode, slice));
  if (has.has("updated") || has.has("same")) statements.push(update(job, mode, slice, o, has.has("same")));
  if (has.has("inserted")) {
    statements.push(`${insertHead(job)}
select ${insertValues(job, mode, o)}
from ${from(job, o)}
where v.verdict = 'inserted' and ${sliceOf(slice)}`);
  }
  if (job.tombstones !== undefined && (has.has("inserted") || has.has("updated"))) {
    statements.push(`delete from ${job.tombstones} t using ${verdictTable} v, ${job.staging} s
where s._n = v._n and v.verdict in ('inserted', 'updated') and ${sliceOf(slice)} and ${matchKey(job, mode, "t")}`);
  }
  return statements;
}

/** None at or below the floor: whatever it could hold back cannot make a row anyway. */
function writeTombstones(job: MergeJob, mode: CastMode, slice: Slice, o: StagedObjects): string {
  const names = identList(job.key.map((column) => column.column));
  const aboveFloor = job.floor === undefined ? "" : ` and ${o.version} > ${job.floor}`;
  return `insert into ${job.tombstones} as t (${names}, _version, _record, deleted_at)
select ${job.key.map((column) => keyValue(column, mode)).join(", ")}, ${o.version}, ${record}, now()
from ${from(job, o)}
where v.verdict in ('deleted', 'absent') and ${sliceOf(slice)}${aboveFloor}
on conflict (${names}) do update set _version = excluded._version, _record = excluded._record, deleted_at = excluded.deleted_at
where (t._version, t._record) <= (excluded._version, excluded._record)`;
}

function hardDelete(job: MergeJob, mode: CastMode, slice: Slice): string {
  return `delete from ${job.target} m using ${verdictTable} v, ${job.staging} s
where s._n = v._n and v.verdict = 'deleted' and ${sliceOf(slice)} and ${matchKey(job, mode, "m")}`;
}

/** The last values stay; the version advances, so that an older record does not undo it. */
function softDelete(job: MergeJob, mode: CastMode, slice: Slice, o: StagedObjects): string {
  const when = job.opTimestamp === undefined ? "now()" : `coalesce(${opTimestamp(job)}, now())`;
  const sets = ["_version", "_record", "_object", "_loaded_at"].flatMap((name, i) => {
    const value = [o.version, record, job.system.object ? o.id : undefined, job.system.loadedAt ? "now()" : undefined][
      i
    ];
    return value === undefined ? [] : [`${ident(name)} = ${value}`];
  });
  return `update ${job.target} m set ${[...sets, `"_deleted_at" = ${when}`].join(", ")}
from ${from(job, o)}
where v.verdict = 'deleted' and ${sliceOf(slice)} and ${matchKey(job, mode, "m")}`;
}

/**
 * The version always advances, with equal cells too: else a late older record would win. Only a record that is the stored row's
 * own (`same`) is left alone when its cells are equal, by image: `is distinct from` misses citext case and 1.0 against 1.00.
 */
function update(job: MergeJob, mode: CastMode, slice: Slice, o: StagedObjects, same: boolean): string {
  const isKey = new Set(job.key.map((column) => column.column));
  const set = [
    ...job.columns
      .filter((column) => !isKey.has(column.column) && column.settable)
      .map((column) => `${ident(column.column)} = ${storedValue(column, mode)}`),
    ...systemColumns(job).map((name, i) => `${ident(name)} = ${systemValues(job, o)[i]}`),
  ].join(",\n  ");
  const compared = job.columns.filter((column) => isKey.has(column.column) || column.settable);
  const differs = `not record_image_eq(row(${compared.map((column) => `m.${ident(column.column)}`).join(", ")}), row(${compared
    .map((column) => `(${storedValue(column, mode)})::${column.type}`)
    .join(", ")}))`;
  const wanted = same ? `(v.verdict = 'updated' or (v.verdict = 'same' and ${differs}))` : "v.verdict = 'updated'";
  const statement = `update ${job.target} m set
  ${set}
from ${from(job, o)}
where ${wanted} and ${sliceOf(slice)} and ${matchKey(job, mode, "m")}`;
  if (!same) return statement;
  return `with changed as (
${statement}
returning v._n, v.verdict
)
update ${verdictTable} v set verdict = 'updated' from changed where changed._n = v._n and changed.verdict = 'same'`;
}

/** What the column of row `m` holds afterwards. */
function storedValue(column: MergeColumn, mode: CastMode): string {
  const value = columnValue(column, mode);
  return column.kept === undefined
    ? value
    : `case when ${column.kept} then m.${ident(column.column)} else ${value} end`;
}

/** Verdicts of a slice that a trigger or a policy refused: a row that is not there afterwards, or, deleted, still is. */
export function markRefused(job: MergeJob, mode: CastMode, slice: Slice): string {
  const o = stagedObjects(job);
  const own = `(m._version, m._record) = (${o.version}, ${record})`;
  const present = (match: readonly string[]) => `exists (select from ${job.target} m where ${match.join(" and ")})`;
  const key = job.key.length === 0 ? [] : [matchKey(job, mode, "m")];
  const written = job.deletes === "soft" ? "('inserted', 'updated', 'deleted')" : "('inserted', 'updated')";
  const kept = job.deletes === "soft" ? "" : ` or (v.verdict = 'deleted' and ${present(key)})`;
  return `update ${verdictTable} v set verdict = 'ignored'
from ${job.staging} s${o.join}
where s._n = v._n and ${sliceOf(slice)} and ${appliedVerdict("v")}
  and ((v.verdict in ${written} and not ${present([...key, own])})${key.length === 0 ? "" : kept})`;
}

/** A delete that was refused leaves no tombstone: the record before it, in another unit, would have been applied. */
export function dropRefusedTombstones(job: MergeJob, mode: CastMode, slice: Slice): string {
  const o = stagedObjects(job);
  return `delete from ${job.tombstones} t using ${from(job, o)}
where v.verdict = 'ignored' and ${sliceOf(slice)} and ${matchKey(job, mode, "t")} and (t._version, t._record) = (${o.version}, ${record})`;
}
