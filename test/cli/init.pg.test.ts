/** `init`: from a bucket to typed tables. What it writes, load takes as it is; what data cannot say, it asks. */
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { PassThrough, Writable } from "node:stream";
import { afterAll, beforeAll, expect, test } from "vitest";
import { runProgram } from "../../src/cli/program.ts";
import { csv } from "../support/one-table.ts";
import { openWorkplace, type Workplace } from "../support/workplace.ts";

let place: Workplace;
beforeAll(async () => {
  place = await openWorkplace();
});
afterAll(() => place.end());

const at = (name: string) => join(place.dir, name);
const read = (name: string) => readFileSync(at(name), "utf8");
const init = (folder: string, file: string, ...more: string[]) =>
  place.run(["init", `${place.source}/${folder}`, "--config", at(file), ...more]);

const time = "2026-03-01 10:00:00.000000";

/** Two tables with a header, two without, documents with a map, and changes of most. */
function putScene(lake: string): void {
  const put = (path: string, body: string) => place.put(`${lake}/${path}`, body);
  const orders = Array.from(
    { length: 5 },
    (_, i) => `I,${time},${i + 1},${i}.50,${i % 2 === 0 ? "true" : "false"},0${i}`,
  );
  put("shop/orders/LOAD00000001.csv", csv("Op,ts,id,amount,paid,code", ...orders));
  put("shop/orders/2026/03/01/20260301-110000000.csv", csv("Op,ts,id,amount,paid,code", `D,${time},1,,,`));
  put("shop/lines/LOAD00000001.csv", csv("Op,ts,order_id,line,note", `I,${time},1,1,a`, `I,${time},1,2,b`));
  put("shop/lines/20260301-110000000.csv", csv("Op,ts,order_id,line,note", `D,${time},1,2,`));
  put("hr/staff/LOAD00000001.csv", csv(`I,${time},7,Ada,18446744073709551615`, `I,${time},8,Bo,1`));
  put("hr/shifts/LOAD00000001.csv", csv(`I,${time},7,2026-03-01,08:30:00`));
  put("hr/shifts/20260301-110000000.csv", csv(`U,${time},7,2026-03-01,-09:00:00`));
  const person = (i: number) => JSON.stringify({ name: `n${i}`, at: { $date: i }, tags: { [`k${i}`]: 1 } });
  const people = Array.from({ length: 25 }, (_, i) => `I,${time},p${i},"${person(i).replaceAll('"', '""')}"`);
  put("crm/people/LOAD00000001.csv", csv("Op,ts,_id,_doc", ...people));
}

const staff = csv(
  "TABLE_SCHEMA,TABLE_NAME,COLUMN_NAME,ORDINAL_POSITION,COLUMN_TYPE,KEY_POSITION",
  "hr,staff,name,2,varchar(50),",
  "hr,staff,id,1,int unsigned,1",
  "hr,staff,badge,3,bigint unsigned,",
  "hr,shifts,staff_id,1,int unsigned,1",
  "hr,shifts,day,2,date,2",
  "hr,shifts,begins,3,time,",
);

async function typesOf(table: string): Promise<string[]> {
  const { rows } = await place.client.query<{ line: string }>(
    `select a.attname || ' ' || format_type(a.atttypid, a.atttypmod) as line from pg_attribute a
     where a.attrelid = $1::regclass and a.attnum > 0 and a.attname !~ '^_[^i]' order by a.attnum`,
    [table],
  );
  return rows.map(({ line }) => line);
}

test("tables with a header, without one by an export, and documents: init, load, typed tables", async () => {
  putScene("scene");
  const unnamed = await init("scene", "drayage.yaml");
  expect(unnamed.exit).toBe(6);
  expect(unnamed.stderr).toContain("hr/staff  HEADER_UNKNOWN");
  expect(existsSync(at("drayage.yaml"))).toBe(false);
  writeFileSync(at("staff.csv"), staff);
  const made = await init("scene", "drayage.yaml", "--columns", at("staff.csv"));
  expect([made.exit, made.stderr]).toEqual([0, ""]);
  expect(made.stdout).toMatch(/^hr\/staff +1 +0 .* no +yes /m);
  expect(read("drayage.yaml")).toContain("columns_from: staff.csv");
  expect(read("drayage.yaml")).toContain("primary_key: [order_id, line]   # a delete carries nothing else");

  const loaded = await place.run(["load", "--quiet"]);
  expect([loaded.exit, loaded.stderr]).toEqual([0, ""]);
  expect(await typesOf("public.orders")).toEqual(["id bigint", "amount numeric", "paid boolean", "code text"]);
  expect(await typesOf("public.staff")).toEqual(["id bigint", "name text", "badge numeric(20,0)"]);
  expect(await typesOf("public.shifts")).toEqual(["staff_id bigint", "day date", "begins interval"]);
  expect(await typesOf("public.people")).toEqual([
    "_id text",
    "name text",
    "at timestamp with time zone",
    "tags jsonb",
  ]);
  const { rows } = await place.client.query(
    `select (select count(*) from orders)::int as orders, (select count(*) from lines)::int as lines,
            (select begins::text from shifts) as begins, (select badge::text from staff where id = 7) as badge`,
  );
  expect(rows).toEqual([{ orders: 4, lines: 1, begins: "-09:00:00", badge: "18446744073709551615" }]);
  expect((await init("scene", "drayage.yaml")).stderr).toContain("is there already, and init writes over nothing");
});

test("without an export, types and keys are guessed into a file of the same form, and load takes them", async () => {
  place.put(
    "plain/shop/items/LOAD00000001.csv",
    csv("Op,ts,id,n,at", ...[1, 2, 3].map((i) => `I,${time},${i},${i},${time}`)),
  );
  place.put(
    "plain/shop/ships/LOAD00000001.csv",
    csv("Op,ts,id,on", ...[1, 2, 3].map((i) => `I,${time},${i},2026-03-0${i}`)),
  );
  const { exit } = await init("plain", "plain.yaml");
  expect(exit).toBe(0);
  expect(read("plain.columns.csv").split("\n").slice(0, 4)).toEqual([
    "table_schema,table_name,column_name,ordinal_position,data_type,key_position",
    "shop,items,id,1,bigint,1",
    "shop,items,n,2,bigint,",
    "shop,items,at,3,timestamp without time zone,",
  ]);
  expect(read("plain.yaml")).toMatch(/timestamp_column: ts +# /);
  const loaded = await place.run(["load", "--quiet", "--config", at("plain.yaml")]);
  expect([loaded.exit, loaded.stderr]).toEqual([0, ""]);
  expect(await typesOf("public.items")).toEqual(["id bigint", "n bigint", "at timestamp without time zone"]);
  expect(await typesOf("public.ships")).toEqual(["id bigint", "on date"]);
});

test("300 tables are 30 lines, and tables called alike get a schema each", async () => {
  for (let i = 0; i < 290; i++) place.put(`many/shop/t${i}/LOAD00000001.csv`, csv("Op,id", "I,1"));
  for (let i = 0; i < 9; i++) place.put(`many/crm/c${i}/LOAD00000001.csv`, csv("Op,_id,_doc", 'I,1,"{""a"":1}"'));
  place.put("many/crm/t1/LOAD00000001.csv", csv("Op,_id,_doc", 'I,1,"{""a"":1}"'));
  place.put("many/crm/parquet/LOAD00000001.csv", "PAR1\0\0\0\0");
  expect((await init("many", "many.yaml")).exit).toBe(0);
  const text = read("many.yaml");
  expect(text.split("\n").length).toBeLessThan(30);
  expect(text).toContain('"shop/*": {}');
  expect(text).toContain('into: "{schema}.{table}"');
  expect(text).toMatch(/crm\/parquet: off +# The object is Parquet/);
});

test("full loads in one folder and changes in another are one table", async () => {
  place.put("apart/full/shop/a/LOAD00000001.csv", csv("Op,id", "I,1"));
  place.put("apart/cdc/shop/a/20260301-110000000.csv", csv("Op,id", "I,2"));
  expect((await init("apart", "apart.yaml")).exit).toBe(0);
  expect(read("apart.yaml")).toContain("prefix: [full/shop/a, cdc/shop/a]");
});

test("--add appends what no table reads, and leaves every other byte as it is", async () => {
  place.put("grow/shop/a/LOAD00000001.csv", csv("Op,id,n", "I,1,1"));
  place.put("grow/shop/b/LOAD00000001.csv", csv("Op,id,n", "I,1,1"));
  place.put("grow/crm/a/LOAD00000001.csv", csv("Op,_id,_doc", 'I,1,"{""a"":1}"'));
  place.put("grow/tmp/x/LOAD00000001.csv", csv("Op,id", "I,1"));
  const head = `# ours\nsource: {url: "${place.source}/grow", ignore: [tmp/*]}\nwarehouse: {url: "postgresql://h/d"}\ntables:\n    shop/a:   {primary_key: [id]}   # the first\n`;
  const tail = "\n# after\nlog:\n  level: warn   # quiet\n";
  writeFileSync(at("grow.yaml"), head + tail);
  const added = await place.run(["init", "--add", "--config", at("grow.yaml")]);
  expect([added.exit, added.stderr]).toEqual([0, ""]);
  const text = read("grow.yaml");
  expect(text.startsWith(head)).toBe(true);
  expect(text.endsWith(tail)).toBe(true);
  expect(text.slice(head.length, -tail.length)).toMatch(
    /^ {4}crm\/a: +# documents\n {6}into: crm_a\n {4}shop\/b:\n {6}primary_key: \[id\] .*\n {6}columns: .*\n {8}id: bigint\n {8}"n": bigint\n$/,
  );
  expect((await place.run(["init", "--add", "--config", at("grow.yaml")])).stdout).toMatch(/^Nothing to add/);
  expect(read("grow.yaml")).toBe(text);
  expect((await place.run(["init", "s3://other", "--add", "--config", at("grow.yaml")])).exit).toBe(2);
});

test("on a terminal it asks what the data cannot answer; in a pipe the file says that nobody was asked", async () => {
  place.put("ask/shop/a/LOAD00000001.csv", csv("Op,id", "I,1"));
  const { exit, said } = await typed(
    ["init", `${place.source}/ask`, "--config", at("asked.yaml")],
    ["snap\n", "nothing\n", "soft\n"],
  );
  expect(exit).toBe(0);
  expect(said).toContain("That is none of hard, soft, ignore.");
  expect(read("asked.yaml")).toMatch(
    /full_load: snapshot +# each set of LOAD objects is the whole table\n {2}deletes: soft +# a deleted row/,
  );
  expect((await init("ask", "piped.yaml")).exit).toBe(0);
  expect(read("piped.yaml")).toMatch(/full_load: once +# not asked; /);
  const gone = await typed(["init", `${place.source}/ask`, "--config", at("gone.yaml")], []);
  expect([gone.exit, existsSync(at("gone.yaml"))]).toEqual([130, false]);
});

/** Runs the program with somebody at a terminal, who types a line whenever one is waited for; then the input ends. */
async function typed(argv: readonly string[], lines: readonly string[]): Promise<{ exit: number; said: string }> {
  let said = "";
  const waiting = [...lines];
  const stdin = Object.assign(new PassThrough(), { isTTY: true });
  const stream = () =>
    Object.assign(
      new Writable({
        write(chunk: Buffer, _, done) {
          said += chunk.toString();
          if (chunk.includes("]: ")) {
            const line = waiting.shift();
            if (line === undefined) stdin.end();
            else stdin.write(line);
          }
          done();
        },
      }),
      { isTTY: true, columns: 80 },
    ) as unknown as NodeJS.WriteStream;
  const exit = await runProgram({
    argv,
    env: { HOME: place.dir, NO_COLOR: "1" },
    stdout: stream(),
    stderr: stream(),
    stdin: stdin as unknown as NodeJS.ReadStream,
    pid: process.pid,
    hostname: "test",
  });
  return { exit, said };
}
