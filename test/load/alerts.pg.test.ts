/** Alerts of real loads: each thing is told once when it begins and once when it is over, whatever happens between. */
import { rmSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, expect, test } from "vitest";
import { AlertScene, broken, cutGzip, inHours, orders } from "../support/alert-scene.ts";
import type { HookServer } from "../support/hook-server.ts";
import { loadHere } from "../support/load-here.ts";
import type { Workplace } from "../support/workplace.ts";

let scene: AlertScene;
let place: Workplace;
let hooks: HookServer;
beforeEach(async () => {
  scene = await AlertScene.open();
  ({ place, hooks } = scene);
});
afterEach(() => scene.close());

test("a failure: once over three runs, and once when it is over", async () => {
  place.put(broken, cutGzip);
  for (let run = 0; run < 3; run++) expect(await scene.load()).toBe(1);
  expect(hooks.told()).toEqual(["raised failed GZIP_BROKEN 1"]);
  const [call] = hooks.calls;
  expect(call).toMatchObject({ method: "POST", path: "/hook?key=hush" });
  const command = `drayage load orders --object ${broken}`;
  expect(call?.body?.text).toMatch(
    new RegExp(
      `^drayage failed: orders: 1 object failed: GZIP_BROKEN\nSince [-0-9]+ [0-9:]+ UTC. file:.*\nNext: ${command}$`,
    ),
  );
  expect(call?.body?.drayage).toMatchObject({
    format: 1,
    source: place.source,
    since: expect.stringMatching(/^20.*Z$/),
    subjects: [{ table: "orders", message: "1 object failed: GZIP_BROKEN", next: command }],
  });
  rmSync(fileURLToPath(`${place.source}/${broken}`));
  place.put(broken.replace(".gz", ""), "Op,id,amount\nI,2,5\n");
  await place.client.query(
    "update drayage.load_history set status = 'skipped', error_code = null, retry = null where status = 'failed'",
  );
  for (let run = 0; run < 2; run++) expect(await scene.load()).toBe(0);
  expect(hooks.told()).toEqual(["raised failed GZIP_BROKEN 1", "cleared failed GZIP_BROKEN 1"]);
  expect(hooks.calls[1]?.body?.text).toMatch(
    /^drayage over \(failed\): orders: 1 object failed: GZIP_BROKEN\nBegan .* ago\. file:/,
  );
  const { rows } = await place.client.query("select cause, subject, cleared_at is null as open from drayage.alerts");
  expect(rows).toEqual([{ cause: "failed", subject: "GZIP_BROKEN table orders", open: false }]);
  expect(scene.warnings).toEqual([]);
});

test("a run that was killed is told by the next one, whatever finished meanwhile, and is over with the one after", async () => {
  expect(await scene.load()).toBe(0);
  // With the lock of no session: it ended without a word.
  const killed = (id: string) =>
    place.client.query(
      `insert into drayage.runs (run_id, command, host, pid, version) overriding system value
       values (${id}, 'load', 'elsewhere', 7, '0')`,
    );
  await killed("nextval(pg_get_serial_sequence('drayage.runs', 'run_id'))");
  const { report } = await loadHere(place, { warnings: scene.warnings });
  expect(report.attention).toMatchObject([
    { cause: "lost_run", message: "Run 2 on elsewhere:7 ended without a word; a later one took over what it held" },
  ]);
  expect(hooks.told()).toEqual(["raised lost_run 1"]);
  expect([await scene.attention(), await scene.load()]).toEqual([[], 0]);
  expect(hooks.told()).toEqual(["raised lost_run 1", "cleared lost_run 1"]);
  // It began before the others, and died after them.
  await killed("0");
  expect(await scene.attention()).toEqual([expect.stringMatching(/^lost_run Run 0 /)]);
  expect(await scene.load()).toBe(0);
  expect(hooks.told().at(-1)).toBe("raised lost_run 1");
});

test("300 quiet tables and one dead DMS are one POST, and one more when it lives again", async () => {
  scene.configure("", '"shop/*": {}, orders: {prefix: shop/orders, primary_key: [id], expect_every: 1h}');
  scene.age("shop/orders/LOAD00000001.csv", 3);
  expect(await scene.load()).toBe(0);
  await scene.forget();
  await place.client.query(
    `insert into drayage.tables (table_name, main_schema, main_table, folder, last_modified)
     select 't' || n, 'shop', 't' || n, 'shop/t' || n, now() - interval '3 hours' - n * interval '1 minute' from generate_series(1, 300) n`,
  );
  for (let run = 0; run < 2; run++) expect(await scene.load()).toBe(0);
  expect(hooks.told()).toEqual(["raised late_source silent 1"]);
  place.put("shop/orders/20260101-010000000.csv", "Op,id,amount\nI,2,5\n");
  expect(await scene.load()).toBe(0);
  expect(hooks.told()).toEqual(["raised late_source silent 1", "cleared late_source silent 1"]);
});

test("what a run of a part cannot know, it neither raises nor clears", async () => {
  place.put("shop/orders/20260101-010000000.csv", "Op,id,amount\nI,2,5\n");
  expect(await scene.load()).toBe(0);
  await scene.runEnds(inHours(2.5), { complete: false });
  // Nobody listed the source: that, it can know. That nothing lies there, only a listing can.
  expect(hooks.told()).toEqual(["raised late_source unlisted 1"]);
  await scene.runEnds(inHours(3), { complete: false });
  await place.client.query("update drayage.runs set listed_at = now() + interval '3 hours'");
  await scene.runEnds(inHours(3.5));
  expect(hooks.told()).toEqual(["raised late_source unlisted 1", "raised late_source silent 1"]);
  await scene.runEnds(inHours(9), { complete: false });
  expect(hooks.told()).toHaveLength(2);
});

test("new folders make one `unclaimed`, a later one another", async () => {
  for (const folder of ["new", "<!channel>", "other"]) place.put(`shop/${folder}/LOAD00000001.csv`, "id\n1\n");
  for (let run = 0; run < 2; run++) expect(await scene.load()).toBe(0);
  expect(hooks.told()).toEqual(["raised unclaimed 3"]);
  const [call] = hooks.calls;
  expect(call?.body?.drayage.subjects.map(({ folder }) => folder)).toEqual([
    "shop/<!channel>",
    "shop/new",
    "shop/other",
  ]);
  expect(call?.body?.text).toMatch(
    /^drayage unclaimed: shop\/&lt;!channel&gt;, shop\/new, shop\/other: No table reads these folders\n/,
  );
  place.put("shop/late/LOAD00000001.csv", "id\n1\n");
  expect(await scene.load()).toBe(0);
  expect(hooks.told()).toEqual(["raised unclaimed 3", "raised unclaimed 1"]);
});

test("a run that fails as a whole: told by its code, once; over when a whole run ends", async () => {
  await scene.load();
  scene.configure("", orders, `${place.source}/nowhere`);
  for (let run = 0; run < 2; run++)
    await expect(scene.load()).rejects.toMatchObject({ code: "SOURCE_DIRECTORY_MISSING" });
  expect(hooks.told()).toEqual(["raised failed SOURCE_DIRECTORY_MISSING 1"]);
  expect(hooks.calls[0]?.body?.text).toContain(
    "ended with SOURCE_DIRECTORY_MISSING: The source directory does not exist",
  );
  scene.configure();
  // A misspelt key is told to who typed it; an object alone does not show that whole runs end.
  await expect(scene.load({ objects: ["nothing"] })).rejects.toMatchObject({ code: "OBJECT_UNKNOWN" });
  place.put("shop/orders/20260101-010000000.csv", "Op,id,amount\nI,2,5\n");
  expect(await scene.load({ objects: ["shop/orders/20260101-010000000.csv"] })).toBe(0);
  expect(hooks.told()).toHaveLength(1);
  expect(await scene.load()).toBe(0);
  expect(hooks.told().slice(1)).toEqual(["cleared failed SOURCE_DIRECTORY_MISSING 1"]);
});

test("a pause is told of after a day, and listed by every run before", async () => {
  await scene.load();
  const pausedFor = (hours: number) =>
    place.client.query(
      "update drayage.tables set paused_at = now() - make_interval(hours => $1), paused_reason = 'move'",
      [hours],
    );
  await pausedFor(23);
  const { report } = await loadHere(place);
  expect(report.attention).toMatchObject([{ cause: "paused", table: "orders" }]);
  expect(hooks.told()).toEqual([]);
  await pausedFor(25);
  for (let run = 0; run < 2; run++) expect(await scene.load()).toBe(0);
  expect(hooks.told()).toEqual(["raised paused 1"]);
  await place.client.query("update drayage.tables set paused_at = null, paused_reason = null");
  expect(await scene.load()).toBe(0);
  expect(hooks.told()).toEqual(["raised paused 1", "cleared paused 1"]);
});

test("alerts.on: other causes are not told of, and one that is taken out is closed without a word", async () => {
  scene.configure(", on: [rejects, unclaimed]");
  place.put(broken, cutGzip);
  place.put("shop/orders/20260101-020000000.csv", "Op,id,amount\nI,2,twelve\n");
  place.put("shop/new/LOAD00000001.csv", "id\n1\n");
  expect(await scene.load()).toBe(1);
  expect(hooks.told()).toEqual(["raised rejects 1", "raised unclaimed 1"]);
  expect(JSON.stringify(hooks.calls)).not.toContain("twelve");
  scene.configure(", on: rejects");
  expect(await scene.load()).toBe(1);
  expect(hooks.calls).toHaveLength(2);
  expect((await place.client.query("select cause from drayage.alerts where cleared_at is null")).rows).toEqual([
    { cause: "rejects" },
  ]);
});
