/** Loads a random scene and says where the warehouse differs from what the objects say; empty when all is right. */
import type { LoadedHere } from "./load-here.ts";
import { holds, leaves } from "./random-document.ts";
import type { RandomScene, SceneObject, SceneRecord } from "./random-scene.ts";
import { isCut, recordText, versionOf } from "./scene-bytes.ts";
import { deliver, loadScene, remove, type Trial } from "./scene-delivery.ts";
import { FullLoadStanding, reloadHistoryProblems } from "./scene-reloads.ts";
import { sourceProblems } from "./scene-source.ts";
import type { Workplace } from "./workplace.ts";

interface Placed {
  readonly object: SceneObject;
  readonly record: SceneRecord;
  readonly number: number;
  readonly version: bigint;
}

let trials = 0;

export interface SceneEnd {
  /** Each begins with a word for its class; empty when the warehouse is what the objects say. */
  readonly problems: readonly string[];
  /** `path type` of every column that came from the source. */
  readonly types: readonly string[];
  /** Loads that were killed before their end. */
  readonly killed: number;
}

export async function playScene(place: Workplace, scene: RandomScene): Promise<SceneEnd> {
  const trial: Trial = { place, scene, name: `scene_${++trials}` };
  if (scene.create !== undefined) {
    await place.client.query(scene.create.replaceAll("TABLE", `public.${trial.name}`));
    await place.client.query(`alter table public.${trial.name} owner to ${place.role}`);
  }
  // The folder is there before its first object, and DMS did not write everything in it.
  place.put(`${trial.name}/t/notes.txt`, "not an object of DMS");
  const delivered: SceneObject[] = [];
  let killed = 0;
  const standings = new FullLoadStanding(scene);
  for (const n of scene.loads.keys()) {
    for (const object of scene.objects) {
      if (object.arrival === n && !isCut(object)) delivered.push(object);
      if (object.arrival === n) deliver(trial, object, 0);
      if (object.again === n) deliver(trial, object, 60);
      if (object.removed === n) remove(trial, object);
    }
    const loaded = await loadScene(trial, n);
    if (loaded === "killed") {
      killed += 1;
      continue;
    }
    const problems = endingProblems(loaded, scene.objects.some(isCut));
    const standing = standings.after(delivered, n);
    if (problems.length === 0) problems.push(...(await tableProblems(trial, standing)));
    if (problems.length === 0)
      problems.push(
        ...(scene.reloads === undefined
          ? await historyProblems(trial, delivered)
          : await reloadHistoryProblems(trial, delivered, n)),
      );
    if (problems.length > 0)
      return { problems: problems.map((problem) => `${problem} (after load ${n})`), types: [], killed };
  }
  const columns = await columnsOf(trial);
  return {
    problems: scene.source === undefined ? [] : await sourceProblems(trial, scene.source),
    types: columns.flatMap(({ path, type }) => (path === null ? [] : [`${path} ${type}`])).sort(),
    killed,
  };
}

function endingProblems({ exit, failures, report }: LoadedHere, hasCut: boolean): string[] {
  const others = failures.filter((failure) => !hasCut || !failure.startsWith("GZIP"));
  if (others.length > 0) return [`failure ${others.join("; ")}`];
  const rejected = report.tables.some((table) => table.objects.some((object) => object.counts.rejected > 0));
  return hasCut || exit === (rejected ? 3 : 0) ? [] : [`exit ${exit}`];
}

/** Newest first wins: full loads by the hash of their path, then changes by file time; then by record. */
function inOrder({ scene }: Trial, objects: readonly SceneObject[]): Placed[] {
  const isChanged = scene.reloads?.mode === "changes";
  return objects
    .flatMap((object) => {
      const version = versionOf(object, isChanged);
      return object.records.map((record, i) => ({ object, record, number: i + 1, version }));
    })
    .sort((a, b) => (a.version < b.version ? -1 : a.version > b.version ? 1 : a.number - b.number));
}

/** The record that each key must show: the newest that could be applied. */
function newest(trial: Trial, objects: readonly SceneObject[]): Map<string, Placed> {
  const { scene } = trial;
  const rows = new Map<string, Placed>();
  for (const placed of inOrder(trial, objects)) {
    const { op, key, bad } = placed.record;
    if (bad !== undefined || key === undefined || (op === "D" && scene.deletes === "ignore")) continue;
    const { moved } = placed.record;
    if (moved !== undefined) rows.set(moved, { ...placed, record: { ...placed.record, op: "D", key: moved } });
    rows.set(key, placed);
  }
  return rows;
}

type Row = Record<string, string | null>;

interface Column {
  readonly name: string;
  readonly type: string;
  /** In the state schema; null for a column that the source never fed. */
  readonly path: string | null;
}

async function columnsOf({ place, name }: Trial): Promise<Column[]> {
  const { rows } = await place.client.query<Column>(
    `select attname as name, format_type(atttypid, atttypmod) as type, c.path from pg_attribute
     left join drayage.columns c on c.table_name = $1 and c.column_name = attname
     where attrelid = to_regclass($2) and attnum > 0 and not attisdropped`,
    [name, `public.${name}`],
  );
  return rows;
}

async function tableProblems(trial: Trial, delivered: readonly SceneObject[]): Promise<string[]> {
  const { place, scene, name } = trial;
  const wanted = newest(trial, delivered);
  const columns = await columnsOf(trial);
  if (columns.length === 0) return wanted.size === 0 ? [] : [`table none, ${wanted.size} keys were delivered`];
  const { rows } = await place.client.query<Row>(
    `select ${columns.map((column) => `"${column.name}"::text as "${column.name}"`).join(", ")} from public.${name}`,
  );
  const problems: string[] = [];
  const seen = new Set<string>();
  for (const row of rows) {
    const key = scene.key.map((column) => row[column] ?? "").join("|");
    // The row that was there before the first load.
    if (row._version == null) continue;
    if (seen.has(key)) problems.push(`row ${key} is there twice`);
    seen.add(key);
    const placed = wanted.get(key);
    const isDeleted = typeof row._deleted_at === "string";
    if (placed === undefined) {
      // A full load that lacks a row deletes it.
      if (!isDeleted || scene.reloads === undefined) problems.push(`row ${key} is nobody's`);
    } else if ((placed.record.op === "D") !== isDeleted)
      problems.push(`row ${key} should be ${isDeleted ? "" : "not "}there`);
    else if (!isDeleted) problems.push(...cellProblems(trial, key, row, columns, placed));
    else if (scene.reloads === undefined && row._version !== String(placed.version))
      problems.push(`row ${key} is of version ${row._version}`);
  }
  for (const [key, { record }] of wanted)
    if (record.op !== "D" && !seen.has(key)) problems.push(`row ${key} is missing`);
  return problems;
}

function cellProblems({ scene }: Trial, key: string, row: Row, columns: readonly Column[], placed: Placed): string[] {
  const { record, object, number, version } = placed;
  const problems: string[] = [];
  // A newer full load leaves equal rows alone.
  const isKept = scene.reloads !== undefined && scene.reloads.mode !== "changes";
  if (!isKept && (row._version !== String(version) || row._record !== String(number))) {
    problems.push(`row ${key} is of version ${row._version} record ${row._record}, not ${version} ${number}`);
  }
  const at = object.timestamp ? record.at : undefined;
  const opTime = row._op_ts ?? undefined;
  if (
    !isKept &&
    row._op_ts !== undefined &&
    Date.parse(opTime ?? "") !== Date.parse(`${at}Z`) &&
    (at !== undefined || opTime !== undefined)
  )
    problems.push(`row ${key} has the time ${opTime}, not ${at}`);
  const own = leaves(record.document, scene);
  const shown = new Set<string>();
  for (const { name, type, path } of columns) {
    if (path === null && name.startsWith("_")) continue;
    const inDocument = path?.startsWith("_doc:") === true;
    const leaf = inDocument ? path.slice("_doc:".length) : (path ?? name);
    shown.add(leaf);
    const cell = row[name] ?? null;
    const want = inDocument ? own.get(leaf) : scene.ignored.includes(leaf) ? null : record.cells[leaf]?.value;
    const right = inDocument ? holds(cell, type, want) : cell === (want ?? null);
    if (!right) problems.push(`cell ${key} ${name} ${type} is ${JSON.stringify(cell)}, not ${JSON.stringify(want)}`);
  }
  const lost = [...own.keys()].filter((path) => !shown.has(path));
  if (!scene.documents)
    lost.push(
      ...object.columns.filter(
        (name) => !shown.has(name) && !scene.ignored.includes(name) && record.cells[name]?.value != null,
      ),
    );
  return [...problems, ...lost.map((path) => `cell ${key} ${path} has no column`)];
}

interface Entry {
  readonly id: string;
  readonly key: string;
  readonly status: string;
  readonly read: number;
  readonly rejected: number;
  readonly inserted: number;
  readonly deleted: number;
}

async function historyProblems(trial: Trial, delivered: readonly SceneObject[]): Promise<string[]> {
  const { place, scene, name } = trial;
  const { rows: entries } = await place.client.query<Entry>(
    `select id, key, status, coalesce(rows_read, 0)::int as read, coalesce(rows_rejected, 0)::int as rejected, coalesce(rows_inserted, 0)::int as inserted,
       coalesce(rows_deleted, 0)::int as deleted from drayage.load_history where table_name = $1`,
    [name],
  );
  const problems: string[] = [];
  for (const object of delivered) {
    const own = entries.filter((entry) => entry.key.endsWith(object.path));
    if (own.length === 0) problems.push(`history none of ${object.path}`);
    for (const entry of own) {
      const wanted = entry.status === "skipped" ? 0 : object.records.length;
      const status = entry.rejected > 0 ? "loaded_with_rejects" : "loaded";
      if (entry.status !== status && (entry.status !== "skipped" || own.length < 2))
        problems.push(`history ${object.path} is ${entry.status}`);
      if (entry.read !== wanted) problems.push(`history ${object.path} read ${entry.read} of ${wanted}`);
      if (entry.status !== "skipped") problems.push(...(await rejectProblems(trial, delivered, object, entry)));
    }
  }
  const sum = (of: "inserted" | "deleted") => entries.reduce((total, entry) => total + entry[of], 0);
  const left = sum("inserted") - (scene.deletes === "hard" ? sum("deleted") : 0);
  const rows = await countRows(trial);
  // A row that moved to another key was inserted there, and its old one is in no bucket.
  const moves = delivered.some(({ records }) => records.some(({ moved }) => moved !== undefined));
  // Step by step a row that came and went is there as a deleted one, where the collapse would have made none.
  const isStepped = scene.deletes === "soft" && scene.create?.includes("unique index") === true;
  if (!moves && !isStepped && left !== rows) problems.push(`balance ${left} rows by the history, ${rows} in the table`);
  return problems;
}

/** Rows that came from the source. */
async function countRows({ place, name }: Trial): Promise<number> {
  const { rows: columns } = await place.client.query(
    "select from pg_attribute where attrelid = to_regclass($1) and attname = '_version'",
    [`public.${name}`],
  );
  if (columns.length === 0) return 0;
  const { rows } = await place.client.query<{ count: number }>(
    `select count(*)::int as count from public.${name} where _version is not null`,
  );
  return rows[0]?.count ?? 0;
}

/** Unreadable records are always rejected; one that the warehouse refuses unless a newer record of its key took its place. */
async function rejectProblems(
  trial: Trial,
  delivered: readonly SceneObject[],
  object: SceneObject,
  entry: Entry,
): Promise<string[]> {
  const { rows } = await trial.place.client.query<{ record: number; reason: string; text: Buffer | null }>(
    `select record_no::int as record, reason, record as text from drayage.rejects where history_id = $1`,
    [entry.id],
  );
  const problems: string[] = [];
  const where = (number: number) => `reject ${object.path} record ${number}`;
  if (rows.length !== entry.rejected)
    problems.push(`reject ${rows.length} of ${object.path}, counted ${entry.rejected}`);
  const by = new Map(rows.map((row) => [row.record, row]));
  const rank = new Map(
    inOrder(trial, delivered).map((placed, i) => [
      placed.record === undefined ? "" : `${placed.object.path} ${placed.number}`,
      i,
    ]),
  );
  const winners = newest(trial, delivered);
  for (const [i, record] of object.records.entries()) {
    const number = i + 1;
    const reject = by.get(number);
    by.delete(number);
    if (reject === undefined) {
      if (record.bad === undefined) continue;
      const winner = record.key === undefined ? undefined : winners.get(record.key);
      const isCovered =
        winner !== undefined &&
        (rank.get(`${winner.object.path} ${winner.number}`) ?? -1) > (rank.get(`${object.path} ${number}`) ?? 0);
      if (!isCovered) problems.push(`${where(number)} is not rejected: ${record.bad}`);
    } else if (reject.reason !== record.bad)
      problems.push(`${where(number)} is ${reject.reason}, not ${record.bad ?? "bad"}`);
    else if (reject.text?.toString() !== recordText(trial.scene, object, record))
      problems.push(`${where(number)} kept ${JSON.stringify(reject.text?.toString())}`);
  }
  for (const number of by.keys()) problems.push(`${where(number)} is not there`);
  return problems;
}
