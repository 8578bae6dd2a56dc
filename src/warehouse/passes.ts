/** What the schedule and its metrics read: its last good pass, and how fresh each table is. */
import { ident } from "./identifier.ts";
import { mergedStatuses } from "./life-conditions.ts";
import { hasStateSchema } from "./migrate.ts";
import type { Session } from "./session.ts";

export interface PassTimes {
  readonly startedAt: Date;
  readonly finishedAt: Date;
}

/** Of all tables, by `drayage schedule`, from its start to its end without a failure; undefined: there was none. */
export async function lastDonePass(session: Session, stateSchema: string): Promise<PassTimes | undefined> {
  if (!(await hasStateSchema(session, stateSchema))) return undefined;
  const { rows } = await session.query<{ started_at: Date; finished_at: Date }>(
    `select started_at, finished_at from ${ident(stateSchema)}.runs
     where command = 'schedule' and status = 'done' and listed_at is not null order by run_id desc limit 1`,
  );
  const [row] = rows;
  return row === undefined ? undefined : { startedAt: row.started_at, finishedAt: row.finished_at };
}

export interface TableFreshness {
  readonly table: string;
  /** When the newest object that was loaded came to the source; undefined: none was. */
  readonly lastObjectAt: Date | undefined;
  readonly openRejects: number;
}

/** Of every table that the state schema knows. */
export async function readFreshness(session: Session, stateSchema: string): Promise<TableFreshness[]> {
  const state = ident(stateSchema);
  const { rows } = await session.query<{ table_name: string; last_object_at: Date | null; open_rejects: string }>(
    `select t.table_name, h.last_object_at, coalesce(r.open, 0) as open_rejects
     from ${state}.tables t
     left join (
       select table_name, max(last_modified) as last_object_at from ${state}.load_history
       where status in (${mergedStatuses}) group by 1
     ) h using (table_name)
     left join (select table_name, count(*) as open from ${state}.rejects where replayed_at is null group by 1) r using (table_name)
     order by 1`,
  );
  return rows.map((row) => ({
    table: row.table_name,
    lastObjectAt: row.last_object_at ?? undefined,
    openRejects: Number(row.open_rejects),
  }));
}
