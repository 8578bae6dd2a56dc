/** Reads the files that `columns_from` names, each once; what cannot be read is a problem of its line. */
import { type ColumnsExport, ExportFault, readColumnsExport } from "./columns-export.ts";
import type { ConfigTree } from "./config-tree.ts";
import { isMissing } from "./environment.ts";
import type { KeyPath, Problems } from "./problems.ts";
import type { ConfigInput } from "./schema.ts";

/** By path as written. */
export type ExportsByPath = ReadonlyMap<string, ColumnsExport>;

export function readExports(
  input: ConfigInput,
  tree: ConfigTree,
  problems: Problems,
  readFile: (path: string) => string,
): ExportsByPath {
  const exports = new Map<string, ColumnsExport>();
  const places: [path: KeyPath, file: string | undefined][] = [
    [["defaults", "columns_from"], input.defaults?.columns_from],
    ...Object.entries(input.tables).map(([name, entry]): [KeyPath, string | undefined] => [
      ["tables", name, "columns_from"],
      typeof entry === "object" ? entry.columns_from : undefined,
    ]),
  ];
  for (const [path, file] of places) {
    if (file === undefined || exports.has(file)) continue;
    try {
      exports.set(file, readColumnsExport(readFile(file)));
    } catch (error) {
      problems.add(path, tree.valueAt(path), faultText(error));
    }
  }
  return exports;
}

function faultText(error: unknown): string {
  if (error instanceof ExportFault) return `the file ${error.message}`;
  return isMissing(error) ? "there is no such file" : "the file cannot be read";
}
