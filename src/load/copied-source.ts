/** A source that was copied under other keys, or to another bucket: what is loaded already must not be loaded again unasked. */
import { DrayageError } from "../errors.ts";
import { countElsewhere, countFinal } from "../warehouse/elsewhere.ts";
import type { Session } from "../warehouse/session.ts";
import type { SourceObject } from "./discover.ts";

/** With fewer, nothing can be told from a share. */
const fewestKnown = 20;

export class CopiedSource {
  readonly #session: Session;
  readonly #stateSchema: string;
  readonly #copies = new Map<string, number>();

  constructor(session: Session, stateSchema: string) {
    this.#session = session;
    this.#stateSchema = stateSchema;
  }

  /** Objects of a page that no run has noted. */
  async add(table: string, unseen: readonly SourceObject[]): Promise<void> {
    if (unseen.length === 0) return;
    const copies = await countElsewhere(this.#session, this.#stateSchema, table, unseen);
    if (copies > 0) this.#copies.set(table, (this.#copies.get(table) ?? 0) + copies);
  }

  /** Throws SOURCE_COPIED when more than half of what is loaded, of these tables, is there under other keys. */
  async check(tables: readonly string[], now: Date): Promise<void> {
    const copies = [...this.#copies.values()].reduce((sum, count) => sum + count, 0);
    if (copies * 2 < fewestKnown) return;
    const known = await countFinal(this.#session, this.#stateSchema, tables);
    if (known < fewestKnown || copies * 2 <= known) return;
    const before = now.toISOString();
    throw new DrayageError("SOURCE_COPIED", {
      message: `${copies} objects have the names and sizes of objects that are loaded already, under other keys; ${known} are known`,
      lines: [
        "# They are the same: take them for loaded",
        ...[...this.#copies.keys()].sort().map((table) => `drayage mark loaded ${table} --before ${before} --yes`),
        "# They are others: load them",
        "drayage load --yes",
      ],
    });
  }
}
