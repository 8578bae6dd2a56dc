/** The commands of docs/quickstart.md, one after another as a reader would: what the page shows is what they print. */
import { readFileSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, test } from "vitest";
import { columnsExport, quickstartScene } from "../scripts/quickstart-scene.ts";
import { readColumnsExport } from "../src/config/columns-export.ts";
import { root } from "./support/source-tree.ts";
import { openWorkplace, type Workplace } from "./support/workplace.ts";

const page = join(root, "docs/quickstart.md");
let place: Workplace;

beforeAll(async () => {
  place = await openWorkplace();
  for (const { path, body, written } of await quickstartScene(new Date())) {
    place.put(path, body);
    utimesSync(join(fileURLToPath(place.source), path), written, written);
  }
  writeFileSync(join(place.dir, "columns.csv"), columnsExport);
});
afterAll(() => place.end());

const lake = "s3://acme-lake/dms";

async function printed(line: string): Promise<string> {
  const words = line
    .replaceAll(lake, place.source)
    .split(" ")
    .map((word) => (word === "columns.csv" ? join(place.dir, word) : word));
  const { stdout, stderr } = await place.run(words.slice(1));
  const shown = (stdout + stderr.replaceAll(/^\S+Z (?:info|debug) .*\n/gm, ""))
    .replaceAll(place.source, lake)
    .replaceAll(`${place.dir}/`, "")
    .replaceAll(/ +$/gm, "");
  return `$ ${line}\n${shown.trimEnd()}\n`;
}

/** Without what differs from run to run and machine to machine: spans, memory, speed, and the blanks that they move. */
function lasting(text: string): string {
  return text
    .replaceAll(/\d[\d,.]* (?:ms|s)\b/g, "SPAN")
    .replaceAll(/Peak memory \d[\d.]* MB/g, "MEMORY")
    .split("\n")
    .map((line) => (/^(?:table .*rows\/s$|public\.|total)/.test(line) ? line.replace(/ +\S+$/, "") : line))
    .map((line) => line.replaceAll(/ +/g, " "))
    .join("\n");
}

test("quickstart.md", async () => {
  let text = readFileSync(page, "utf8");
  const blocks = [...text.matchAll(/^```(console|yaml)\n([\s\S]*?)^```$/gm)];
  expect(blocks.length).toBeGreaterThan(4);
  let wrong = 0;
  for (const [whole, language, body = ""] of blocks) {
    const [first = ""] = body.split("\n");
    const now =
      language === "yaml"
        ? readFileSync(join(place.dir, "drayage.yaml"), "utf8").replaceAll(place.source, lake)
        : await printed(first.replace("$ ", ""));
    if (process.env.UPDATE_GOLDEN === "1") text = text.replace(whole, () => `\`\`\`${language}\n${now}\`\`\``);
    else expect(lasting(body)).toBe(lasting(now));
    wrong += /INTERNAL|CONFIG_INVALID/.test(now) ? 1 : 0;
  }
  if (process.env.UPDATE_GOLDEN === "1") writeFileSync(page, text);
  expect(wrong).toBe(0);
  const { rows } = await place.client.query("select name, hired::text, salary::text from staff where id = 2");
  expect(rows).toEqual([{ name: "Bilal", hired: "2025-02-01", salary: "6000.00" }]);
});

test("the query for PostgreSQL is one, and what it answers is an export", async () => {
  const query = /PostgreSQL \(`psql[\s\S]*?```sql\n([\s\S]*?)```/.exec(readFileSync(page, "utf8"))?.[1] ?? "";
  await place.client.query(
    "create schema export create table export.pair (b integer, note varchar(9), a numeric(5,2), primary key (a, b))",
  );
  const { rows, fields } = await place.client.query<Record<string, unknown>>(query.replace("'shop', 'hr'", "'export'"));
  const lines = [
    fields.map(({ name }) => name),
    ...rows.map((row) => Object.values(row).map((cell) => `"${cell ?? ""}"`)),
  ];
  expect(readColumnsExport(lines.map((line) => line.join(",")).join("\n")).tables).toEqual([
    {
      schema: "export",
      table: "pair",
      columns: [
        { name: "b", type: "integer" },
        { name: "note", type: "text" },
        { name: "a", type: "numeric(5,2)" },
      ],
      key: ["a", "b"],
    },
  ]);
});
