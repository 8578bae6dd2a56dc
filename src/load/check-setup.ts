/** Looks at everything that a load needs, without loading: each finding is one line, with what mends it. */
import type { Config, WarehouseConfig } from "../config/config.ts";
import { DrayageError } from "../errors.ts";
import { spanText } from "../observe/span-text.ts";
import type { ObjectSource } from "../source/object-source.ts";
import { ident, qualified } from "../warehouse/identifier.ts";
import { readMigrations } from "../warehouse/migrate.ts";
import { Session } from "../warehouse/session.ts";
import {
  keepsOneBackend,
  readSchemaRights,
  readServerFacts,
  readStateFacts,
  readTableRights,
  type ServerFacts,
} from "../warehouse/setup-facts.ts";
import { warehouseError } from "../warehouse/warehouse-error.ts";
import { checkAlerts, type TestAlert } from "./check-alerts.ts";
import { checkSource } from "./check-source.ts";
import { checkTimeZone } from "./check-time-zone.ts";
import { namedTables } from "./discover.ts";
import { bad, type Finding, failed, good, note } from "./finding.ts";

export type { Finding };

/** Longest difference between clocks: AWS refuses signatures that are older than five minutes. */
const skewMs = 60_000;
const oldestVersion = 140_000;

/** `now` is asked when the warehouse answers. Never rejects: what cannot be looked at is a finding. */
export async function checkSetup(
  config: Config,
  openSource: () => Promise<ObjectSource>,
  now: () => Date,
  testAlert?: TestAlert,
): Promise<Finding[]> {
  return [
    { check: "config", level: "good", text: `${config.file}, ${config.tables.length} table entries` },
    ...(await checkSource(config, openSource)),
    ...(await checkWarehouse(config, now)),
    ...(await checkAlerts(config, testAlert)),
  ];
}

async function checkWarehouse(config: Config, now: () => Date): Promise<Finding[]> {
  let session: Session;
  try {
    session = await Session.connect(config.warehouse, "doctor", config.source.timezone);
  } catch (error) {
    return [failed("warehouse", error)];
  }
  try {
    const facts = await readServerFacts(session);
    return [
      ...ofServer(facts, config),
      ofClock(facts.now, now()),
      await checkTimeZone(session, config, now()),
      await checkPooler(session, config),
      ...(await checkStateSchema(session, config, facts)),
      ...(await checkTargets(session, config, facts)),
    ];
  } catch (error) {
    return [failed("warehouse", warehouseError(error, "look at the warehouse"))];
  } finally {
    await session.close();
  }
}

function ofServer(facts: ServerFacts, config: Config): Finding[] {
  const found: Finding[] = [
    facts.versionNumber < oldestVersion
      ? bad("warehouse", `PostgreSQL ${facts.version} is too old`, "Use PostgreSQL 14 or newer.")
      : good("warehouse", `PostgreSQL ${facts.version}, database ${facts.database}, as ${facts.user}`),
    facts.readOnly
      ? bad("writer", "The server accepts no writes", "Use the cluster's writer endpoint in warehouse.url.")
      : good("writer", "The server accepts writes"),
    ofTls(facts, config),
    facts.encoding === "UTF8"
      ? good("encoding", "UTF8")
      : bad(
          "encoding",
          `The database is ${facts.encoding}`,
          "Load into a database that was made with encoding 'UTF8'.",
        ),
    facts.mayMakeTemporary
      ? good("staging", "Temporary tables may be made")
      : bad(
          "staging",
          "No temporary tables may be made",
          `grant temporary on database ${ident(facts.database)} to ${ident(facts.user)};`,
        ),
  ];
  const needed = config.schedule.concurrency + 2;
  if (facts.connectionsLeft < needed)
    found.push({
      check: "connections",
      level: "note",
      text: `${facts.connectionsLeft} connections are free; a run takes up to ${needed}`,
      fix: "Lower schedule.concurrency, or raise max_connections.",
    });
  return found;
}

function ofTls({ tls, local }: ServerFacts, { warehouse }: Config): Finding {
  if (tls === undefined && local) return good("tls", "None: the server is on this machine");
  if (tls === undefined)
    return {
      check: "tls",
      level: "note",
      text: "The connection is not encrypted",
      fix: "Set warehouse.tls: verify-full.",
    };
  return warehouse.tls === "require"
    ? {
        check: "tls",
        level: "note",
        text: `${tls}, but nobody checks whose certificate it is`,
        fix: "Set warehouse.tls: verify-full, and warehouse.ca to the server's CA.",
      }
    : good("tls", `${tls}, the certificate was checked`);
}

function ofClock(theirs: Date, ours: Date): Finding {
  const apart = Math.abs(theirs.getTime() - ours.getTime());
  return apart > skewMs
    ? bad(
        "clock",
        `This machine's clock and the warehouse's are ${spanText(apart)} apart`,
        "Set this machine's clock by NTP.",
      )
    : good("clock", "This machine and the warehouse agree");
}

/** RDS Proxy keeps a session that sets something, or makes a temporary table, on one backend until it ends: nothing is shared. */
export function isRdsProxy({ host: named, url }: Pick<WarehouseConfig, "host" | "url">): boolean {
  const host = named ?? (URL.canParse(url ?? "") ? new URL(url ?? "").hostname : "");
  return /\.proxy-[a-z0-9]+\.[a-z0-9-]+\.rds\.amazonaws\.com(?:\.cn)?$/.test(host);
}

async function checkPooler(session: Session, config: Config): Promise<Finding> {
  if (isRdsProxy(config.warehouse))
    return note(
      "session",
      "An RDS Proxy stands between: it pins every session of drayage to a connection, so it spares none",
      "Use the cluster's writer endpoint in warehouse.url.",
    );
  return (await keepsOneBackend(session))
    ? good("session", "Statements reach one backend")
    : bad(
        "session",
        "A pooler hands statements to several backends: temporary tables and locks are lost",
        "Connect to the server itself, or by a pool in session mode.",
      );
}

async function checkStateSchema(session: Session, config: Config, facts: ServerFacts): Promise<Finding[]> {
  const { stateSchema } = config.warehouse;
  const rights = await readSchemaRights(session, stateSchema);
  if (!rights.exists)
    return [
      facts.mayMakeSchemas
        ? good("state", `The schema ${stateSchema} is made by the first load`)
        : bad(
            "state",
            `There is no schema ${stateSchema}, and ${facts.user} may not make it`,
            `create schema ${ident(stateSchema)} authorization ${ident(facts.user)};`,
          ),
    ];
  if (!rights.usage)
    return [
      bad(
        "state",
        `${facts.user} may not use the schema ${stateSchema}`,
        `alter schema ${ident(stateSchema)} owner to ${ident(facts.user)};`,
      ),
    ];
  const { migration } = await readStateFacts(session, stateSchema);
  const newest = readMigrations().at(-1)?.number ?? 0;
  if (migration !== undefined && migration > newest) return [failed("state", new DrayageError("STATE_NEWER"))];
  if (migration !== newest && !rights.create)
    return [
      bad(
        "state",
        `The schema ${stateSchema} is to be migrated, and ${facts.user} may make nothing in it`,
        `grant create on schema ${ident(stateSchema)} to ${ident(facts.user)};`,
      ),
    ];
  return [
    good(
      "state",
      migration === newest
        ? `The schema ${stateSchema} is of this version`
        : `The schema ${stateSchema} is migrated by the next load`,
    ),
  ];
}

async function checkTargets(session: Session, config: Config, facts: ServerFacts): Promise<Finding[]> {
  const targets = namedTables(config).map((spec) => spec.target);
  const schemas = [...new Set([config.warehouse.schema, ...targets.map(({ schema }) => schema)])];
  const applies = config.warehouse.ddl === "apply";
  const found: Finding[] = [];
  for (const schema of schemas) {
    const rights = await readSchemaRights(session, schema);
    const fix = rights.exists
      ? `grant usage${applies ? ", create" : ""} on schema ${ident(schema)} to ${ident(facts.user)};`
      : `create schema ${ident(schema)} authorization ${ident(facts.user)};`;
    if (!rights.exists && applies && facts.mayMakeSchemas)
      found.push(good("schema", `${schema} is made by the first load`));
    else if (!rights.exists) found.push(bad("schema", `There is no schema ${schema}`, fix));
    else if (!rights.usage || (applies && !rights.create))
      found.push(
        bad("schema", `${facts.user} may not ${rights.usage ? "make tables in" : "use"} the schema ${schema}`, fix),
      );
    else found.push(good("schema", `${schema} may be used`));
  }
  for (const table of await readTableRights(session, targets)) {
    const name = `${table.schema}.${table.table}`;
    const sql = qualified(table.schema, table.table);
    if (table.missing.length > 0)
      found.push(
        bad(
          "table",
          `${facts.user} may not ${table.missing.join(", ")} on ${name}`,
          `grant ${table.missing.join(", ")} on ${sql} to ${ident(facts.user)};`,
        ),
      );
    else if (!table.owned && !table.hasSystemColumns)
      found.push(
        bad(
          "table",
          `${name} lacks drayage's columns, and only its owner may add them`,
          `alter table ${sql} add column _record integer, add column _version bigint;`,
        ),
      );
    else if (!table.owned && applies)
      found.push({
        check: "table",
        level: "note",
        text: `${name} belongs to another role: a new column of the source would stop it`,
        fix: "Set warehouse.role to its owner, or warehouse.ddl: print.",
      });
  }
  return found;
}
