/** One connection to the warehouse, pinned to settings under which a cast means the same everywhere. The only importer of pg. */
import { readFileSync } from "node:fs";
import type { Writable } from "node:stream";
import pg from "pg";
import { from as copyFrom } from "pg-copy-streams";
import type { WarehouseConfig } from "../config/config.ts";
import { DrayageError } from "../errors.ts";
import { ident, literal } from "./identifier.ts";
import { iamToken, readSecret, type SignIn } from "./sign-in.ts";
import { isConnectionLost, warehouseError } from "./warehouse-error.ts";

export type SqlValue = string | number | bigint | boolean | null | Date | Buffer | readonly (string | number | null)[];

export interface Rows<R> {
  readonly rows: R[];
  readonly count: number;
}

/** A COPY in progress: what is written are its bytes. */
export interface CopyStream {
  /** Resolves when the bytes were taken; rejects with the server's error. */
  write(bytes: Buffer): Promise<void>;
  /** Ends the COPY; resolves with the rows in the server's command tag. */
  finish(): Promise<number>;
  /** Makes the server fail the COPY (57014) and waits until it did. */
  abort(): Promise<void>;
}

export class Session {
  readonly #client: pg.Client;
  #lost: Error | undefined;

  private constructor(client: pg.Client) {
    this.#client = client;
  }

  /** `purpose` becomes part of application_name: `drayage load`. `timezone` is source.timezone: what a time without zone means. */
  static async connect(config: WarehouseConfig, purpose: string, timezone: string): Promise<Session> {
    const options = await clientOptions(config, purpose);
    const client = new pg.Client(options);
    const session = new Session(client);
    // Without a listener a connection that breaks between two statements would end the process.
    client.on("error", (error) => {
      session.#lost ??= error;
    });
    const doing = `connect to the warehouse at ${client.host}:${client.port}, database ${client.database ?? "(default)"}, user ${client.user ?? "(default)"}`;
    try {
      await client.connect();
    } catch (error) {
      await client.end().catch(() => undefined);
      throw warehouseError(error, doing);
    }
    try {
      await client.query(pinned(config, timezone));
    } catch (error) {
      await client.end().catch(() => undefined);
      throw warehouseError(error, "prepare the session");
    }
    return session;
  }

  /** Runs one statement. Throws what pg throws: the caller knows what the server's answer means there. */
  async query<R = Record<string, unknown>>(text: string, values: readonly SqlValue[] = []): Promise<Rows<R>> {
    const result = await this.#client.query({ text, values: values as unknown[] });
    return { rows: result.rows as R[], count: result.rowCount ?? 0 };
  }

  /** The one row of a statement that returns exactly one. */
  async one<R = Record<string, unknown>>(text: string, values: readonly SqlValue[] = []): Promise<R> {
    const { rows } = await this.query<R>(text, values);
    if (rows.length !== 1)
      throw new DrayageError("INTERNAL", { message: `A statement returned ${rows.length} rows where one was meant` });
    return rows[0] as R;
  }

  /** Commits when `work` resolves, rolls back when it rejects. */
  async transaction<T>(work: () => Promise<T>): Promise<T> {
    await this.query("begin isolation level read committed");
    try {
      const result = await work();
      const { command } = await this.#client.query("commit");
      // A transaction in which a statement failed answers COMMIT with ROLLBACK, and with no error.
      if (command !== "COMMIT")
        throw new DrayageError("INTERNAL", { message: "A failed transaction was to be committed" });
      return result;
    } catch (error) {
      await this.query("rollback").catch(() => undefined);
      throw error;
    }
  }

  /** Rolls back to where it began when `work` rejects, and rejects with the same error. */
  async savepoint<T>(name: string, work: () => Promise<T>): Promise<T> {
    await this.query(`savepoint ${ident(name)}`);
    try {
      const result = await work();
      await this.query(`release savepoint ${ident(name)}`);
      return result;
    } catch (error) {
      if (!isConnectionLost(error)) {
        await this.query(`rollback to savepoint ${ident(name)}`);
        await this.query(`release savepoint ${ident(name)}`);
      }
      throw error;
    }
  }

  copy(statement: string): CopyStream {
    return openCopy(this.#client.query(copyFrom(statement)));
  }

  get processId(): number {
    return (this.#client as pg.Client & { processID: number }).processID;
  }

  /** Whether the connection broke. */
  get lost(): boolean {
    return this.#lost !== undefined;
  }

  async close(): Promise<void> {
    await this.#client.end().catch(() => undefined);
  }
}

/** Promises around pg-copy-streams: finish means that the server answered, so that a count or an error is never missed. */
function openCopy(stream: Writable & { rowCount: number | null }): CopyStream {
  let failure: Error | undefined;
  let finished = false;
  let settle: ((error?: Error) => void) | undefined;
  const ended = new Promise<void>((resolve, reject) => {
    stream.once("finish", () => {
      finished = true;
      resolve();
    });
    stream.once("error", (error) => {
      failure = error;
      settle?.(error);
      reject(error);
    });
  });
  ended.catch(() => undefined);
  return {
    write(bytes) {
      if (failure !== undefined) return Promise.reject(failure);
      if (stream.write(bytes)) return Promise.resolve();
      return new Promise((resolve, reject) => {
        settle = (error) => {
          settle = undefined;
          if (error === undefined) resolve();
          else reject(error);
        };
        stream.once("drain", () => settle?.());
      });
    },
    async finish() {
      if (failure !== undefined) throw failure;
      stream.end();
      await ended;
      return stream.rowCount ?? 0;
    },
    async abort() {
      // One that is over closes no more: to wait for it would be for ever.
      if (failure !== undefined || finished) return;
      stream.destroy(new Error("the object was given up"));
      await new Promise<void>((resolve) => stream.once("close", () => resolve()));
    },
  };
}

async function clientOptions(config: WarehouseConfig, purpose: string): Promise<pg.ClientConfig> {
  const url = config.url === undefined ? undefined : withoutSsl(config.url);
  const signIn = await signInOf(config, url?.text);
  const options: pg.ClientConfig = {
    application_name: `drayage ${purpose}`,
    connectionTimeoutMillis: 10_000,
    keepAlive: true,
    ...(url === undefined ? {} : { connectionString: withSignIn(url.text, signIn) }),
    ...(config.host === undefined ? {} : { host: config.host }),
    ...(config.port === undefined ? {} : { port: config.port }),
    ...(config.database === undefined ? {} : { database: config.database }),
    ...(config.user === undefined ? {} : { user: config.user }),
    ...(signIn === undefined ? {} : { password: signIn.password }),
    ...(signIn?.user === undefined ? {} : { user: signIn.user }),
  };
  const probe = new pg.Client(options);
  const tls = config.tls ?? url?.tls ?? (isLoopback(probe.host) ? "off" : "verify-full");
  if (tls === "off") options.ssl = false;
  else if (tls === "require") options.ssl = { rejectUnauthorized: false };
  else options.ssl = { rejectUnauthorized: true, ...(config.ca === undefined ? {} : { ca: readCa(config.ca) }) };
  return options;
}

/** undefined: as the url says, else ~/.pgpass, which pg reads itself. */
async function signInOf(config: WarehouseConfig, url: string | undefined): Promise<SignIn | undefined> {
  if (config.secret !== undefined) return readSecret(config.secret, config.aws);
  if (config.auth === "password") return config.password === undefined ? undefined : { password: config.password };
  const { host, port, user } = new pg.Client({
    ...(url === undefined ? {} : { connectionString: url }),
    ...(config.host === undefined ? {} : { host: config.host }),
    ...(config.port === undefined ? {} : { port: config.port }),
    ...(config.user === undefined ? {} : { user: config.user }),
  });
  return iamToken({ host, port, user }, config.aws);
}

/** In the URL itself: pg takes an empty password of the URL for the one that is meant, whatever else is set. */
function withSignIn(text: string, signIn: SignIn | undefined): string {
  if (signIn === undefined || !URL.canParse(text)) return text;
  const url = new URL(text);
  // URL leaves a `%` as it is, and what reads the URL takes it for the beginning of an escape.
  if (signIn.user !== undefined) url.username = encodeURIComponent(signIn.user);
  // A password in the url wins over PGPASSWORD; a secret brings its user, and wins over both.
  if (url.password === "" || signIn.user !== undefined) url.password = encodeURIComponent(signIn.password);
  return url.toString();
}

/** TLS protects nothing on this machine's own loopback, and a local server rarely offers it. */
function isLoopback(host: string): boolean {
  return host === "localhost" || host === "::1" || host.startsWith("127.") || host.startsWith("/");
}

/** `sslmode` is taken out of the URL and becomes our own setting: pg's reading of it changes between its versions. */
function withoutSsl(text: string): { text: string; tls: "verify-full" | "require" | "off" | undefined } {
  let url: URL;
  try {
    url = new URL(text);
  } catch {
    return { text, tls: undefined };
  }
  const mode = url.searchParams.get("sslmode");
  url.searchParams.delete("sslmode");
  const tls =
    mode === null
      ? undefined
      : mode === "disable"
        ? "off"
        : mode === "verify-full" || mode === "verify-ca"
          ? "verify-full"
          : "require";
  return { text: url.toString(), tls };
}

function readCa(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (cause) {
    throw new DrayageError("WAREHOUSE_TLS", {
      message: "The CA file of warehouse.ca cannot be read",
      place: { file: path },
      cause,
    });
  }
}

/**
 * A role or a database may carry other defaults: with another DateStyle or TimeZone the same text becomes another value, with
 * repeatable read the guard fails, and without keep-alives a vanished host keeps its locks for hours.
 */
function pinned(config: WarehouseConfig, timezone: string): string {
  const settings: [string, string][] = [
    ["client_encoding", "UTF8"],
    ["standard_conforming_strings", "on"],
    ["TimeZone", timezone],
    ["DateStyle", "ISO, YMD"],
    ["IntervalStyle", "postgres"],
    ["extra_float_digits", "1"],
    ["bytea_output", "hex"],
    ["search_path", "pg_catalog"],
    ["default_transaction_isolation", "read committed"],
    ["default_transaction_deferrable", "off"],
    ["lock_timeout", "30s"],
    ["statement_timeout", String(config.statementTimeoutMs)],
    ["idle_in_transaction_session_timeout", "0"],
    ["client_connection_check_interval", "10s"],
    ["tcp_keepalives_idle", "60"],
    ["tcp_keepalives_interval", "10"],
    ["tcp_keepalives_count", "3"],
    ["tcp_user_timeout", "60s"],
    ["plan_cache_mode", "force_custom_plan"],
  ];
  const role = config.role === undefined ? "" : `set role ${ident(config.role)};`;
  return (
    role +
    settings.map(([name, value]) => `set ${name} = ${name === "search_path" ? value : literal(value)};`).join(" ")
  );
}
