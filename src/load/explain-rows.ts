/** Names the object and the record that explain a row of a difference. */
import type { RowDifference } from "../warehouse/list-difference.ts";
import type { Claim } from "../warehouse/load-history.ts";
import type { Session } from "../warehouse/session.ts";
import { entryKeys } from "../warehouse/table-entries.ts";
import type { SourceObject } from "./discover.ts";
import type { TableSpec } from "./table-spec.ts";
import { codeOf, type ExplainedRow } from "./validation.ts";

export class ObjectNames {
  readonly #session: Session;
  readonly #stateSchema: string;
  readonly #ordered: boolean;
  readonly #paths = new Map<bigint, string>();
  readonly #byVersion = new Map<string, string>();
  /** What stands before the path in a key. */
  readonly #base: string;

  constructor(
    session: Session,
    stateSchema: string,
    spec: TableSpec,
    claims: ReadonlyMap<bigint, Claim<SourceObject>>,
  ) {
    this.#session = session;
    this.#stateSchema = stateSchema;
    this.#ordered = spec.config.orderBy !== undefined;
    let base = "";
    for (const [id, { object }] of claims) {
      this.#paths.set(id, object.path);
      base = object.key.slice(0, object.key.length - object.path.length);
      if (object.kind === "change") this.#byVersion.set(String(object.version), object.path);
    }
    this.#base = base;
  }

  pathOf(key: string): string {
    return key.startsWith(this.#base) ? key.slice(this.#base.length) : key;
  }

  /** Entries that are no part of the state: superseded, skipped. */
  async learn(rows: readonly RowDifference[]): Promise<void> {
    const unknown = rows.flatMap(({ wasObject }) =>
      wasObject === undefined || this.#paths.has(wasObject) ? [] : [wasObject],
    );
    for (const [id, key] of await entryKeys(this.#session, this.#stateSchema, unknown))
      this.#paths.set(id, this.pathOf(key));
  }

  of(id: bigint | undefined): string | undefined {
    return id === undefined ? undefined : this.#paths.get(id);
  }

  /** By order_by an object's own version stands after the point. */
  ofVersion(version: string | undefined): string | undefined {
    if (version === undefined) return undefined;
    return this.#byVersion.get(this.#ordered ? (version.split(".")[1] ?? "") : version);
  }
}

export function explainRow(row: RowDifference, names: ObjectNames): ExplainedRow {
  const deleted = row.deletedVersion !== undefined && row.object === undefined;
  return {
    code: codeOf[row.verdict],
    why: row.why,
    key: row.key,
    object: deleted ? names.ofVersion(row.deletedVersion) : names.of(row.object),
    record: deleted ? row.deletedRecord : row.record,
    rowObject: names.of(row.wasObject),
    rowRecord: row.wasRecord,
    columns: row.columns,
  };
}
