/** Compares the main table with the source table that a scene was made of: once everything is delivered, they are equal. */
import type { SourceRows } from "./random-cells.ts";
import type { Trial } from "./scene-delivery.ts";

/** By the source's own word, not by the records that came of it. */
export async function sourceProblems({ place, scene, name }: Trial, source: SourceRows): Promise<string[]> {
  const { rows: columns } = await place.client.query<{ path: string; column: string }>(
    "select path, column_name as column from drayage.columns where table_name = $1",
    [name],
  );
  const columnOf = new Map(columns.map(({ path, column }) => [path, column]));
  const cells = source.columns.flatMap((path) =>
    columnOf.has(path) ? [{ path, column: columnOf.get(path) ?? "" }] : [],
  );
  const absent = source.columns.filter((path) => !columnOf.has(path));
  if (columns.length === 0) return source.rows.size === 0 ? [] : ["source has rows, and there is no table"];
  const { rows } = await place.client.query<Record<string, string | null>>(
    `select ${cells.map(({ column }) => `"${column}"::text as "${column}"`).join(", ")} from public.${name}
     where ${scene.deletes === "soft" ? "_deleted_at is null" : "true"}`,
  );
  const problems: string[] = [];
  const left = new Map(source.rows);
  for (const row of rows) {
    const key = scene.key.map((path) => row[columnOf.get(path) ?? ""] ?? "").join("|");
    const own = left.get(key);
    left.delete(key);
    if (own === undefined) {
      problems.push(`source has no row ${key}, or it is there twice`);
      continue;
    }
    for (const { path, column } of cells) {
      const want = own[path]?.value ?? null;
      if (row[column] !== want)
        problems.push(`source has ${JSON.stringify(want)} in ${key} ${path}, the table ${JSON.stringify(row[column])}`);
    }
    for (const path of absent)
      if (own[path]?.value != null) problems.push(`source has a value in ${key} ${path}, and the table no such column`);
  }
  for (const key of left.keys()) problems.push(`source has row ${key}, the table has not`);
  return problems;
}
