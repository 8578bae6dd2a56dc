/** What a column holds, in a few figures, of the main table and of its shadow: NULLs, a checksum over the cells, how many are distinct. */
import type { MainTable } from "./catalog.ts";
import { ident, qualified } from "./identifier.ts";
import type { Session } from "./session.ts";
import { inSample } from "./staged-records.ts";

export interface ColumnFigures {
  readonly nulls: number;
  /** Sum of the cells' hashes; equal on both sides when the same cells are there, however often and in whatever order. */
  readonly checksum: string;
  /** Estimate by the server's statistics; undefined: it has none. */
  readonly distinct: number | undefined;
  /** Cell values, for whoever asked for them; undefined of types that have no order. */
  readonly least: string | undefined;
  readonly greatest: string | undefined;
}

export interface TableFigures {
  /** Without deleted ones. */
  readonly rows: number;
  readonly columns: ReadonlyMap<string, ColumnFigures>;
}

export interface FiguresOf {
  readonly columns: readonly string[];
  readonly key: readonly string[];
  /** Rows with `_deleted_at` are not looked at. */
  readonly soft: boolean;
  readonly oneIn: number | undefined;
  readonly extremes: boolean;
}

const ordered =
  /^(smallint|integer|bigint|numeric|real|double precision|text|character varying|bpchar|date|time|timestamp)/;

/** A row has 1,664 columns at the most. */
const atATime = 150;

export async function readFigures(
  session: Session,
  table: Pick<MainTable, "schema" | "name" | "columns">,
  { columns, key, soft, oneIn, extremes }: FiguresOf,
): Promise<TableFigures> {
  const figures = new Map<string, ColumnFigures>();
  const types = new Map(table.columns.map((column) => [column.name, column.baseType]));
  const where = [
    ...(soft ? ["t._deleted_at is null"] : []),
    ...(oneIn === undefined
      ? []
      : [
          inSample(
            key.map((column) => `t.${ident(column)}`),
            oneIn,
          ),
        ]),
  ];
  const distinct = await distinctValues(session, table);
  let rows = 0;
  for (let i = 0; i === 0 || i < columns.length; i += atATime) {
    const some = columns.slice(i, i + atATime);
    const terms = some.flatMap((column, n) => {
      const cell = `t.${ident(column)}`;
      const extreme = (which: string) => `left(${which}(${cell})::text, 60)`;
      const hasOrder = extremes && ordered.test(types.get(column) ?? "");
      return [
        `count(${cell}) as c${n}`,
        `coalesce(sum(hashtextextended(${cell}::text collate "C", 0)), 0)::text as h${n}`,
        ...(hasOrder ? [`${extreme("min")} as a${n}`, `${extreme("max")} as z${n}`] : []),
      ];
    });
    const row = await session.one<Record<string, string | null>>(
      `select count(*) as rows${terms.map((term) => `,\n  ${term}`).join("")}
from ${qualified(table.schema, table.name)} t${where.length === 0 ? "" : ` where ${where.join(" and ")}`}`,
    );
    rows = Number(row.rows);
    for (const [n, column] of some.entries()) {
      const share = distinct.get(column);
      figures.set(column, {
        nulls: rows - Number(row[`c${n}`]),
        checksum: checksumText(row[`h${n}`] ?? "0"),
        distinct: share === undefined ? undefined : Math.round(share < 0 ? -share * rows : share),
        least: row[`a${n}`] ?? undefined,
        greatest: row[`z${n}`] ?? undefined,
      });
    }
  }
  return { rows, columns: figures };
}

/** The sum, as 16 hexadecimal digits. */
function checksumText(sum: string): string {
  return BigInt.asUintN(64, BigInt(sum)).toString(16).padStart(16, "0");
}

/** As ANALYZE left them: below zero a share of the rows. Nothing is analyzed here: that would write to the catalog. */
async function distinctValues(
  session: Session,
  { schema, name }: Pick<MainTable, "schema" | "name">,
): Promise<Map<string, number>> {
  const { rows } = await session.query<{ column: string; distinct: number }>(
    `select attname::text as column, n_distinct::float8 as distinct from pg_stats where schemaname = $1 and tablename = $2 and not inherited`,
    [schema, name],
  );
  return new Map(rows.map((row) => [row.column, row.distinct]));
}
