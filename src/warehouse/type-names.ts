/** Types as the server spells them: `timestamptz` of a config is `timestamp with time zone` in the catalog. */
import { readMainTable } from "./catalog.ts";
import type { Session } from "./session.ts";
import { temporaryShadow } from "./shadow.ts";

/** In their order, with modifiers; undefined: the server has no such type. `types` come from a checked config or the state schema. */
export async function spelledTypes(session: Session, types: readonly string[]): Promise<(string | undefined)[]> {
  const names = [...new Set(types)];
  const spelled = new Map<string, string>();
  const { schema } = await temporaryShadow(session);
  for (const name of names) {
    try {
      await session.savepoint("drayage_type", async () => {
        await session.query(`create temporary table drayage_type (c ${name})`);
        const probe = await readMainTable(session, schema, "drayage_type");
        const type = probe?.columns[0]?.type;
        if (type !== undefined) spelled.set(name, type);
        await session.query("drop table pg_temp.drayage_type");
      });
    } catch {
      // A type that was dropped since; the table cannot have it either.
    }
  }
  return types.map((type) => spelled.get(type));
}
