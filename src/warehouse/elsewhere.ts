/** Objects that the history knows under another key or in another bucket, by their name and size. */
import { ident } from "./identifier.ts";
import { finalStatuses } from "./life-conditions.ts";
import type { HistoryObject } from "./load-history.ts";
import type { Session } from "./session.ts";

const isFinal = `p.status in (${finalStatuses})`;

export async function countElsewhere(
  session: Session,
  stateSchema: string,
  table: string,
  objects: readonly HistoryObject[],
): Promise<number> {
  let count = 0;
  for (const kind of ["change", "full_load"] as const) {
    const own = objects.filter((object) => object.kind === kind);
    if (own.length === 0) continue;
    // By the time in their names changes are found by an index; full loads are few.
    const { found } = await session.one<{ found: string }>(
      `select count(distinct l.position) as found
       from unnest($2::text[], $3::text[], $4::bigint[], $5::timestamptz[], $6::text[]) with ordinality
         as l (bucket, key, size, file_time, name, position)
       join ${ident(stateSchema)}.load_history p on p.table_name = $1 and p.kind = $7 and p.size = l.size
         ${kind === "change" ? "and p.kind = 'change' and p.file_time = l.file_time" : ""}
         and (p.bucket, p.key) <> (l.bucket, l.key) and right(p.key, length(l.name) + 1) = '/' || l.name and ${isFinal}`,
      [
        table,
        own.map((object) => object.bucket),
        own.map((object) => object.key),
        own.map((object) => object.size),
        own.map((object) => object.fileTime?.toISOString() ?? null),
        own.map((object) => object.key.slice(object.key.lastIndexOf("/") + 1)),
        kind,
      ],
    );
    count += Number(found);
  }
  return count;
}

export async function countFinal(session: Session, stateSchema: string, tables: readonly string[]): Promise<number> {
  const { known } = await session.one<{ known: string }>(
    `select count(*) as known from ${ident(stateSchema)}.load_history p where p.table_name = any($1::text[]) and ${isFinal}`,
    [tables],
  );
  return Number(known);
}
