/** Every kind of problem, at its line and column. */
import { expect, test } from "vitest";
import { loadConfig } from "../../src/config/load-config.ts";
import { DrayageError } from "../../src/errors.ts";
import { configFrom, failureOf, minimal, problemsOf, tablesFrom } from "./config-text.ts";

/** The text is put under `tables:` from line 4 on. */
const table = (text: string) => minimal(`tables:\n${text}`);

test.each<[string, string, string]>([
  [
    "unknown key",
    "  orders:\n    prefix: a/b\n    primary_kye: [id]",
    "6:5  tables.orders.primary_kye: unknown key; did you mean primary_key?",
  ],
  ["unknown key, no idea", "  a/b: {quux: 1}", "4:9  tables.a/b.quux: unknown key"],
  [
    "unknown nested key",
    "  a/b: {flatten: {seperator: x}}",
    "4:19  tables.a/b.flatten.seperator: unknown key; did you mean separator?",
  ],
  [
    "wrong word",
    "  a/b: {deletes: sfot}",
    "4:18  tables.a/b.deletes: must be hard, soft or ignore; did you mean soft?",
  ],
  ["wrong type", "  a/b: {into: 5}", "4:15  tables.a/b.into: must be text; put it in quotes"],
  ["no value", "  a/b:\n    into:", "5:5  tables.a/b.into: has no value"],
  ["entry without value", "  a/b:", "4:3  tables.a/b: has no value"],
  [
    "neither settings nor off",
    "  a/b: of",
    "4:8  tables.a/b: must be a map of settings ({} for none), or off; did you mean off?",
  ],
  ["no prefix", "  orders: {}", "4:3  tables.orders: needs prefix: its folder below source.url, such as shop/orders"],
  [
    "off without a folder",
    "  orders: off",
    "4:3  tables.orders: needs a folder: write its path, as in shop/orders: off",
  ],
  [
    "prefix with a URL",
    "  orders: {prefix: s3://lake/dms/a}",
    "4:20  tables.orders.prefix: must be the folder's path below source.url, such as shop/orders",
  ],
  ["prefix with **", "  orders: {prefix: a/**}", "must not hold **"],
  [
    "name with empty level",
    "  a//b: {}",
    "4:3  tables.a//b: the name is a folder: it must not hold empty, . or .. levels",
  ],
  [
    "unknown placeholder",
    "  a/*: {into: '{tabel}'}",
    "4:15  tables.a/*.into: knows only {schema} and {table} in braces",
  ],
  ["three-part target", "  a/*: {into: a.b.c}", "must be table or schema.table"],
  ["number out of range", "  a/b: {reject_limit_pct: 101}", "must be a number from 0 to 100"],
  ["not whole", "  a/b: {reject_limit: 1.5}", "must be a whole number from 0"],
  ["empty key", "  a/b: {primary_key: []}", "4:9  tables.a/b.primary_key: must name a column"],
  ["key twice", "  a/b: {primary_key: [id, id]}", "must not name anything twice"],
  ["no type", "  a/b: {columns: {x: 'bigint; drop'}}", "4:22  tables.a/b.columns.x: is not a PostgreSQL type, such as"],
  [
    "misspelt ignore",
    "  a/b: {columns: {x: ingore}}",
    "4:22  tables.a/b.columns.x: is not a type; did you mean ignore?",
  ],
  ["word as type", "  a/b: {columns: {x: {type: ignore}}}", "write the word itself instead of the map"],
  [
    "unknown key of a rule",
    "  a/b: {columns: {x: {tpye: int}}}",
    "4:23  tables.a/b.columns.x.tpye: unknown key; did you mean type?",
  ],
  ["rule of a wrong kind", "  a/b: {columns: {x: 5}}", "must be a type, ignore, hash, jsonb or a map"],
  ["dotted path", "  a/b: {columns: {x.y: 5}}", '4:24  tables.a/b.columns."x.y": must be'],
  [
    "listed twice",
    "  a/b: {columns: [id bigint, id]}",
    "4:30  tables.a/b.columns[1]: names a column for the second time",
  ],
  ["two in one", "  a/b: {columns: [{x: int, y: int}]}", "must be one column"],
  ["listed with no type", "  a/b: {columns: [x bad;type]}", "4:19  tables.a/b.columns[0]: is not a PostgreSQL type"],
  ["delimiter of two", "  a/b: {dialect: {delimiter: ';;'}}", "one ASCII character"],
  ["delimiter quote", `  a/b: {dialect: {delimiter: '"'}}`, "one ASCII character"],
  [
    "NULL without quotes",
    "  a/b: {dialect: {nulls: [NULL]}}",
    '4:27  tables.a/b.dialect.nulls[0]: must be text; write "NULL" in quotes',
  ],
  ["nulls as a word", "  a/b: {dialect: {nulls: atuo}}", "must be auto, or a list such as"],
  ["offset as zone", "  a/b: {dialect: {file_timezone: '+05:30'}}", "must be a time zone such as UTC or Asia/Kolkata"],
  ["encoding", "  a/b: {dialect: {encoding: utf9}}", "must be an encoding"],

  ["long name", `  a/b: {columns: {x: {as: ${"é".repeat(32)}}}}`, "must not be longer than 63 bytes"],
  [
    "token holds delimiter",
    "  a/b: {dialect: {nulls: ['a,b']}}",
    "4:9  tables.a/b.dialect: a token of nulls holds the delimiter",
  ],
  [
    "same folder twice",
    "  x: {prefix: a/b}\n  y: {prefix: /a/b/}",
    "5:3  tables.y: claims a/b, as tables.x (line 4) does",
  ],
  [
    "same table twice",
    "  x/orders: {}\n  y/orders: {}",
    "5:3  tables.y/orders: y/orders goes into the same main table as x/orders of tables.x/orders (line 4)",
  ],
  [
    "snapshots without a key",
    "  a/b: {write_mode: append, full_load: snapshot}",
    "4:3  tables.a/b: full_load: snapshot needs a key",
  ],
  [
    "cells that are left out, and no row that has them",
    "  a/b: {write_mode: append, dialect: {unchanged_token: '~'}}",
    "4:3  tables.a/b: dialect.unchanged_token keeps what a row has",
  ],
  [
    "a token that means NULL by itself",
    "  a/b: {dialect: {unchanged_token: 'NULL'}}",
    "4:3  tables.a/b: dialect.unchanged_token is what means NULL, too; set dialect.nulls to something else",
  ],
  [
    "a token that is set to mean NULL",
    "  a/b: {dialect: {unchanged_token: '~', nulls: ['~']}}",
    "dialect.unchanged_token is what means NULL, too; set CsvNoSupValue to something else",
  ],
  [
    "replace of changes",
    "  a/b: {write_mode: replace, full_load: changes}",
    "4:3  tables.a/b: full_load: changes contradicts write_mode: replace",
  ],
  [
    "snapshots in the order of a column",
    "  a/b: {order_by: seq, full_load: snapshot}",
    "4:3  tables.a/b: order_by orders changes alone: it needs full_load: once, not snapshot",
  ],
  [
    "changes_from",
    "  a/b: {changes_from: 2026-02-31}",
    "4:23  tables.a/b.changes_from: must be a time such as 2026-03-01",
  ],
  ["state schema", "  x/orders: {into: drayage.orders}", "goes into drayage's own schema"],
  ["duplicate key", "  a/b: {}\n  a/c: {}\n  a/b: {}", "6:3  tables: a/b is given twice, first on line 4"],
  ["hostile key", "  a/b: {columns: {__proto__: ignore}}", "a key must be plain text"],
  ["map as key", "  ? {a: b}\n  : {}", "a key must be plain text"],
])("%s", (_, text, line) => {
  const lines = problemsOf(table(text));
  expect(lines).toHaveLength(1);
  expect(lines[0]).toContain(line);
});

test.each<[string, string, string]>([
  ["no tables", 'source: {url: "file:///x"}\nwarehouse: {url: "postgresql://h/d"}', "1:1  tables: is needed"],
  ["empty tables", minimal("tables: {}"), "3:1  tables: must have an entry"],
  ["tables as a list", minimal("tables: [a]"), "3:1  tables: must be a map of tables"],
  ["no source", 'warehouse: {url: "postgresql://h/d"}\ntables: {a/b: {}}', "1:1  source: is needed"],
  ["empty section", 'source:\nwarehouse: {url: "postgresql://h/d"}\ntables: {a/b: {}}', "1:1  source: has no value"],
  [
    "no source.url",
    'source: {}\nwarehouse: {url: "postgresql://h/d"}\ntables: {a/b: {}}',
    "1:1  source.url: is needed",
  ],
  [
    "bad source.url",
    'source: {url: "https://x"}\nwarehouse: {url: "postgresql://h/d"}\ntables: {a/b: {}}',
    "1:15  source.url: must be s3://bucket/prefix",
  ],
  [
    "relative file url",
    'source: {url: "file://x/y"}\nwarehouse: {url: "postgresql://h/d"}\ntables: {a/b: {}}',
    "absolute path",
  ],
  [
    "no warehouse url",
    'source: {url: "file:///x"}\nwarehouse: {}\ntables: {a/b: {}}',
    "2:1  warehouse: needs url, or host and database",
  ],
  [
    "host alone",
    'source: {url: "file:///x"}\nwarehouse: {host: h}\ntables: {a/b: {}}',
    "2:1  warehouse: needs database beside host",
  ],
  [
    "two ways to sign in",
    'source: {url: "file:///x"}\nwarehouse: {url: "postgresql://h/d", auth: iam, secret: lake}\ntables: {a/b: {}}',
    "2:57  warehouse.secret: does nothing beside auth: iam",
  ],
  [
    "url and port",
    'source: {url: "file:///x"}\nwarehouse: {url: "postgresql://h/d", port: 1}\ntables: {a/b: {}}',
    "2:38  warehouse.port: stands beside url",
  ],
  [
    "bad warehouse url",
    'source: {url: "file:///x"}\nwarehouse: {url: "postgresql://u:p#w@h/d"}\ntables: {a/b: {}}',
    "2:18  warehouse.url: must be a postgresql:// URL",
  ],
  [
    "same schemas",
    'source: {url: "file:///x"}\nwarehouse: {url: "postgresql://h/d", schema: drayage}\ntables: {a/b: {}}',
    "2:46  warehouse.schema: is the same",
  ],
  [
    "password",
    'source: {url: "file:///x"}\nwarehouse: {url: "postgresql://h/d", password: x}\ntables: {a/b: {}}',
    "warehouse.password: unknown key; it belongs into url, or into PGPASSWORD",
  ],
  [
    "duration without unit",
    'source: {url: "file:///x"}\nwarehouse: {url: "postgresql://h/d", lock_timeout: 5}\ntables: {a/b: {}}',
    "must be a duration such as 5s",
  ],
  [
    "endless lock_timeout",
    'source: {url: "file:///x"}\nwarehouse: {url: "postgresql://h/d", lock_timeout: 0}\ntables: {a/b: {}}',
    "must be more than 0",
  ],
  [
    "endless wait",
    'source: {url: "file:///x"}\nwarehouse: {url: "postgresql://h/d", lock_wait: 30d}\ntables: {a/b: {}}',
    "must not be over 24 days",
  ],
  ["unknown section", minimal("tabels: {}\ntables: {a/b: {}}"), "3:1  tabels: unknown key; did you mean tables?"],
  [
    "prefix in defaults",
    minimal("defaults: {prefix: x}\ntables: {a/b: {}}"),
    "3:12  defaults.prefix: unknown key; it belongs to each table",
  ],
  ["too large", minimal("limits: {max_record_bytes: 1GB}\ntables: {a/b: {}}"), "must be from 1 byte to 256MB"],
  ["empty file", "", "1:1  the file is empty"],
  ["only comments", "# nothing\n", "1:1  the file is empty"],
  ["a list", "- a\n", "1:1  the file must be a map of sections"],
  ["missing variable", minimal("tables: {a/b: {into: '$" + "{NOPE}'}}"), "3:22  tables.a/b.into: NOPE is not set"],
])("%s", (_, text, line) => {
  const lines = problemsOf(text);
  expect(lines).toHaveLength(1);
  expect(lines[0]).toContain(line);
});

test.each<[string, string, string]>([
  ["unclosed quote", 'source: {url: "s3://x}\n', "a quote, bracket, comma or colon is missing"],
  ["indentation", "source:\n  url: x\n region: y\n", "3:1  not YAML: "],
  ["tab", "source:\n\turl: x\n", "2:1  not YAML: a tab cannot indent; use spaces"],
  [
    "reserved character",
    "source:\n  url: @x\n",
    "2:8  not YAML: a text that starts with this character must be in quotes",
  ],
  ["bad escape", 'source:\n  url: "\\q"\n', "not YAML: an unknown escape"],
  ["second document", "source: {}\n---\nx: 1\n", "2:1  not YAML: a second document"],
  ["tag", "source: !secret x\n", "1:9  not YAML: tags (!name) are not known here"],
  ["unknown alias", "source: *x\n", "1:1  source: an alias (*name) stands before its anchor"],
])("%s", (_, text, line) => {
  expect(problemsOf(text).join("\n")).toContain(line);
});

test("an alias bomb is refused at once", () => {
  const levels = Array.from({ length: 20 }, (_, i) => `l${i + 1}: &l${i + 1} [${Array(20).fill(`*l${i}`).join(", ")}]`);
  const started = performance.now();
  expect(problemsOf(`l0: &l0 x\n${levels.join("\n")}`)).toEqual([expect.stringContaining("more than 100 aliases")]);
  expect(performance.now() - started).toBeLessThan(2_000);
});

test("an anchor that holds itself is refused", () => {
  expect(problemsOf("source: &a [*a]")).toEqual([expect.stringContaining("more than 100 aliases")]);
});

test("deep nesting is a problem, not a crash", () => {
  expect(failureOf(`source: ${"[".repeat(20_000)}`).code).toBe("CONFIG_INVALID");
});

test("a type that a comma cuts in two gets a hint", () => {
  const lines = problemsOf(table("  a/b: {columns: {x: {type: numeric(1,2)}}}"));
  expect(lines[0]).toBe(
    "4:29  tables.a/b.columns.x.type: is cut short: inside { } a comma ends a text, so put the type in quotes",
  );
});

test("aliases are read", () => {
  const tables = tablesFrom("  a/b: &shared {primary_key: [id]}\n  a/c: *shared\n");
  expect(tables[1]).toMatchObject({ name: "a/c", line: 5, primaryKey: ["id"] });
});

test("every problem is reported at once, in the order of the file", () => {
  const failure = failureOf(
    `sorce: {}
source: {url: "$` +
      `{NOPE}"}
warehouse: {hots: x}
tables:
  orders: {primary_kye: [id], deletes: sfot}
  x: {prefix: a/b}
  y: {prefix: a/b}
  z: {prefix: a/z, write_mode: scd2}
`,
  );
  expect(failure).toMatchObject({ code: "CONFIG_INVALID", exit: 2, message: "The config file has 9 problems" });
  expect(failure.lines.map((line) => line.split("  ")[1]!.split(" ").slice(0, 2).join(" "))).toEqual([
    "sorce: unknown",
    "source.url: NOPE",
    "warehouse: needs",
    "warehouse.hots: unknown",
    "tables.orders: needs",
    "tables.orders.primary_kye: unknown",
    "tables.orders.deletes: must",
    "tables.y: claims",
    "tables.z.write_mode: scd2",
  ]);
});

test("the file is named as the user named it", () => {
  const load = () =>
    loadConfig({
      file: "conf/my.yaml",
      env: {},
      readFile: (path) => (path === "conf/my.yaml" ? "a: 1" : raise("ENOENT")),
    });
  expect(load).toThrowError(
    expect.objectContaining({
      lines: expect.arrayContaining(["conf/my.yaml:1:1  a: unknown key"]),
      place: { file: "conf/my.yaml" },
    }),
  );
});

test("no file, and one that cannot be read", () => {
  const load = (code: string) => () => loadConfig({ file: "x.yaml", env: {}, readFile: () => raise(code) });
  expect(load("ENOENT")).toThrowError(
    expect.objectContaining({ code: "CONFIG_MISSING", exit: 2, message: "There is no config file" }),
  );
  expect(load("EACCES")).toThrowError(
    expect.objectContaining({ code: "CONFIG_MISSING", message: "The config file cannot be read" }),
  );
});

test("an unreadable .env is not passed over", () => {
  const load = () =>
    loadConfig({
      file: "/c/x.yaml",
      env: {},
      readFile: (path) => (path === "/c/.env" ? raise("EACCES") : minimal("tables: {a/b: {}}")),
    });
  expect(load).toThrowError(expect.objectContaining({ code: "CONFIG_INVALID" }));
});

test("a config without problems has none", () => {
  expect(() => configFrom(minimal("tables: {a/b: {}}"))).not.toThrow();
  expect(new DrayageError("CONFIG_INVALID").lines).toEqual([]);
});

function raise(code: string): never {
  throw Object.assign(new Error(code), { code });
}
