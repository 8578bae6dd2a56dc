/** What a Prometheus server reads of this process. Names and labels are a contract: docs/operations.md lists them. */
import { Counter, Gauge, Histogram, Registry } from "prom-client";

export interface TableGauges {
  readonly table: string;
  /** When the newest loaded object came to the source. */
  readonly lastObjectAt: Date | undefined;
  readonly openRejects: number;
}

export class Metrics {
  readonly #registry = new Registry();
  readonly #rows = new Counter({
    name: "drayage_rows_total",
    help: "Records that this process loaded, by what became of them.",
    labelNames: ["table", "outcome"],
    registers: [this.#registry],
  });
  readonly #bytes = new Counter({
    name: "drayage_bytes_total",
    help: "Bytes of the objects that this process loaded.",
    labelNames: ["table"],
    registers: [this.#registry],
  });
  readonly #freshness = new Gauge({
    name: "drayage_freshness_seconds",
    help: "Age of the newest loaded object, by its time in the source.",
    labelNames: ["table"],
    registers: [this.#registry],
  });
  readonly #rejects = new Gauge({
    name: "drayage_rejects_open",
    help: "Records in rejects that were not replayed.",
    labelNames: ["table"],
    registers: [this.#registry],
  });
  readonly #lastSuccess = new Gauge({
    name: "drayage_last_success_timestamp_seconds",
    help: "End of the last pass in which nothing failed.",
    registers: [this.#registry],
  });
  readonly #duration = new Histogram({
    name: "drayage_pass_duration_seconds",
    help: "How long passes took, failed ones included.",
    buckets: [1, 5, 15, 60, 300, 900, 1800, 3600, 7200],
    registers: [this.#registry],
  });
  #tables: readonly TableGauges[] = [];

  readonly contentType = this.#registry.contentType;

  /** `outcomes`: records by what became of them, zeros too, so that a series begins at zero. */
  countObject(table: string, outcomes: Readonly<Record<string, number>>, bytes: number): void {
    for (const [outcome, records] of Object.entries(outcomes)) this.#rows.inc({ table, outcome }, records);
    this.#bytes.inc({ table }, bytes);
  }

  passEnded(milliseconds: number): void {
    this.#duration.observe(milliseconds / 1000);
  }

  succeeded(at: Date): void {
    this.#lastSuccess.set(at.getTime() / 1000);
  }

  /** Replaces what was known of all tables. */
  setTables(tables: readonly TableGauges[]): void {
    this.#tables = tables;
  }

  /** Prometheus's text format. */
  async text(now: Date): Promise<string> {
    this.#freshness.reset();
    this.#rejects.reset();
    for (const { table, lastObjectAt, openRejects } of this.#tables) {
      this.#rejects.set({ table }, openRejects);
      if (lastObjectAt !== undefined)
        this.#freshness.set({ table }, Math.max(0, (now.getTime() - lastObjectAt.getTime()) / 1000));
    }
    return this.#registry.metrics();
  }
}
