/** A connection with its staging tables, made anew when it breaks. */
import type { Config } from "../config/config.ts";
import { sessionTables } from "../warehouse/merge-sql.ts";
import { Session } from "../warehouse/session.ts";
import { Staging } from "../warehouse/staging.ts";

export class Worker {
  readonly #config: Config;
  readonly #purpose: string;
  session: Session;
  staging: Staging;

  private constructor(config: Config, purpose: string, session: Session) {
    this.#config = config;
    this.#purpose = purpose;
    this.session = session;
    this.staging = new Staging(session);
  }

  static async start(config: Config, purpose: string): Promise<Worker> {
    return new Worker(config, purpose, await connect(config, purpose));
  }

  /** The old session's temporary tables are gone with it. */
  async reconnect(): Promise<void> {
    await this.session.close();
    this.session = await connect(this.#config, this.#purpose);
    this.staging = new Staging(this.session);
  }

  async close(): Promise<void> {
    await this.session.close();
  }
}

async function connect(config: Config, purpose: string): Promise<Session> {
  const session = await Session.connect(config.warehouse, purpose, config.source.timezone);
  await session.query(sessionTables);
  return session;
}
