/** The pages keep their word: what is generated is current, configs load, commands and links exist. */
import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, expect, test } from "vitest";
import { parse } from "yaml";
import { z } from "zod";
import { configPage, configSchemaFile } from "../scripts/config-docs.ts";
import { configKeys } from "../scripts/config-reference.ts";
import { errorsPage } from "../scripts/error-docs.ts";
import { withLife } from "../scripts/life-docs.ts";
import { terminalSvg } from "../scripts/terminal-svg.ts";
import { loadConfig } from "../src/config/load-config.ts";
import { errorCodes } from "../src/errors.ts";
import { rejectAnchor, rejectEntries } from "../src/warehouse/reject-reasons.ts";
import { readTree, root } from "./support/source-tree.ts";

const read = (path: string): string => readFileSync(join(root, path), "utf8");
const pages = [
  ...["README.md", "CHANGELOG.md", "CONTRIBUTING.md"].map((path) => ({ path, text: read(path) })),
  ...readTree("docs"),
];

/** The anchors of a page, as GitHub makes them of headings. */
function anchorsOf(text: string): string[] {
  return [...text.matchAll(/^#+ (.+)$/gm)].map((match) =>
    (match[1] ?? "")
      .toLowerCase()
      .replace(/[^\p{L}\p{N}_ -]/gu, "")
      .replaceAll(" ", "-"),
  );
}

/** The text of the fenced blocks in that language. */
function blocksOf(text: string, language: string): string[] {
  return [...text.matchAll(new RegExp(`^\`\`\`${language}\\n([\\s\\S]*?)^\`\`\``, "gm"))].map(
    (match) => match[1] ?? "",
  );
}

test.each([
  ["docs/config.md", configPage],
  ["docs/errors.md", errorsPage],
  ["drayage.schema.json", configSchemaFile],
  ["docs/state.md", () => withLife(read("docs/state.md"))],
])("%s is what `npm run docs` writes", (path, make) => {
  expect(read(path)).toBe(make());
});

test("docs/errors.md has every code and every reason once, and no other", () => {
  const headings = [...read("docs/errors.md").matchAll(/^### (.+)$/gm)].map((match) => match[1]);
  const known = [...Object.keys(errorCodes), ...Object.keys(rejectEntries).map((reason) => `rejected ${reason}`)];
  expect(headings).toEqual(known);
  const anchors = anchorsOf(read("docs/errors.md"));
  expect(new Set(anchors).size).toBe(anchors.length);
  // What `rejects show` points at.
  const pointed = Object.keys(rejectEntries).map((reason) => rejectAnchor(reason).replace("docs/errors.md#", ""));
  expect(pointed.filter((anchor) => !anchors.includes(anchor))).toEqual([]);
});

describe("the config reference", () => {
  const keys = configKeys();
  const named = new Map(keys.map((key) => [key.path.join("."), key]));

  test("every key has a meaning and a type", () => {
    expect(keys.length).toBeGreaterThan(80);
    expect(keys.filter(({ meaning, type }) => meaning === "" || type === "").map(({ path }) => path.join("."))).toEqual(
      [],
    );
  });

  test("defaults are those of the program, what does not work yet is marked", () => {
    expect(named.get("warehouse.lock_timeout")).toMatchObject({ type: "duration", default: "5s", notYet: [] });
    expect(named.get("limits.max_record_bytes")).toMatchObject({ type: "size", default: "64MB" });
    expect(named.get("tables.*.write_mode")).toMatchObject({ default: "upsert", notYet: ["scd2"] });
    expect(named.get("source.dialect.header")).toMatchObject({ type: "true, false, auto", default: "auto" });
    expect(named.get("schedule.cron")).toMatchObject({ default: '"5 * * * *"', notYet: [] });
    expect(named.get("warehouse.connections")).toMatchObject({ notYet: "all" });
  });
});

describe("drayage.schema.json", () => {
  const schema = z.fromJSONSchema(JSON.parse(read("drayage.schema.json")) as z.core.JSONSchema.JSONSchema);
  const config = { source: { url: "s3://lake" }, warehouse: { url: "postgresql://h/d" }, tables: { a: {} } };

  test("takes variables where a number stands, and values", () => {
    // biome-ignore lint/suspicious/noTemplateCurlyInString: what users write
    expect(schema.safeParse({ ...config, schedule: { concurrency: "${JOBS}" } }).success).toBe(true);
    expect(schema.safeParse({ ...config, tables: { a: false, "b/*": { columns: { x: "ignore" } } } }).success).toBe(
      true,
    );
  });

  test.each([
    ["an unknown key", { ...config, warehose: {} }],
    ["an unknown key of a table", { ...config, tables: { a: { primary_kye: ["id"] } } }],
    ["a word that is no choice", { ...config, warehouse: { ddl: "maybe" } }],
    ["a missing section", { source: config.source, tables: config.tables }],
  ])("refuses %s", (_, wrong) => {
    expect(schema.safeParse(wrong).success).toBe(false);
  });

  test.each(pages.flatMap(({ path, text }) => blocksOf(text, "yaml").map((yaml) => ({ path, yaml }))))(
    "takes the config of $path",
    ({ yaml }) => {
      expect(schema.safeParse(parse(yaml)).error).toBeUndefined();
    },
  );
});

test("the README's config loads as it stands", () => {
  const [yaml = ""] = blocksOf(read("README.md"), "yaml");
  const config = loadConfig({
    file: "drayage.yaml",
    env: { DATABASE_URL: "postgresql://u@h/db" },
    readFile(path) {
      if (path === "drayage.yaml") return yaml;
      throw Object.assign(new Error("not there"), { code: "ENOENT" });
    },
  });
  expect(config.tables.map(({ name }) => name)).toEqual(["orders", "customers"]);
});

test("the recording is drawn of what was printed, names of strangers included", () => {
  const svg = terminalSvg([{ command: "drayage x", output: 'a\u001b[32mb <c> & "d"\u001b[39m\n' }], 80);
  expect(svg).toMatch(/>a<\/text><text [^>]*fill="#7ee787"[^>]*>b &lt;c&gt; &amp; &quot;d&quot;<\/text>/);
  expect(svg).not.toContain("\u001b");
  expect(read("docs/terminal.svg")).toContain("every record accounted for");
});

describe("links", () => {
  const links = pages.flatMap(({ path, text }) =>
    [...text.matchAll(/\]\(([^)\s]+)\)/g)].map((match) => ({ path, link: match[1] ?? "" })),
  );
  const inSource = readTree("src", "sql").flatMap(({ path, text }) =>
    [...text.matchAll(/\bdocs\/[a-z-]+\.md(?:#[a-z0-9_-]+)?/g)].map((match) => ({ path: `./${path}`, link: match[0] })),
  );

  test("there are some of both kinds", () => {
    expect(links.length).toBeGreaterThan(5);
    expect(inSource.length).toBeGreaterThan(3);
  });

  test.each(links.filter(({ link }) => !link.includes("://")))("$path: $link", ({ path, link }) => {
    expectTarget(join(dirname(path), link.split("#")[0] ?? ""), link.split("#")[1]);
  });

  test.each(inSource)("$path: $link", ({ link }) => {
    expectTarget(link.split("#")[0] ?? "", link.split("#")[1]);
  });

  function expectTarget(target: string, anchor: string | undefined): void {
    expect(existsSync(join(root, target)), target).toBe(true);
    if (anchor !== undefined) expect(anchorsOf(read(target))).toContain(anchor);
  }
});

test("each promise of docs/guarantees.md names the test that holds it, and one that runs as it says", () => {
  const rows = [...read("docs/guarantees.md").matchAll(/^\| (?!promise|---)(.+?) \|(.*)\| `(test\/[^`]+)` \|$/gm)];
  expect(rows.length).toBeGreaterThan(15);
  const long = /const longOnly = \[([^\]]*)\]/.exec(read("vitest.config.ts"))?.[1] ?? "";
  for (const [, promise = "", , path = ""] of rows) {
    expect(existsSync(join(root, path)), path).toBe(true);
    expect(long.includes(`"${path}"`), `${path}: whether it is long`).toBe(promise.includes("*long*"));
  }
});

test("commands of the handwritten pages exist", () => {
  const files = [
    "src/cli/program.ts",
    "src/cli/mending-commands.ts",
    "src/cli/rejects-commands.ts",
    "src/cli/set-up-commands.ts",
  ];
  const declared = files.map(read).join("\n");
  const commands = new Set([...declared.matchAll(/\.command\("([a-z]+)/g)].map((match) => match[1]));
  const options = new Set([...declared.matchAll(/"(--[a-z-]+)/g)].map((match) => match[1]));
  const scripts = Object.keys((JSON.parse(read("package.json")) as { scripts: Record<string, string> }).scripts);
  const handwritten = pages.filter(({ path }) => !["docs/errors.md", "docs/config.md"].includes(path));
  const uses = handwritten.flatMap(({ text }) => [...text.matchAll(/(?:`|\$ |&& )drayage ([a-z]+)([^`\n]*)/g)]);
  expect(uses.length).toBeGreaterThan(8);
  for (const [whole, command, rest] of uses) {
    expect(commands, whole).toContain(command);
    for (const [option] of (rest ?? "").matchAll(/--[a-z-]+/g)) expect(options, whole).toContain(option);
  }
  const runs = handwritten.flatMap(({ text }) => [...text.matchAll(/npm run ([a-z:-]+)/g)].map((match) => match[1]));
  for (const run of runs) expect(scripts).toContain(run);
});

test("the project speaks of itself alone: no path of a machine, no private host", () => {
  const files = [
    ...pages,
    ...readTree("src", "sql", "scripts", ".ci"),
    { path: ".env.example", text: read(".env.example") },
  ];
  const own = /(?:^|[\s"'`(])\/(?:work|home|root|Users)\/[a-z]|\/tmp\/[a-z]|\bTODO\b|\bFIXME\b/;
  expect(
    files.flatMap(({ path, text }) =>
      text
        .split("\n")
        .filter((line) => own.test(line))
        .map((line) => `${path}: ${line}`),
    ),
  ).toEqual([]);
});
