/** Full loads that come again, seen from outside: which objects a table is made of after each load, and what the history must say of them. */
import type { RandomScene, SceneObject } from "./random-scene.ts";
import { modifiedAt, type Trial } from "./scene-delivery.ts";

/** Keeps in mind which full load was applied last. */
export class FullLoadStanding {
  readonly #scene: RandomScene;
  #current = 0;

  constructor(scene: RandomScene) {
    this.#scene = scene;
  }

  /** Of what was delivered, the objects that count after load n: the newest full load that was settled, and the changes since it began. */
  after(delivered: readonly SceneObject[], n: number): readonly SceneObject[] {
    const { reloads } = this.#scene;
    if (reloads === undefined || reloads.mode === "changes") return delivered;
    const sets = delivered.flatMap(({ set }) => (set === undefined ? [] : [set]));
    const latest = Math.max(0, ...sets);
    if (latest > this.#current && isSettled(delivered, latest, n, reloads)) this.#current = latest;
    const began = Math.min(...ofSet(delivered, this.#current).map(modifiedAt));
    return delivered.filter(({ kind, set, time }) =>
      kind === "full_load" ? set === this.#current : this.#current === 0 || time >= began,
    );
  }
}

function isSettled(
  delivered: readonly SceneObject[],
  set: number,
  n: number,
  { clock, settleMs }: NonNullable<RandomScene["reloads"]>,
): boolean {
  const last = Math.max(...ofSet(delivered, set).map(modifiedAt));
  const changes = delivered.filter(({ kind, removed }) => kind === "change" && (removed === undefined || removed > n));
  return (clock[n] ?? 0) >= last + settleMs || changes.some((change) => modifiedAt(change) > last);
}

function ofSet(objects: readonly SceneObject[], set: number): SceneObject[] {
  return objects.filter((object) => object.set === set);
}

/** Every entry is final but those of a full load that is not settled, nothing is rejected, and what was read is what was written. */
export async function reloadHistoryProblems(
  { place, scene, name }: Trial,
  delivered: readonly SceneObject[],
  n: number,
): Promise<string[]> {
  const { rows: entries } = await place.client.query<{
    path: string;
    modified: number;
    status: string;
    read: number | null;
    rejected: number | null;
  }>(
    `select substr(key, strpos(key, 't/')) as path, (extract(epoch from last_modified) * 1000)::float8 as modified, status,
       rows_read::int as read, rows_rejected::int as rejected from drayage.load_history where table_name = $1`,
    [name],
  );
  const problems: string[] = [];
  const isLast = n === scene.loads.length - 1;
  for (const { path, modified, status, read, rejected } of entries) {
    const where = `history ${path} of ${new Date(modified).toISOString()}`;
    const object = delivered.find((one) => one.path === path && Math.abs(modifiedAt(one) - modified) < 1);
    if (object === undefined) {
      problems.push(`${where} is nobody's`);
      continue;
    }
    const isWaiting = status === "pending" && (object.set ?? 0) > 0 && !isLast;
    if (!["loaded", "skipped", "superseded"].includes(status) && !isWaiting) problems.push(`${where} is ${status}`);
    if (status === "loaded" && read !== object.records.length)
      problems.push(`${where} read ${read} of ${object.records.length}`);
    if ((rejected ?? 0) > 0) problems.push(`${where} has ${rejected} rejects`);
  }
  const changes = delivered.filter(({ kind }) => kind === "change");
  for (const { path } of changes)
    if (!entries.some((entry) => entry.path === path)) problems.push(`history none of ${path}`);
  return problems;
}
