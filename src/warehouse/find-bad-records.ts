/**
 * The server-side loops that find bad records, run only after a set-based statement failed or cells were suspect: staged rows in
 * pieces, each in an exception block (in-pieces.ts). They fill `drayage_bad`. One round trip each; the clean path pays nothing
 * for them.
 */
import { lossyFunction, tooLongFunction } from "./cast.ts";
import { suspectColumns } from "./classify-sql.ts";
import { dollarQuoted, literal } from "./identifier.ts";
import { inPieces, nextPlaces } from "./in-pieces.ts";
import { badTable, type CastMode, columnValue, type MergeJob, verdictTable } from "./merge-sql.ts";
import type { Session } from "./session.ts";

/** What is cast leaves nothing behind; what was written and rolled back leaves dead rows. */
const castChunk = 512;
const applyChunk = 128;

export async function makeCastFunctions(session: Session): Promise<void> {
  for (const [name, state, said] of [
    [lossyFunction, "DR001", "the cast would change the value"],
    [tooLongFunction, "22001", "the value is longer than its column allows"],
  ] as const) {
    const body = `begin raise exception using errcode = ${literal(state)}, message = ${literal(said)}; end`;
    // Immutable, or no key that is cast could be joined by its hash; by a cell, or the planner would try it and raise.
    await session.query(
      `create or replace function ${name}(cell text) returns text language plpgsql immutable as ${dollarQuoted(body)}`,
    );
  }
}

/** Records that only the lenient forms take, after which all are cast by those: they are not just a few. */
const mostOdd = 32;

/**
 * Casts every cell of every staged record that is not yet bad; those that fail are noted with their column. By the strict forms
 * first: the lenient ones are ten times as slow. Answers whether those do for all that is left.
 */
export async function findUncastable(session: Session, job: MergeJob): Promise<boolean> {
  const casts = job.columns.flatMap((column) => {
    if (column.cell === undefined) return [];
    const isKey = job.key.includes(column);
    const value = (mode: CastMode) => {
      const cast = `(${columnValue(column, mode)})::${column.type}`;
      // A delete carries its key alone (PostgreSQL sources): its other cells are not looked at.
      return isKey || job.op === undefined ? cast : `case when ${job.op} = 'D' then null else ${cast} end`;
    };
    return [{ name: column.column, value: value("lenient"), strict: value("strict") }];
  });
  if (job.opTimestamp !== undefined) {
    const value = `(${job.opTimestamp})::timestamptz`;
    casts.push({ name: "_op_ts", value, strict: value });
  }
  if (casts.length === 0) return true;
  const span = `${job.staging} s where s._n between drayage_lo and drayage_hi and not exists (select from ${badTable} b where b._n = s._n)`;
  const counts = (of: (cast: (typeof casts)[number]) => string) => casts.map((cast) => `count(${of(cast)})`).join(", ");
  const suspects = suspectColumns(job).map(({ test }) => test);
  const suspect =
    suspects.length === 0
      ? ""
      : `
        if exists (select from ${span} and (${suspects.join("\n          or ")})) then raise exception using errcode = 'DR004'; end if;`;
  const one = casts
    .map(
      ({ name, value }) => `
        if not drayage_found then
          begin
            perform ${value} from ${job.staging} s where s._n = drayage_n;
          exception when others then
            get stacked diagnostics drayage_state = returned_sqlstate, drayage_said = message_text, drayage_con = constraint_name;
            insert into ${badTable} (_n, round, sqlstate, column_name, constraint_name, message)
            values (drayage_n, 0, drayage_state, ${literal(name)}, nullif(drayage_con, ''), drayage_said);
            drayage_found := true;
          end;
        end if;`,
    )
    .join("");
  const body = inPieces(job, {
    chunk: castChunk,
    // Mostly it was a constraint that failed, and every cell is sound.
    first: 2 ** 40,
    begin: `select max(s._n) into drayage_top from ${job.staging} s;`,
    next: `select max(x._n), count(*) into drayage_hi, drayage_k
    from (select s._n from ${job.staging} s where s._n >= drayage_lo order by s._n limit drayage_k) x;`,
    piece: `      if drayage_odd < ${mostOdd} then
        perform ${counts((cast) => cast.strict)} from ${span};${suspect}
      else
        perform ${counts((cast) => cast.value)} from ${span};
      end if;`,
    note: `        drayage_n := drayage_hi;
        drayage_found := false;${one}
        if not drayage_found then drayage_odd := drayage_odd + 1; end if;`,
    declare: " drayage_odd bigint := 0;",
    result: "drayage_odd",
  });
  const odd = await runWithIndex(session, job, "find_uncastable", body, { returns: "bigint" });
  await analyzeBad(session);
  return odd === "0";
}

/** Applies the verdicts of a round piece by piece; those that a constraint or a trigger refuses are noted under `round + 1`. */
export async function applyEach(
  session: Session,
  job: MergeJob,
  round: number,
  statements: (places: readonly [string, string]) => readonly string[],
): Promise<void> {
  const all = [...statements(["drayage_lo", "drayage_hi"]), "set constraints all immediate"];
  const body = inPieces(job, {
    chunk: applyChunk,
    begin: `select max(place) into drayage_top from ${verdictTable} where round = ${round};`,
    next: nextPlaces,
    piece: all.map((statement) => `      ${statement};`).join("\n"),
    note: `        select v._n into drayage_n from ${verdictTable} v where v.round = ${round} and v.place = drayage_hi;
        insert into ${badTable} (_n, round, sqlstate, column_name, constraint_name, message)
        values (drayage_n, ${round + 1}, drayage_state, nullif(drayage_col, ''), nullif(drayage_con, ''), drayage_said);`,
  });
  await session.query("create index on pg_temp.drayage_verdict (place)");
  await session.query(`analyze ${verdictTable}`);
  await runWithIndex(session, job, "apply_each", body);
  await session.query("drop index pg_temp.drayage_verdict_place_idx");
  await analyzeBad(session);
}

/**
 * Without statistics the next statement may join a thousand bad records with every staged one, pair by pair. An empty table is not
 * looked at: taken for empty, it would be joined so once it has filled.
 */
async function analyzeBad(session: Session): Promise<void> {
  const { some } = await session.one<{ some: boolean }>(`select exists (select from ${badTable}) as some`);
  if (some) await session.query(`analyze ${badTable}`);
}

/** Each piece finds its rows by `_n`; the index goes again, since COPY would keep it up to date for nothing. What the function returns. */
export async function runWithIndex(
  session: Session,
  job: MergeJob,
  name: string,
  body: string,
  { returns = "void", settings = "" } = {},
): Promise<string> {
  await session.query(`create index drayage_staging_n on ${job.staging} (_n)`);
  await session.query(`analyze ${job.staging} (_n)`);
  await session.query(`drop function if exists pg_temp.drayage_${name}()`);
  await session.query(
    `create function pg_temp.drayage_${name}() returns ${returns} language plpgsql${settings} as ${dollarQuoted(body)}`,
  );
  const { result } = await session.one<{ result: string }>(`select pg_temp.drayage_${name}()::text as result`);
  await session.query("drop index pg_temp.drayage_staging_n");
  return result;
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
