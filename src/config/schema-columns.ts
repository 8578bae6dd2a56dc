/** The `columns` key of the config: a map of rules, or a list that gives names and order too. */
import { z } from "zod";
import * as v from "./schema-values.ts";

const columnRule = z.union(
  [
    v.columnRuleText,
    v.section({
      type: v.columnType.optional().describe("Its PostgreSQL type."),
      as: v.identifier.optional().describe("Its name in the warehouse."),
      using: v.expression
        .optional()
        .describe("SQL expression over `value`, the cell's text, that makes the column's value."),
      timezone: v.timeZone.optional().describe("Zone of its times that have none."),
    }),
  ],
  "must be a type, ignore, hash, jsonb or a map of type, as, using, timezone",
);
export type ColumnRuleInput = z.output<typeof columnRule>;

export const columns = z.union(
  [
    z.record(v.text, columnRule),
    z
      .array(
        z
          .union([z.string(), z.record(v.text, columnRule)], "must be `name`, `name type` or `name: {...}`")
          .superRefine(listedColumn),
      )
      .superRefine(listedOnce),
  ],
  "must be a map of columns, or a list of them in the source's order",
);
export type ColumnsInput = z.output<typeof columns>;

/** A column in a list: `name`, `name type` or a map of one. */
function listedColumn(entry: string | Record<string, unknown>, context: z.RefinementCtx): void {
  if (typeof entry !== "string") {
    if (Object.keys(entry).length !== 1)
      context.addIssue({ code: "custom", message: "must be one column; begin each with its own -" });
    return;
  }
  const [name, type] = splitColumn(entry);
  if (name === "") context.addIssue({ code: "custom", message: "must not be empty" });
  if (type === undefined) return;
  const parsed = v.columnRuleText.safeParse(type);
  if (!parsed.success)
    context.addIssue({ code: "custom", message: parsed.error.issues[0]?.message ?? "is not a type" });
}

function listedOnce(entries: readonly (string | Record<string, unknown>)[], context: z.RefinementCtx): void {
  const seen = new Set<string>();
  for (const [i, entry] of entries.entries()) {
    const name = typeof entry === "string" ? splitColumn(entry)[0] : Object.keys(entry)[0];
    if (name === undefined) continue;
    if (seen.has(name)) context.addIssue({ code: "custom", path: [i], message: "names a column for the second time" });
    seen.add(name);
  }
}

/** `id bigint` in two: the name ends at the first space. */
export function splitColumn(entry: string): [name: string, type: string | undefined] {
  const trimmed = entry.trim();
  const space = trimmed.search(/\s/);
  return space < 0 ? [trimmed, undefined] : [trimmed.slice(0, space), trimmed.slice(space).trim()];
}
