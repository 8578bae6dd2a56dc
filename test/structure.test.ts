/** The shape of the project: who may import whom, who owns which package, how files are named and how long they are. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import {
  beginsWithItsPurpose,
  type Guard,
  importsPointDown,
  namesAreDomainWords,
  noAny,
  noCycles,
  noDefaultExports,
  packagesHaveOneOwner,
  processAtTheTop,
  readTree,
  root,
  rowsArePure,
  type SourceFile,
  sqlIsQuotedInOnePlace,
  withinLineBudget,
} from "./support/source-tree.ts";

const src = readTree("src");
const all = [...src, ...readTree("sql", "scripts", "test")];

// Tables that would only be harder to read in two files, and debts. Take a line out when its file has become short enough.
const longerThanTheBudget: Readonly<Record<string, string>> = {
  "src/errors.ts": "the closed table of codes",
  "test/config/load-config.test.ts": "a table of cases",
  "test/config/problems.test.ts": "a table of cases",
  "test/load/bson-cases.ts": "a table of cases",
  "test/load/guard-cases.pg.test.ts": "a table of cases",
  "test/load/reject-cases.pg.test.ts": "a table of cases",
  "test/rows/extended-json.test.ts": "a table of cases",
  "test/rows/flatten-document.test.ts": "a table of cases",
};

interface Rule {
  readonly name: string;
  readonly guard: Guard;
  readonly files: readonly SourceFile[];
  /** A file that breaks the rule, and a sound one that looks much like it. */
  readonly breaks: readonly SourceFile[];
  readonly keeps: readonly SourceFile[];
}

const file = (path: string, text: string): SourceFile => ({ path, text });

const rules: readonly Rule[] = [
  {
    name: "imports point one way",
    guard: importsPointDown,
    files: src,
    breaks: [
      file("src/rows/a.ts", 'import type { Session } from "../warehouse/session.ts";'),
      file("src/load/a.ts", 'import { tone } from "../cli/terminal.ts";'),
      file("src/warehouse/b.ts", 'import {\n  log,\n} from "../observe/logger.ts";'),
      file("src/cli/a.ts", 'const { x } = await import("../main.ts");'),
      file("src/config/a.ts", 'export { x } from "../source/object-key.ts";'),
      file("src/shared/a.ts", ""),
    ],
    keeps: [file("src/load/a.ts", 'import { ident } from "../warehouse/identifier.ts";\nimport { b } from "./b.ts";')],
  },
  {
    name: "one owner per package",
    guard: packagesHaveOneOwner,
    files: src,
    breaks: [
      file("src/load/a.ts", 'import pg from "pg";'),
      file("src/config/a.ts", 'const sdk = await import("@aws-sdk/client-s3");'),
      file("src/rows/a.ts", 'import { parse } from "csv-parse/sync";'),
      file("src/cli/a.ts", 'import "left-pad";'),
    ],
    keeps: [file("src/warehouse/session.ts", 'import pg from "pg";\nimport { once } from "node:events";')],
  },
  {
    name: "rows/ is pure",
    guard: rowsArePure,
    files: src,
    breaks: [
      file("src/rows/a.ts", 'import { readFileSync } from "node:fs";'),
      file("src/rows/b.ts", "const now = Date.now();"),
      file("src/rows/c.ts", "const home = process.env.HOME;"),
      file("src/rows/d.ts", "const key = Math.random();"),
    ],
    keeps: [
      file("src/rows/a.ts", "/** Never Date.now(): time is a parameter. */\nconst at = new Date(milliseconds);"),
      file("src/cli/a.ts", "const now = Date.now();"),
    ],
  },
  {
    name: "only the top reads the process's environment",
    guard: processAtTheTop,
    files: src,
    breaks: [
      file("src/load/a.ts", "const url = process.env.DATABASE_URL;"),
      file("src/source/a.ts", "process.exit(1);"),
    ],
    keeps: [file("src/load/a.ts", "process.resourceUsage().maxRSS"), file("src/cli/a.ts", "process.exit(1);")],
  },
  {
    name: "no import cycles, of types neither",
    guard: noCycles,
    files: src,
    breaks: [
      file("src/rows/a.ts", 'import { b } from "./b.ts";'),
      file("src/rows/b.ts", 'import { c } from "./c.ts";'),
      file("src/rows/c.ts", 'import type { A } from "./a.ts";'),
    ],
    keeps: [
      file("src/rows/a.ts", 'import { b } from "./b.ts";\nimport { c } from "./c.ts";'),
      file("src/rows/b.ts", 'import { c } from "./c.ts";'),
      file("src/rows/c.ts", ""),
    ],
  },
  {
    name: "no file has more than 300 lines",
    guard: (files) => withinLineBudget(files === all ? longerThanTheBudget : { "src/old.ts": "" })(files),
    files: all,
    breaks: [file("src/a.ts", "\n".repeat(301)), file("src/old.ts", "")],
    keeps: [file("src/a.ts", "\n".repeat(300)), file("src/old.ts", "\n".repeat(301))],
  },
  {
    name: "files are named by words of the domain",
    guard: namesAreDomainWords,
    files: all,
    breaks: [
      file("src/load/utils.ts", ""),
      file("test/load/row-data.test.ts", ""),
      file("src/load/error_handler.ts", ""),
      file("src/load/stageUnit.ts", ""),
    ],
    keeps: [file("src/load/stage-unit.ts", ""), file("sql/0001_state.sql", ""), file("src/rows/database.ts", "")],
  },
  {
    name: "every source file begins with its purpose",
    guard: beginsWithItsPurpose,
    files: [...src, ...readTree("scripts", "sql")],
    breaks: [
      file("src/a.ts", 'import { b } from "./b.ts";'),
      file("src/b.ts", "/** later */\n"),
      file("sql/0001_a.sql", "create table a ();"),
      file("scripts/a.sh", "#!/bin/sh\nset -e\n"),
    ],
    keeps: [
      file("src/a.ts", "#!/usr/bin/env node\n/** The program. */\n"),
      file("src/b.ts", "/**\n * Two\n * lines.\n */\n"),
      file("sql/0001_a.sql", "-- The state schema.\n"),
      file("scripts/a.sh", "#!/bin/sh\n# Installs it.\nset -e\n"),
    ],
  },
  {
    name: "no default exports",
    guard: noDefaultExports,
    files: all,
    breaks: [file("src/a.ts", "export default 1;"), file("src/b.ts", "export { b as default };")],
    keeps: [file("src/a.ts", "export const standard = 1; // not an export default")],
  },
  {
    name: "no any",
    guard: noAny,
    files: src,
    breaks: [
      file("src/a.ts", "let a: any;"),
      file("src/b.ts", "b as any"),
      file("src/c.ts", "Map<string, any>"),
      file("src/d.ts", "(...args: any[]) => 1"),
    ],
    keeps: [file("src/a.ts", "/** as any other: any */\nconst anyOf = many ? any(x) : 1;")],
  },
  {
    name: "names and texts enter SQL through identifier.ts alone",
    guard: sqlIsQuotedInOnePlace,
    files: src,
    breaks: [
      // biome-ignore lint/suspicious/noTemplateCurlyInString: the text of a source file
      file("src/load/a.ts", 'query(`select * from "${table}"`)'),
      // biome-ignore lint/suspicious/noTemplateCurlyInString: the text of a source file
      file("src/warehouse/b.ts", "query(`select '${cell}'`)"),
      file("src/warehouse/c.ts", "const quoted = name.replaceAll('\"', '\"\"');"),
    ],
    keeps: [
      // biome-ignore lint/suspicious/noTemplateCurlyInString: the text of a source file
      file("src/load/a.ts", 'query(`select ${ident(name)}, "_n" from x`); log("ok", `${n}`)'),
      file("src/warehouse/identifier.ts", "name.replaceAll('\"', '\"\"')"),
    ],
  },
];

describe.each(rules)("$name", ({ guard, files, breaks, keeps }) => {
  test("holds", () => {
    expect(guard(files)).toEqual([]);
  });

  test("a planted violation is seen, and nothing else", () => {
    const found = guard(breaks);
    // A cycle is one finding of three files; elsewhere each file is one.
    for (const { path } of breaks)
      expect(
        found.some((line) => line.includes(path)),
        path,
      ).toBe(true);
    expect(guard(keeps)).toEqual([]);
  });
});

test("the tree that is looked at is the project", () => {
  expect(src.length).toBeGreaterThan(50);
  expect(src.map(({ path }) => path)).toContain("src/main.ts");
});

test("migrations are numbered without gaps", () => {
  const names = readTree("sql")
    .map(({ path }) => path)
    // Scripts for whoever owns the database are no migrations.
    .filter((path) => !path.startsWith("sql/roles/"))
    .sort();
  expect(names.length).toBeGreaterThan(0);
  names.forEach((path, i) => {
    expect(path).toMatch(new RegExp(`^sql/${String(i + 1).padStart(4, "0")}_[a-z_]+\\.sql$`));
  });
});

test(".env.example names what something reads", () => {
  // What the AWS SDK's credential chain reads by itself.
  const sdk = ["AWS_PROFILE", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_REGION"];
  const readme = readFileSync(join(root, "README.md"), "utf8");
  const read = new Set([
    ...sdk,
    ...src.flatMap(({ text }) => [...text.matchAll(/\benv\.([A-Z_]+)|env\("([A-Z_]+)"\)/g)].map((m) => m[1] ?? m[2])),
    ...[...readme.matchAll(/\$\{([A-Z_]+)(?::-[^}]*)?\}/g)].map((match) => match[1]),
  ]);
  const text = readFileSync(join(root, ".env.example"), "utf8");
  const names = [...text.matchAll(/^(?:# ?)?([A-Z][A-Z_]+)=/gm)].map((match) => match[1]);
  expect(names).toContain("DATABASE_URL");
  expect(names.filter((name) => !read.has(name))).toEqual([]);
});

test("package.json: what it names is there, what is imported is named", () => {
  const manifest = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as {
    files: string[];
    dependencies: Record<string, string>;
    optionalDependencies: Record<string, string>;
  };
  for (const path of manifest.files.filter((name) => name !== "dist"))
    expect(existsSync(join(root, path)), path).toBe(true);
  // The lock file pins everything; a range here would say less than what was tested.
  for (const version of Object.values(manifest.dependencies)) expect(version).toMatch(/^\d+\.\d+\.\d+$/);
});

test("the lock file sends nobody to a host of its own", () => {
  const lock = readFileSync(join(root, "package-lock.json"), "utf8");
  const hosts = [...lock.matchAll(/"resolved": "([^"]+)"/g)].map((match) => new URL(match[1] ?? "").host);
  expect(hosts.filter((host) => host !== "registry.npmjs.org")).toEqual([]);
});
