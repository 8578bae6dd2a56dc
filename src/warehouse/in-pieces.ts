/**
 * The server-side loop under everything that looks for bad records: rows in pieces, each in an exception block. A piece that fails
 * is halved until one row is left, which is bad; after one the pieces begin small again, so that a run of bad records costs
 * little more than a block each. Generates the PL/pgSQL; whoever is past its limit of rejects is stopped (DR003).
 */
import { literal } from "./identifier.ts";
import { badTable, type MergeJob } from "./merge-sql.ts";
import { ordinalShift } from "./staging.ts";
import { serverFault } from "./warehouse-error.ts";

/** SQLSTATE of a loop that was stopped: an object has more bad records than its limits allow. */
const limitState = "DR003";

/** The object that had too many; undefined: the error is another. */
export function stoppedOrdinal(error: unknown): number | undefined {
  const fault = serverFault(error);
  return fault?.sqlstate === limitState ? Number(fault.constraint) : undefined;
}

export interface Pieces {
  /** Rows of a piece at the most: what fails is done again, what passes is one block. */
  readonly chunk: number;
  /** Of the very first one, where all may well pass. */
  readonly first?: number | undefined;
  /** Statements that set `drayage_top`. */
  readonly begin: string;
  /** Sets `drayage_hi`, the last row of the next `drayage_k` from `drayage_lo` on, and `drayage_k` to their number. */
  readonly next: string;
  /** What a piece of rows `drayage_lo` to `drayage_hi` does; of one row alone `step`, where that is something else. */
  readonly piece: string;
  readonly step?: string | undefined;
  /** Expression that the function returns, and declarations that it needs. */
  readonly result?: string | undefined;
  readonly declare?: string | undefined;
  /** Notes the one row `drayage_hi`, whose error is in `drayage_state` and the like, as bad; sets `drayage_n` to its `_n`, `drayage_found` to false if it is not. */
  readonly note: string;
}

/** Places that are numbered without gaps. */
export const nextPlaces = `drayage_hi := least(drayage_lo + drayage_k - 1, drayage_top);
    drayage_k := drayage_hi - drayage_lo + 1;`;

/** The names are such that no column has: where both are in sight, PL/pgSQL refuses a statement in which `state` may be either. */
export function inPieces(
  job: Pick<MergeJob, "rowSecurity" | "rejectLimits">,
  { chunk, first = chunk, begin, next, piece, step, note, result, declare = "" }: Pieces,
): string {
  return `#variable_conflict use_variable
declare
  drayage_lo bigint := 1; drayage_hi bigint; drayage_top bigint; drayage_n bigint; drayage_k bigint; drayage_found boolean;
  drayage_left bigint := 0; drayage_size bigint := ${first};
  drayage_state text; drayage_said text; drayage_con text; drayage_col text;${declare}${counters(job)}
begin
  ${begin}${countBefore(job)}
  while drayage_lo <= drayage_top loop
    drayage_k := case when drayage_left > 0 then (drayage_left + 1) / 2 else drayage_size end;
    ${next}
    begin
${step === undefined ? piece : `      if drayage_k > 1 then\n${piece}\n      else\n${step}\n      end if;`}
      drayage_lo := drayage_hi + 1;
      drayage_left := greatest(drayage_left - drayage_k, 0);
      if drayage_left = 0 then drayage_size := least(drayage_size * 2, ${chunk}); end if;
    exception when others then
      ${raiseOthers(job)}
      if drayage_k > ${chunk} then
        drayage_size := ${chunk};
      elsif drayage_k > 1 then
        drayage_left := drayage_k;
      else
        drayage_found := true;
${note}${countOne(job)}
        drayage_lo := drayage_hi + 1;
        drayage_left := 0;
        drayage_size := greatest(drayage_size / 4, 1);
      end if;
    end;
  end loop;${result === undefined ? "" : `\n  return ${result};`}
end`;
}

/** A condition of the server or of another session says nothing about a record: the loop must not swallow it. */
function raiseOthers(job: Pick<MergeJob, "rowSecurity">): string {
  const ofRecords = ["428C9", "42804", ...(job.rowSecurity ? ["42501"] : [])].map(literal).join(", ");
  return `get stacked diagnostics drayage_state = returned_sqlstate, drayage_said = message_text,
          drayage_con = constraint_name, drayage_col = column_name;
      if left(drayage_state, 2) in ('40', '53', '55', '57', '58', 'XX', '25', '42') and drayage_state not in (${ofRecords}) then raise; end if;`;
}

/** By ordinal + 1: how many bad records each object may have, and has. */
function counters({ rejectLimits }: Pick<MergeJob, "rejectLimits">): string {
  if (rejectLimits === undefined) return "";
  const most: string[] = [];
  for (const { ordinal, most: limit } of rejectLimits) most[ordinal] = String(Math.max(0, Math.floor(limit)));
  const all = Array.from(most, (limit) => limit ?? "null").join(",");
  return `\n  drayage_most bigint[] := ${literal(`{${all}}`)}; drayage_bads bigint[] := array[]::bigint[];`;
}

function countBefore({ rejectLimits }: Pick<MergeJob, "rejectLimits">): string {
  if (rejectLimits === undefined) return "";
  return `
  for drayage_n, drayage_k in select b._n >> ${ordinalShift}, count(*) from ${badTable} b group by 1 loop
    drayage_bads[drayage_n + 1] := drayage_k;
  end loop;`;
}

function countOne({ rejectLimits }: Pick<MergeJob, "rejectLimits">): string {
  if (rejectLimits === undefined) return "";
  const at = `(drayage_n >> ${ordinalShift}) + 1`;
  return `
        if drayage_found then drayage_bads[${at}] := coalesce(drayage_bads[${at}], 0) + 1; end if;
        if drayage_bads[${at}] > drayage_most[${at}] then
          raise exception using errcode = ${literal(limitState)}, message = 'an object has more bad records than it may have', constraint = (drayage_n >> ${ordinalShift})::text;
        end if;`;
}
