/** Tables side by side, each by a worker of its own; a worker that no table needs helps another with its full load. */
import type { OpenObject } from "../warehouse/load-history.ts";
import type { DiscoveredTable, SourceObject } from "./discover.ts";
import type { LoadSettings, SpareWorkers } from "./load-settings.ts";
import { loadTable } from "./load-table.ts";
import type { TableReport } from "./report.ts";
import type { TableListing } from "./table-listing.ts";
import { Worker } from "./worker.ts";

/** `open`, `listings`: by table. */
export async function loadTables(
  tables: readonly DiscoveredTable[],
  open: ReadonlyMap<string, readonly OpenObject<SourceObject>[]>,
  listings: (table: string) => TableListing,
  concurrency: number,
  command: string,
  settings: Omit<LoadSettings, "listing" | "spare">,
): Promise<TableReport[]> {
  const reports: TableReport[] = [];
  const queue = [...tables];
  const workers = new Workers(Math.max(1, concurrency), () => Worker.start(settings.config, command));
  const refused: unknown[] = [];
  const lane = async () => {
    // A warehouse that is short of connections is loaded by fewer workers, not left alone.
    const worker = await workers.take()?.catch((error: unknown) => void refused.push(error));
    if (worker === undefined) return;
    try {
      for (let table = queue.shift(); table !== undefined; table = queue.shift()) {
        settings.signal?.throwIfAborted();
        // The listing's order is not the order of loading.
        const ranks = new Map(table.objects.map((object, i) => [object, i]));
        const ordered = [...(open.get(table.spec.name) ?? [])].sort(
          (a, b) => (ranks.get(a.object) ?? 0) - (ranks.get(b.object) ?? 0),
        );
        const own = { ...settings, listing: listings(table.spec.name), spare: workers };
        reports.push(await loadTable(worker, table.spec, ordered, own));
      }
    } finally {
      workers.give(worker);
    }
  };
  const results = await Promise.allSettled(Array.from({ length: Math.min(workers.most, queue.length) }, () => lane()));
  await workers.close();
  const failed = results.find((result) => result.status === "rejected");
  if (failed !== undefined) throw failed.reason;
  if (queue.length > 0) throw refused[0];
  return reports.sort((a, b) => (a.table < b.table ? -1 : 1));
}

class Workers implements SpareWorkers {
  readonly most: number;
  readonly #start: () => Promise<Worker>;
  readonly #idle: Worker[] = [];
  #begun = 0;

  constructor(most: number, start: () => Promise<Worker>) {
    this.most = most;
    this.#start = start;
  }

  take(): Promise<Worker> | undefined {
    const idle = this.#idle.pop();
    if (idle !== undefined) return Promise.resolve(idle);
    if (this.#begun >= this.most) return undefined;
    this.#begun++;
    return this.#start();
  }

  give(worker: Worker): void {
    this.#idle.push(worker);
  }

  /** Once all are given back. */
  async close(): Promise<void> {
    await Promise.all(this.#idle.map((worker) => worker.close()));
  }
}
