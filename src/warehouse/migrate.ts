/** Brings the state schema to this version: numbered SQL files, each applied once, under an advisory lock. */
import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { DrayageError } from "../errors.ts";
import { lockClass } from "./advisory-locks.ts";
import { ident } from "./identifier.ts";
import type { Session } from "./session.ts";
import { serverFault, warehouseError } from "./warehouse-error.ts";

export interface Migration {
  readonly number: number;
  readonly name: string;
  readonly sql: string;
  /** sha256, hex. */
  readonly checksum: string;
}

const folder = new URL("../../sql/", import.meta.url);

export function readMigrations(): Migration[] {
  return readdirSync(folder)
    .map((name) => ({ name, number: Number(/^(\d{4})_[a-z0-9_]+\.sql$/.exec(name)?.[1]) }))
    .filter(({ number }) => Number.isInteger(number))
    .sort((a, b) => a.number - b.number)
    .map(({ name, number }) => {
      const sql = readFileSync(new URL(name, folder), "utf8");
      return { number, name, sql, checksum: createHash("sha256").update(sql).digest("hex") };
    });
}

/** Applies what is missing; returns the names of what it applied. Safe to run from many processes at once. */
export async function migrate(session: Session, stateSchema: string): Promise<string[]> {
  try {
    const known = readMigrations();
    if (await isCurrent(session, stateSchema, known)) return [];
    return await session.transaction(() => applyMissing(session, stateSchema, known));
  } catch (error) {
    throw warehouseError(error, `bring the state schema ${stateSchema} up to date`);
  }
}

/** The usual case costs one read and no lock. */
async function isCurrent(session: Session, stateSchema: string, known: readonly Migration[]): Promise<boolean> {
  try {
    const { top } = await session.one<{ top: number | null }>(
      `select max(number) as top from ${ident(stateSchema)}.migrations`,
    );
    const newest = known.at(-1)?.number ?? 0;
    if (top !== null && top > newest) {
      throw new DrayageError("STATE_NEWER", {
        message: `The state schema ${stateSchema} is at ${top}, this drayage knows ${newest}`,
      });
    }
    return top === newest;
  } catch (error) {
    // No schema, no table: to be made. No USAGE on a schema that is there reads the same to the lock holder.
    const state = serverFault(error)?.sqlstate;
    if (state === "42P01" || state === "3F000") return false;
    throw error;
  }
}

async function applyMissing(session: Session, stateSchema: string, known: readonly Migration[]): Promise<string[]> {
  const schema = ident(stateSchema);
  await session.query("select pg_advisory_xact_lock($1, 0)", [lockClass.migrate]);
  // `create schema if not exists` asks for CREATE on the database even when the schema is there.
  const { rows } = await session.query("select from pg_namespace where nspname = $1", [stateSchema]);
  if (rows.length === 0) await session.query(`create schema ${schema}`);
  await session.query(
    `create table if not exists ${schema}.migrations (
      number integer primary key,
      name text not null,
      checksum text not null,
      applied_at timestamptz not null default now()
    )`,
  );
  const done = await session.query<{ number: number }>(`select number from ${schema}.migrations`);
  const applied = new Set(done.rows.map((row) => row.number));
  const missing = known.filter((migration) => !applied.has(migration.number));
  await session.query(`set local search_path = ${schema}, pg_catalog`);
  for (const { number, name, sql, checksum } of missing) {
    await session.query(sql);
    await session.query(`insert into ${schema}.migrations (number, name, checksum) values ($1, $2, $3)`, [
      number,
      name,
      checksum,
    ]);
  }
  return missing.map((migration) => migration.name);
}

/** Whether the state schema is there at all: `plan` works without one and makes none. */
export async function hasStateSchema(session: Session, stateSchema: string): Promise<boolean> {
  const { rows } = await session.query(
    "select from pg_class c join pg_namespace n on n.oid = c.relnamespace where n.nspname = $1 and c.relname = 'load_history'",
    [stateSchema],
  );
  return rows.length === 1;
}
