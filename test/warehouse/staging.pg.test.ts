/** What a session and the state schema keep from transaction to transaction, and what two sessions do to it at once. */
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { readMainTable } from "../../src/warehouse/catalog.ts";
import { createTombstones, renewTombstonesView, tombstonesName } from "../../src/warehouse/main-table.ts";
import { migrate } from "../../src/warehouse/migrate.ts";
import { Session } from "../../src/warehouse/session.ts";
import { Staging } from "../../src/warehouse/staging.ts";
import { ensureTableState } from "../../src/warehouse/table-state.ts";
import { configHere } from "../support/load-here.ts";
import { openWorkplace, type Workplace } from "../support/workplace.ts";

let place: Workplace;
let sessions: Session[] = [];
beforeAll(async () => {
  place = await openWorkplace();
  place.config(`source: {url: "${place.source}"}\nwarehouse: {url: "\${DATABASE_URL}"}\ntables:\n  t: {prefix: t}\n`);
});
beforeEach(async () => {
  sessions = await Promise.all([0, 1].map(() => Session.connect(configHere(place).warehouse, "test", "UTC")));
  return () => Promise.all(sessions.map((session) => session.close()));
});
afterAll(() => place.end());

test("a stage transaction that rolls back takes nothing with it that the next one needs", async () => {
  const [session] = sessions as [Session];
  const staging = new Staging(session);
  const failing = session.transaction(async () => {
    await staging.empty(2);
    throw new Error("given up");
  });
  await expect(failing).rejects.toThrow("given up");
  await staging.forget();
  const { rows } = await session.transaction(async () => {
    const table = await staging.empty(2);
    const copy = await staging.copyCsv(table, 3, 2, { delimiter: ",", quoted: true, nullToken: "" });
    await copy.write(Buffer.from("a,b\nc,\n"));
    await copy.finish();
    return session.query<{ n: string }>(`select (_n - 3 * 2 ^ 40)::int as n from ${table.name} order by _n`);
  });
  expect(rows).toEqual([{ n: 1 }, { n: 2 }]);
});

test("two tables that get their first tombstones at once are both in the view", async () => {
  const [one, two] = sessions as [Session, Session];
  await migrate(one, "drayage");
  const make = async (session: Session, name: string) => {
    await session.query(`create table public.${name} (id integer primary key)`);
    const { tableId } = await ensureTableState(session, "drayage", { name, schema: "public", table: name });
    const main = await readMainTable(session, "public", name);
    if (main === undefined) throw new Error("the table is there");
    const tombstones = tombstonesName("drayage", tableId);
    return async () => {
      await session.query(createTombstones(tombstones, main, ["id"]));
      await session.query(`insert into ${tombstones} values (1, 1, 1, now())`);
      await renewTombstonesView(session, "drayage");
    };
  };
  const [first, second] = [await make(one, "first"), await make(two, "second")];
  let other: Promise<void> | undefined;
  await one.transaction(async () => {
    await first();
    other = two.transaction(second);
    const waits = "select from pg_locks where pid = $1 and not granted";
    await expect.poll(async () => (await place.client.query(waits, [two.processId])).rowCount).toBe(1);
  });
  await other;
  const { rows } = await one.query<{ table_name: string }>("select table_name from drayage.tombstones order by 1");
  expect(rows.map((row) => row.table_name)).toEqual(["first", "second"]);
});
