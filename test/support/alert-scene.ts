/** A workplace whose alerts go to a server of this process, with one table and what makes it fail. */
import { utimesSync } from "node:fs";
import { fileURLToPath } from "node:url";
import type { DrayageError } from "../../src/errors.ts";
import { type AlertRun, alertRun } from "../../src/load/alert-run.ts";
import { readStatusFacts } from "../../src/load/status-facts.ts";
import { evaluate } from "../../src/observe/evaluate.ts";
import { Session } from "../../src/warehouse/session.ts";
import { type HookServer, startHooks } from "./hook-server.ts";
import { configHere, type LoadHereOptions, loadHere } from "./load-here.ts";
import { openWorkplace, type Workplace } from "./workplace.ts";

export const orders = "orders: {prefix: shop/orders, primary_key: [id], columns: {amount: numeric}}";
/** Key and bytes of an object that cannot be read. */
export const broken = "shop/orders/20260101-010000000.csv.gz";
export const cutGzip = Buffer.from([0x1f, 0x8b, 8, 0, 0]);

export class AlertScene {
  readonly place: Workplace;
  readonly hooks: HookServer;
  readonly warnings: DrayageError[] = [];

  private constructor(place: Workplace, hooks: HookServer) {
    this.place = place;
    this.hooks = hooks;
  }

  /** With one good object of `orders`, not loaded yet. */
  static async open(): Promise<AlertScene> {
    const scene = new AlertScene(await openWorkplace(), await startHooks());
    scene.configure();
    scene.place.put("shop/orders/LOAD00000001.csv", "id,amount\n1,5\n");
    return scene;
  }

  async close(): Promise<void> {
    await this.place.end();
    await this.hooks.close();
  }

  /** `alerts`: more keys of that section. */
  configure(alerts = "", tables = orders, url = this.place.source): void {
    this.place.config(
      `source: {url: "${url}"}\nwarehouse: {url: "\${DATABASE_URL}", schema: shop, lock_wait: 1s}\n` +
        `alerts: {webhook: "${this.hooks.url}/hook?key=hush"${alerts}}\ntables: {${tables}}\n`,
    );
  }

  /** Its exit code. */
  async load(options: LoadHereOptions = {}): Promise<number> {
    return (await loadHere(this.place, { ...options, warnings: this.warnings })).exit;
  }

  /** The end of a whole run that found nothing new, at that moment. */
  runEnds(at: Date, how: Pick<Partial<AlertRun>, "complete" | "patience"> = {}): Promise<void> {
    const warn = (error: DrayageError) => void this.warnings.push(error);
    const run = { config: configHere(this.place), complete: true, good: true, signal: undefined, warn, at, ...how };
    return this.#onSession((session) => alertRun(session, run));
  }

  /** `cause message` of what status shows. */
  attention(): Promise<string[]> {
    return this.#onSession(async (session) => {
      const { facts, now } = await readStatusFacts(session, configHere(this.place));
      return evaluate(facts, now).map(({ cause, message }) => `${cause} ${message}`);
    });
  }

  /** Its last-modified time becomes `hours` ago. */
  age(path: string, hours: number): void {
    const time = Date.now() / 1000 - hours * 3600;
    utimesSync(fileURLToPath(`${this.place.source}/${path}`), time, time);
  }

  /** What was told so far was never told. */
  async forget(): Promise<void> {
    await this.place.client.query("truncate drayage.alerts, drayage.alert_events");
    this.hooks.calls.length = 0;
  }

  async #onSession<T>(work: (session: Session) => Promise<T>): Promise<T> {
    const session = await Session.connect(configHere(this.place).warehouse, "test", "UTC");
    try {
      return await work(session);
    } finally {
      await session.close();
    }
  }
}

export const inHours = (hours: number) => new Date(Date.now() + hours * 3_600_000);
