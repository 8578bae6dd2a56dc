/** Looks at everything that a load needs, without loading: each finding is one line, with what mends it. */

import type { Config } from "../config/config.ts";
import { DrayageError } from "../errors.ts";
import { spanText } from "../observe/span-text.ts";
import type { ListedObject, ObjectSource } from "../source/object-source.ts";
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
import { isArchived } from "./archived-objects.ts";
import { namedTables } from "./discover.ts";

export interface Finding {
  /** What was looked at, in a word or two. */
  readonly check: string;
  /** `note`: it works, and somebody may want to know. */
  readonly level: "good" | "note" | "bad";
  /** One sentence. Never a secret. */
  readonly text: string;
  /** What mends it; of findings that are not good. */
  readonly fix?: string | undefined;
}

/** Longest difference between clocks: AWS refuses signatures that are older than five minutes. */
const skewMs = 60_000;
const oldestVersion = 140_000;

/** `now` is asked when the warehouse answers. Never rejects: what cannot be looked at is a finding. */
export async function checkSetup(
  config: Config,
  openSource: () => Promise<ObjectSource>,
  now: () => Date,
): Promise<Finding[]> {
  return [
    { check: "config", level: "good", text: `${config.file}, ${config.tables.length} table entries` },
    ...(await checkSource(config, openSource)),
    ...(await checkWarehouse(config, now)),
  ];
}

async function checkSource(config: Config, openSource: () => Promise<ObjectSource>): Promise<Finding[]> {
  let source: ObjectSource;
  try {
    source = await openSource();
  } catch (error) {
    return [failed("source", error)];
  }
  try {
    const first = await firstObject(source);
    if (first === undefined)
      return [
        {
          check: "source list",
          level: "note",
          text: `${config.source.url} can be listed, and is empty`,
          fix: "Check source.url: everything below it is looked at.",
        },
      ];
    const listed: Finding = { check: "source list", level: "good", text: `${config.source.url} can be listed` };
    return [listed, await checkRead(source, first)];
  } catch (error) {
    return [failed("source list", error)];
  } finally {
    source.close();
  }
}

/** Of the first page alone: a bucket may hold millions. */
async function firstObject(source: ObjectSource): Promise<ListedObject | undefined> {
  for await (const page of source.list("")) {
    return page.find((object) => object.size > 0 && !isArchived(object)) ?? page[0];
  }
  return undefined;
}

async function checkRead(source: ObjectSource, object: ListedObject): Promise<Finding> {
  try {
    let bytes = 0;
    for await (const chunk of source.open(object, { to: Math.min(object.size, 1024) }) as AsyncIterable<Buffer>)
      bytes += chunk.length;
    return { check: "source read", level: "good", text: `${bytes} bytes of ${object.key}` };
  } catch (error) {
    return failed("source read", error);
  }
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
      await checkPooler(session),
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

async function checkPooler(session: Session): Promise<Finding> {
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

function good(check: string, text: string): Finding {
  return { check, level: "good", text };
}

function bad(check: string, text: string, fix: string): Finding {
  return { check, level: "bad", text, fix };
}

function failed(check: string, error: unknown): Finding {
  const known = error instanceof DrayageError ? error : new DrayageError("INTERNAL", { cause: error });
  return bad(check, `${known.code}: ${known.message}`, known.next);
}
