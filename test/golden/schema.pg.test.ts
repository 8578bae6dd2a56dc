/** The state schema is an interface: whoever changes it sees the change here. */
import { expect, test } from "vitest";
import { migrate } from "../../src/warehouse/migrate.ts";
import { Session } from "../../src/warehouse/session.ts";
import { dumpSchema } from "../support/dump-schema.ts";
import { configHere } from "../support/load-here.ts";
import { openWorkplace } from "../support/workplace.ts";
import { expectGolden } from "./golden.ts";

test("the state schema after migrate", async () => {
  const place = await openWorkplace();
  try {
    place.config(
      `source: {url: "${place.source}"}\nwarehouse: {url: "\${DATABASE_URL}", state_schema: state}\ntables:\n  t: {prefix: t}\n`,
    );
    const config = configHere(place);
    const sessions = await Promise.all(
      Array.from({ length: 4 }, () => Session.connect(config.warehouse, "test", config.source.timezone)),
    );
    // At once, as four cron jobs would: one applies, the others find it done.
    const applied = await Promise.all(sessions.map((session) => migrate(session, "state")));
    expect(applied.filter((names) => names.length > 0)).toHaveLength(1);
    await Promise.all(sessions.map((session) => session.close()));
    expectGolden("schema.sql", await dumpSchema(place.client, "state"));
  } finally {
    await place.end();
  }
});
