/**
 * A temporary clone of a main table, on which `plan` runs the real merge. The live table is read under ACCESS SHARE and
 * nothing else: a rolled-back merge on it would move its sequences, leave dead rows, block readers and fire triggers.
 */
import { type MainTable, mainTableSql, readMainTable } from "./catalog.ts";
import { keysOfStaged, matchStaged } from "./classify-sql.ts";
import { ident, identList, literal } from "./identifier.ts";
import { createTombstones } from "./main-table.ts";
import type { CastMode, MergeJob } from "./merge-sql.ts";
import type { Session } from "./session.ts";

export const cloneName = { schema: "pg_temp", table: "drayage_plan" } as const;
export const cloneTombstones = "pg_temp.drayage_plan_tombstones";

/** An empty clone with the live table's constraints, indexes and generated columns. */
export async function cloneMainTable(session: Session, main: MainTable): Promise<void> {
  await session.query(
    `create temporary table drayage_plan (like ${mainTableSql(main)} including constraints including indexes including generated including identity including defaults)`,
  );
  // A default that calls the live table's sequence would move it: sequences do not roll back.
  const { rows } = await session.query<{ name: string }>(
    `select a.attname as name from pg_attrdef d join pg_attribute a on a.attrelid = d.adrelid and a.attnum = d.adnum
     where d.adrelid = 'pg_temp.drayage_plan'::regclass and a.attgenerated = '' and pg_get_expr(d.adbin, d.adrelid) ~ 'nextval'`,
  );
  for (const [i, { name }] of rows.entries()) {
    await session.query(`create temporary sequence drayage_plan_${i}`);
    await session.query(
      `alter table pg_temp.drayage_plan alter column ${ident(name)} set default nextval(${literal(`pg_temp.drayage_plan_${i}`)})`,
    );
  }
}

export async function readClone(session: Session): Promise<MainTable | undefined> {
  const { rows } = await session.query<{ name: string }>(
    "select nspname as name from pg_namespace where oid = pg_my_temp_schema()",
  );
  const schema = rows[0]?.name;
  return schema === undefined ? undefined : readMainTable(session, schema, cloneName.table);
}

export async function makeCloneTombstones(session: Session, clone: MainTable, key: readonly string[]): Promise<void> {
  await session.query("drop table if exists pg_temp.drayage_plan_tombstones");
  await session.query(createTombstones(cloneTombstones, clone, key));
}

/** Copies the live rows, and the live tombstones, that the staged records speak of and that were not copied before. */
export async function copyStagedKeys(
  session: Session,
  job: MergeJob,
  main: MainTable,
  tombstones: string | undefined,
  mode: CastMode,
): Promise<void> {
  const staged = keysOfStaged(job, mode);
  const sameKey = (a: string, b: string) =>
    job.key.map(({ column, equals }) => `${a}.${ident(column)} ${equals} ${b}.${ident(column)}`).join(" and ");
  const columns = main.columns.filter((column) => !column.generated).map((column) => column.name);
  // A value that an earlier unit took in another UNIQUE column; no deferrable constraint can say so.
  const { deferrable } = await session.one<{ deferrable: boolean }>(
    `select exists (select from pg_index where indrelid = 'pg_temp.drayage_plan'::regclass and (indisunique or indisexclusion) and not indimmediate) as deferrable`,
  );
  await session.query(
    `insert into pg_temp.drayage_plan (${identList(columns)}) overriding system value
     select ${columns.map((name) => `m.${ident(name)}`).join(", ")} from ${mainTableSql(main)} m
     where exists (select from (${staged}) k where ${matchStaged(job, "m", "k")})
       and not exists (select from pg_temp.drayage_plan p where ${sameKey("p", "m")})
       and not exists (select from ${cloneTombstones} t where ${sameKey("t", "m")})${deferrable ? "" : "\n     on conflict do nothing"}`,
  );
  if (tombstones === undefined) return;
  await session.query(
    `insert into ${cloneTombstones} select t.* from ${tombstones} t where exists (select from (${staged}) k where ${matchStaged(job, "t", "k")}) on conflict do nothing`,
  );
}

export interface CellStatistics {
  readonly records: number;
  readonly filled: number;
  readonly maxLength: number;
  readonly sample: string | undefined;
}

/** `token`: what stands where a cell was left out. */
function stagedValue(index: number, token: string | undefined): string {
  return token === undefined ? `s.c${index + 1}` : `nullif(s.c${index + 1}, ${literal(token)})`;
}

/** Of staged cells, by index; a few at a time, since a row has 1,664 columns at the most. */
export async function cellStatistics(
  session: Session,
  staging: string,
  indexes: readonly number[],
  op: string | undefined,
  token?: string | undefined,
): Promise<Map<number, CellStatistics>> {
  const cell = (index: number) => stagedValue(index, token);
  const statistics = new Map<number, CellStatistics>();
  for (let i = 0; i < indexes.length; i += 200) {
    const batch = indexes.slice(i, i + 200);
    const row = await session.one<Record<string, string | null>>(
      `select count(*) as records, ${batch
        .map(
          (index) =>
            `count(${cell(index)}) as f${index}, max(length(${cell(index)})) as l${index}, left(min(${cell(index)}) filter (where ${cell(index)} <> ''), 120) as v${index}`,
        )
        .join(", ")}
       from ${staging} s${op === undefined ? "" : ` where ${op} is distinct from 'D'`}`,
    );
    for (const index of batch) {
      statistics.set(index, {
        records: Number(row.records),
        filled: Number(row[`f${index}`]),
        maxLength: Number(row[`l${index}`] ?? 0),
        sample: row[`v${index}`] ?? undefined,
      });
    }
  }
  return statistics;
}

/** Filled cells of some columns, for proposals. */
export async function cellValues(
  session: Session,
  staging: string,
  index: number,
  limit: number,
  token?: string | undefined,
): Promise<string[]> {
  const cell = stagedValue(index, token);
  const { rows } = await session.query<{ value: string }>(
    `select ${cell} as value from ${staging} s where ${cell} is not null limit $1`,
    [limit],
  );
  return rows.map((row) => row.value);
}
