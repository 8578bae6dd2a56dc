/** Makes objects of a table final or open again because somebody said so: those that are listed, and those that only the history knows. */
import type { Config } from "../config/config.ts";
import { DrayageError } from "../errors.ts";
import type { ObjectSource } from "../source/object-source.ts";
import { earlierEntries } from "../warehouse/backfills.ts";
import { countMarks, insertMarked, type Mark, markEntries, unknownNames } from "../warehouse/marks.ts";
import { migrate } from "../warehouse/migrate.ts";
import { Session } from "../warehouse/session.ts";
import { ensureTableState } from "../warehouse/table-state.ts";
import { warehouseError } from "../warehouse/warehouse-error.ts";
import { discover, type SourceObject, type TableFilter } from "./discover.ts";
import type { TableSpec } from "./table-spec.ts";

export interface MarkSettings {
  readonly config: Config;
  readonly source: ObjectSource;
  readonly wanted: TableFilter;
  readonly mark: Mark;
  /** Full keys or paths below source.url; or all before a moment. */
  readonly names: readonly string[];
  readonly before: Date | undefined;
  /** Called with the number of objects that will change; throws to stop. */
  readonly confirm: (objects: number) => void;
}

export interface Marked {
  readonly table: string;
  readonly target: string;
  readonly changed: number;
  /** A live run has them: left. */
  readonly held: number;
  /** Were so already, or are final. */
  readonly unchanged: number;
}

export async function markObjects(settings: MarkSettings): Promise<Marked> {
  const { config, mark, names, before } = settings;
  const { stateSchema } = config.warehouse;
  const { spec, objects } = await listed(settings);
  const session = await Session.connect(config.warehouse, "mark", config.source.timezone);
  try {
    await migrate(session, stateSchema);
    await ensureTableState(session, stateSchema, { name: spec.name, ...spec.target });
    await checkNames(session, spec, objects, settings);
    const entries = await earlierEntries(session, stateSchema, spec.name, objects, undefined);
    const unseen = objects.filter((_, i) => entries[i]?.status === undefined);
    const selection = { names, before, listed: objects };
    const found = await countMarks(session, stateSchema, spec.name, mark, selection);
    settings.confirm(found.changed + (mark === "pending" ? 0 : unseen.length));
    const changed = await session.transaction(async () => {
      const marked = await markEntries(session, stateSchema, spec.name, mark, selection);
      return mark === "pending" ? marked : marked + (await insertMarked(session, stateSchema, spec.name, mark, unseen));
    });
    return {
      table: spec.name,
      target: `${spec.target.schema}.${spec.target.table}`,
      changed,
      held: found.held,
      // What no run has seen is open by itself.
      unchanged: found.unchanged + (mark === "pending" ? unseen.length : 0),
    };
  } catch (error) {
    throw warehouseError(error, "mark objects", { table: spec.name });
  } finally {
    await session.close();
  }
}

/** The listed objects that are meant, of the one table that is. */
async function listed(settings: MarkSettings): Promise<{ spec: TableSpec; objects: SourceObject[] }> {
  const { names, before } = settings;
  const found = new Map<string, { spec: TableSpec; objects: SourceObject[] }>();
  await discover(settings.config, settings.source, settings.wanted, async (spec, objects) => {
    const table = found.get(spec.name) ?? { spec, objects: [] };
    found.set(spec.name, table);
    for (const object of objects) {
      const isBefore = before !== undefined && (object.fileTime ?? object.lastModified) < before;
      if (isBefore || names.some((name) => isNamed(object, name))) table.objects.push(object);
    }
    return [];
  });
  const [table, other] = found.values();
  if (other !== undefined) {
    throw new DrayageError("USAGE", {
      message: `A mark is about one table; these are ${found.size}: ${[...found.keys()].slice(0, 5).join(", ")}`,
      next: "Name one of them.",
    });
  }
  if (table === undefined) {
    throw new DrayageError("USAGE", {
      message: "No object of the table was found below source.url",
      next: "Check the table's prefix and source.url.",
    });
  }
  return table;
}

function isNamed(object: SourceObject, name: string): boolean {
  return object.key === name || object.path === name;
}

async function checkNames(
  session: Session,
  spec: TableSpec,
  objects: readonly SourceObject[],
  { names, config }: MarkSettings,
): Promise<void> {
  const others = names.filter((name) => !objects.some((object) => isNamed(object, name)));
  const [missing] = await unknownNames(session, config.warehouse.stateSchema, spec.name, others);
  if (missing !== undefined) throw new DrayageError("OBJECT_UNKNOWN", { place: { table: spec.name, object: missing } });
}
