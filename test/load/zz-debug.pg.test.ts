import { setTimeout as sleep } from "node:timers/promises";
import { test } from "vitest";
import { backends, holdLoad, terminate } from "../support/held-load.ts";
import { openScene } from "../support/scene.ts";
import { execSync } from "node:child_process";
test("debug", { timeout: 60000 }, async () => {
  const scene = await openScene(
    [
      { name: "orders", drops: { seed: 41, rows: 6000, objects: 4, hours: 3, objectsPerHour: 2, changesPerObject: 60 } },
      { name: "clicks", append: true, drops: { seed: 42, rows: 2000, objects: 4, hours: 3, changesPerObject: 40 } },
    ],
    "200KB",
  );
  for (let i = 0; i < 12; i++) {
    const stage = await scene.stage();
    const held = await holdLoad(stage, ({ type }) => type === "d");
    await terminate(stage.client, backends.loading);
    held.letGo();
    const done = await Promise.race([held.run.ended.then(() => true), sleep(5000, false)]);
    if (!done) {
      const { rows } = await stage.client.query("select pid, state, wait_event, left(query, 100) as q, application_name from pg_stat_activity where datname = current_database()");
      console.log(i, rows);
      console.log(execSync(`ss -tnp | grep pid=${held.run.pid} || true`).toString());
      const { rows: h } = await stage.client.query("select table_name, key, status, run_id from drayage.load_history");
      console.log(h);
    }
    await held.end();
    await stage.end();
  }
  scene.end();
});
