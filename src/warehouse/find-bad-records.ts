/**
 * The server-side loops that find bad records, run only after a set-based statement failed or cells were suspect: chunks of 64
 * staged rows in an exception block, then the rows of a failing chunk one by one. They fill `drayage_bad`. One round trip
 * each; the clean path pays nothing for them.
 */
import { lossyFunction, tooLongFunction } from "./cast.ts";
import { dollarQuoted, literal } from "./identifier.ts";
import { badTable, type CastMode, columnValue, type MergeJob, verdictTable } from "./merge-sql.ts";
import type { Session } from "./session.ts";

const chunk = 64;

/**
 * Names that no column has: where both are in sight, PL/pgSQL refuses a statement in which `state` may be a variable or a
 * column of the main table.
 */
export const declare = `#variable_conflict use_variable
declare
  drayage_lo bigint; drayage_hi bigint; drayage_n bigint; drayage_top bigint; drayage_found boolean;
  drayage_state text; drayage_said text; drayage_con text; drayage_col text;`;

/** A condition of the server or of another session says nothing about a record: the loop must not swallow it. */
export function raiseOthers(job: Pick<MergeJob, "rowSecurity">): string {
  const ofRecords = ["428C9", "42804", ...(job.rowSecurity ? ["42501"] : [])].map(literal).join(", ");
  return `get stacked diagnostics drayage_state = returned_sqlstate, drayage_said = message_text,
          drayage_con = constraint_name, drayage_col = column_name;
        if left(drayage_state, 2) in ('40', '53', '55', '57', '58', 'XX', '25', '42') and drayage_state not in (${ofRecords}) then raise; end if;`;
}

export async function makeCastFunctions(session: Session): Promise<void> {
  for (const [name, state, said] of [
    [lossyFunction, "DR001", "the cast would change the value"],
    [tooLongFunction, "22001", "the value is longer than its column allows"],
  ] as const) {
    const body = `begin raise exception using errcode = ${literal(state)}, message = ${literal(said)}; end`;
    await session.query(`create or replace function ${name}() returns text language plpgsql as ${dollarQuoted(body)}`);
  }
}

/** Casts every cell of every staged record that is not yet bad; those that fail are noted with their column. */
export async function findUncastable(session: Session, job: MergeJob): Promise<void> {
  const casts = job.columns.flatMap((column) => {
    if (column.cell === undefined) return [];
    const isKey = job.key.includes(column);
    const value = `(${columnValue(column, "lenient")})::${column.type}`;
    // A delete carries its key alone (PostgreSQL sources): its other cells are not looked at.
    return [
      {
        name: column.column,
        value: isKey || job.op === undefined ? value : `case when ${job.op} = 'D' then null else ${value} end`,
      },
    ];
  });
  if (job.opTimestamp !== undefined) casts.push({ name: "_op_ts", value: `(${job.opTimestamp})::timestamptz` });
  if (casts.length === 0) return;
  const all = casts.map((cast) => `count(${cast.value})`).join(", ");
  const one = casts
    .map(
      ({ name, value }) => `
        if not drayage_found then
          begin
            perform ${value} from ${job.staging} s where s._n = drayage_n;
          exception when others then
            ${raiseOthers(job)}
            insert into ${badTable} (_n, round, sqlstate, column_name, message) values (drayage_n, 0, drayage_state, ${literal(name)}, drayage_said);
            drayage_found := true;
          end;
        end if;`,
    )
    .join("");
  const body = `${declare}
begin
  for drayage_lo, drayage_hi in
    select min(c._n), max(c._n)
    from (select s._n, (row_number() over (order by s._n) - 1) / ${chunk} as chunk from ${job.staging} s) c
    group by c.chunk order by 1
  loop
    begin
      perform ${all} from ${job.staging} s where s._n between drayage_lo and drayage_hi and not exists (select from ${badTable} b where b._n = s._n);
    exception when others then
      ${raiseOthers(job)}
      for drayage_n in select s._n from ${job.staging} s where s._n between drayage_lo and drayage_hi and not exists (select from ${badTable} b where b._n = s._n) loop
        drayage_found := false;${one}
      end loop;
    end;
  end loop;
end`;
  await runWithIndex(session, job, "find_uncastable", body);
}

/** Applies the verdicts of a round piece by piece; those that a constraint or a trigger refuses are noted under `round + 1`. */
export async function applyEach(
  session: Session,
  job: MergeJob,
  round: number,
  statements: (places: readonly [string, string]) => readonly string[],
): Promise<void> {
  const block = (places: readonly [string, string]) =>
    [...statements(places), "set constraints all immediate"].map((statement) => `      ${statement};`).join("\n");
  const body = `${declare}
begin
  select max(place) into drayage_top from ${verdictTable} where round = ${round};
  drayage_lo := 1;
  while drayage_lo <= drayage_top loop
    drayage_hi := drayage_lo + ${chunk - 1};
    begin
${block(["drayage_lo", "drayage_hi"])}
    exception when others then
      ${raiseOthers(job)}
      for drayage_n in drayage_lo .. least(drayage_hi, drayage_top) loop
        begin
${block(["drayage_n", "drayage_n"])}
        exception when others then
          ${raiseOthers(job)}
          insert into ${badTable} (_n, round, sqlstate, column_name, constraint_name, message)
          select v._n, ${round + 1}, drayage_state, nullif(drayage_col, ''), nullif(drayage_con, ''), drayage_said
          from ${verdictTable} v where v.round = ${round} and v.place = drayage_n;
        end;
      end loop;
    end;
    drayage_lo := drayage_hi + 1;
  end loop;
end`;
  await session.query("create index on pg_temp.drayage_verdict (place)");
  await session.query(`analyze ${verdictTable}`);
  await runWithIndex(session, job, "apply_each", body);
  await session.query("drop index pg_temp.drayage_verdict_place_idx");
}

/** Each chunk finds its rows by `_n`; the index goes again, since COPY would keep it up to date for nothing. */
export async function runWithIndex(
  session: Session,
  job: MergeJob,
  name: string,
  body: string,
  settings = "",
): Promise<void> {
  await session.query(`create index drayage_staging_n on ${job.staging} (_n)`);
  await session.query(`analyze ${job.staging} (_n)`);
  await session.query(
    `create or replace function pg_temp.drayage_${name}() returns void language plpgsql${settings} as ${dollarQuoted(body)}`,
  );
  await session.query(`select pg_temp.drayage_${name}()`);
  await session.query("drop index pg_temp.drayage_staging_n");
}

export interface BadRecord {
  readonly ordinal: number;
  readonly record: number;
  readonly reason: RejectReason;
  readonly column: string | undefined;
  readonly constraint: string | undefined;
  readonly sqlstate: string | undefined;
  /** The server's words: may hold cell values, for `rejects.message` alone. */
  readonly message: string | undefined;
}

/** Why a record could not be loaded: the closed list of docs/errors.md. */
export const rejectReasons = {
  field_count: "The record has more or fewer fields than the object's other records",
  unclosed_quote: "A quoted field is not closed before the object ends",
  bad_quote: "Something other than a delimiter follows a closing quote",
  record_too_large: "The record is larger than limits.max_record_bytes",
  invalid_text: "A cell holds bytes that PostgreSQL cannot store",
  bad_json: "The document is not JSON",
  not_object: "The document is JSON, but no object",
  too_deep: "The document is nested deeper than limits.max_depth",
  truncated_lob: "The document or text was cut by DMS (LobMaxSize)",
  bad_op: "The op is none of I, U, D",
  null_key: "A key column is NULL",
  partial_unknown_key: "The record leaves cells out (unchanged_token), and no row or earlier record has them",
  late_partial: "A newer record of its row was applied before, and records of the table leave cells out",
  no_order: "The column that order_by names holds no number of up to 38 digits",
  cast: "A cell is not a value of its column's type",
  out_of_range: "A cell is beyond the range of its column's type",
  too_long: "A cell is longer than its column allows",
  lossy: "The cast would change the value",
  not_null: "A NOT NULL column would be NULL",
  check: "A CHECK constraint or a domain refused the row",
  unique: "Another row has the same value in a UNIQUE column",
  foreign_key: "The row that it refers to is not there",
  exclusion: "An exclusion constraint refused the row",
  generated: "The record has a value for a column that the server computes",
  row_security: "A row security policy refused the row",
  trigger: "A trigger or function raised an error",
  row_too_big: "The row does not fit a page of the database",
  refused: "The warehouse refused the record",
} as const;

export type RejectReason = keyof typeof rejectReasons;

/** SQLSTATE of a step that would make a row of cells that nobody knows. */
export const unknownState = "DR003";

const byState: Readonly<Record<string, RejectReason>> = {
  DR001: "lossy",
  [unknownState]: "partial_unknown_key",
  "22003": "out_of_range",
  "22008": "out_of_range",
  "22001": "too_long",
  "23502": "not_null",
  "23503": "foreign_key",
  "23505": "unique",
  "23514": "check",
  "23P01": "exclusion",
  "428C9": "generated",
  "42501": "row_security",
  P0001: "trigger",
  "54000": "row_too_big",
};

export function reasonOfState(sqlstate: string): RejectReason {
  return byState[sqlstate] ?? (sqlstate.startsWith("22") ? "cast" : "refused");
}

/** The bad records, in order. `limit` bounds what is fetched. */
export async function readBadRecords(session: Session, limit: number): Promise<BadRecord[]> {
  const { rows } = await session.query<
    Record<"ordinal" | "record" | "reason" | "column_name" | "constraint_name" | "sqlstate" | "message", string | null>
  >(
    `select (_n >> 40)::text as ordinal, (_n & 1099511627775)::text as record, reason, column_name, constraint_name, sqlstate, message
     from ${badTable} order by _n limit $1`,
    [limit],
  );
  return rows.map((row) => ({
    ordinal: Number(row.ordinal),
    record: Number(row.record),
    reason: (row.reason as RejectReason | null) ?? reasonOfState(row.sqlstate ?? ""),
    column: row.column_name ?? undefined,
    constraint: row.constraint_name ?? undefined,
    sqlstate: row.sqlstate ?? undefined,
    message: row.message ?? undefined,
  }));
}

export type { CastMode };
