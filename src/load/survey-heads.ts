/**
 * What the heads of a new table's objects hold, before any of them is loaded: the table is made once, with types that take all of
 * it, whatever order the objects come in, and no ALTER rewrites what was just loaded.
 */
import type { Config } from "../config/config.ts";
import { DrayageError } from "../errors.ts";
import { DocumentFault, type DocumentFlattener } from "../rows/flatten-document.ts";
import { detectShape } from "../rows/object-shape.ts";
import { RecordReader } from "../rows/record-reader.ts";
import type { ObjectSource } from "../source/object-source.ts";
import type { ExpectedPath } from "./binding.ts";
import { checkOverflow } from "./contract-limits.ts";
import type { SourceObject } from "./discover.ts";
import { openObject } from "./open-object.ts";
import { storedPath } from "./stored-path.ts";
import { flatteners, knownNames, nullRule, overflowOf, type TableKnowledge } from "./table-knowledge.ts";

export interface SurveySettings {
  readonly config: Config;
  readonly source: ObjectSource;
  readonly signal: AbortSignal | undefined;
}

/** Of an object's own bytes: one answer to a ranged GET. */
export const surveyedBytes = 131_072;
/** More objects are looked at evenly spread, the first and the last among them; what they miss, the contract sees later. */
const mostObjects = 1_000;
const atOnce = 16;

export async function surveyHeads(
  known: TableKnowledge,
  objects: readonly SourceObject[],
  settings: SurveySettings,
): Promise<readonly ExpectedPath[]> {
  const survey = new Survey(known, settings);
  const chosen = spread(objects, mostObjects);
  for (let i = 0; i < chosen.length; i += atOnce) {
    settings.signal?.throwIfAborted();
    const heads = await Promise.all(chosen.slice(i, i + atOnce).map((object) => survey.look(object)));
    // A source without documents has nothing to say.
    if (i === 0 && heads.every((hasDocuments) => hasDocuments === false)) return [];
  }
  checkOverflow(known.spec, survey.overflow(), undefined);
  return survey.paths();
}

function spread<T>(all: readonly T[], most: number): readonly T[] {
  if (all.length <= most) return all;
  return Array.from({ length: most }, (_, i) => all[Math.round((i * (all.length - 1)) / (most - 1))]!);
}

class Survey {
  readonly #known: TableKnowledge;
  readonly #settings: SurveySettings;
  /** By document column: over all objects, so that their number of columns is bounded as a unit's is. */
  readonly #flatteners = new Map<string, DocumentFlattener>();
  #cells = 0;
  #records = 0;

  constructor(known: TableKnowledge, settings: SurveySettings) {
    this.#known = known;
    this.#settings = settings;
  }

  /** Whether the object has documents; undefined: it cannot be read, which its own load will say. */
  async look(object: SourceObject): Promise<boolean | undefined> {
    const { config, source, signal } = this.#settings;
    try {
      const opened = await openObject(source, object, {
        gzip: object.gzip,
        encoding: this.#known.spec.config.dialect.encoding,
        maxHeadBytes: surveyedBytes,
        maxBytes: surveyedBytes,
        signal,
      });
      try {
        const shape = detectShape(opened.head, opened.whole, knownNames(this.#known, object.kind));
        const allocate = () => this.#cells++;
        const documents = new Map<number, DocumentFlattener>();
        for (const [index, made] of flatteners(this.#known, shape, config.limits.maxDepth, allocate)) {
          const name = shape.fields[index]?.name ?? "";
          const flattener = this.#flatteners.get(name) ?? made;
          this.#flatteners.set(name, flattener);
          documents.set(index, flattener);
        }
        if (documents.size === 0) return false;
        const reader = new RecordReader({
          delimiter: shape.delimiter,
          quoted: shape.quoted,
          rowDelimiter: shape.rowDelimiter,
          nullTokens: nullRule(this.#known, opened, shape).tokens,
          maxRecordBytes: config.limits.maxRecordBytes,
          singleColumn: shape.fields.length === 1,
          onRecord: (fields) => this.#record(fields, documents),
          onFault: () => undefined,
        });
        reader.write(opened.head.subarray(shape.bodyOffset));
        if (opened.whole) reader.end();
        return true;
      } finally {
        opened.close();
      }
    } catch (error) {
      if (signal?.aborted === true || !(error instanceof DrayageError)) throw error;
      return undefined;
    }
  }

  #record(fields: readonly (string | null)[], documents: ReadonlyMap<number, DocumentFlattener>): void {
    this.#records++;
    for (const [index, flattener] of documents) {
      const document = fields[index];
      if (document === null || document === undefined) continue;
      try {
        flattener.flatten(document, this.#records, []);
      } catch (error) {
        if (!(error instanceof DocumentFault)) throw error;
      }
    }
  }

  overflow(): Map<string, number> {
    return overflowOf(this.#known.spec, this.#flatteners);
  }

  paths(): ExpectedPath[] {
    return [...this.#flatteners].flatMap(([document, flattener]) =>
      flattener.columns
        .filter((column) => column.kinds !== 0)
        .map(({ path, kinds }): ExpectedPath => ({ path: storedPath(document, path), kinds })),
    );
  }
}
