/** The lake of docs/quickstart.md and of the recording in the README: the same each time, but for its times. */
import { changePath, defaultFormat, readBody } from "../src/demo/drop-writer.ts";
import { makeDrops } from "../src/demo/drops.ts";
import { timestampText } from "../src/demo/source-times.ts";
import { parseObjectKey } from "../src/source/object-key.ts";

export interface SceneObject {
  /** Below s3://acme-lake/dms. */
  readonly path: string;
  readonly body: Buffer;
  /** When DMS wrote it. */
  readonly written: Date;
}

/** What a query of docs/quickstart.md exports for the table that has no header. */
export const columnsExport = `table_schema,table_name,column_name,ordinal_position,column_type,key_position
hr,staff,id,1,int unsigned,1
hr,staff,name,2,varchar(80),
hr,staff,hired,3,date,
hr,staff,salary,4,"decimal(10,2)",
`;

const hourMs = 3_600_000;

/** DMS began three hours before `now`, and wrote its last object in the hour before. */
export async function quickstartScene(now: Date): Promise<SceneObject[]> {
  const start = Math.floor(now.getTime() / hourMs) * hourMs - 3 * hourMs;
  const objects: SceneObject[] = [];
  const put = (path: string, body: Buffer) => {
    const name = path.slice(path.lastIndexOf("/") + 1);
    const key = parseObjectKey(path, { fileTimezone: "UTC", lastModified: now });
    if (key === undefined) throw new Error(`${name} is no name of DMS`);
    objects.push({ path, body, written: new Date(key.fileTime === undefined ? start : Number(key.fileTime / 10n)) });
  };
  for (const drops of [
    makeDrops({ kind: "documents", seed: 3, rows: 160, start, hours: 1, changesPerObject: 12 }),
    makeDrops({ kind: "relational", seed: 3, rows: 400, start, hours: 1, changesPerObject: 60, deleted: "key" }),
  ])
    for (const object of drops.objects()) put(object.path, await readBody(object));
  const at = timestampText(start, 0);
  const names = ["Asha", "Bilal", "Chen", "Divya", "Emeka", "Farah"];
  const staff = names.map((name, i) => `I,${at},${i + 1},${name},2025-0${i + 1}-01,${5000 + i * 250}.00\n`).join("");
  put("hr/staff/LOAD00000001.csv", Buffer.from(staff));
  const raise = `U,${timestampText(start + hourMs, 0)},2,Bilal,2025-02-01,6000.00\n`;
  put(changePath("hr/staff", start + 2 * hourMs + 117, defaultFormat), Buffer.from(raise));
  return objects;
}
