/** Makes docs/config.md and drayage.schema.json from the config's schema. */
import { type ConfigKey, configKeys, type JsonSchema, jsonSchema } from "./config-reference.ts";

const intro = `# Config

Made from the schema by \`npm run docs\`: edit \`src/config/schema.ts\`, not this page.

\`drayage.yaml\` in the current directory, or what \`--config\` or \`DRAYAGE_CONFIG\` names. Every problem is reported at once, with its
line; an unknown key is an error with a suggestion. \`drayage.schema.json\` gives an editor completion:
\`# yaml-language-server: $schema=node_modules/drayage/drayage.schema.json\` as the first line.

- \`\${NAME}\`, \`\${NAME:-default}\` and \`\${file:/run/secrets/x}\` are expanded in values, after parsing. A \`.env\` beside the config is read;
  the real environment wins. Write \`$\${\` for a plain \`\${\`.
- A duration is \`500ms\`, \`5s\`, \`10m\`, \`2h\` or \`30d\`; a size is \`64MB\` (1024 bytes a KB) or a number of bytes.
- Of \`source.dialect\`, \`defaults\` and a table, the more specific wins and maps merge. \`tables.X: off\` leaves a folder alone.
- *not yet*: the key or value belongs to the contract but does nothing in this version, so it is refused with its line.
`;

const sections: readonly (readonly [prefix: string, title: string, text: string])[] = [
  ["source", "source", "Where the objects are."],
  [
    "source.dialect",
    "dialect",
    "How DMS writes its CSV. Under `source`, `defaults` or a table. What is `auto` is found out from the objects; `drayage plan` shows the evidence.",
  ],
  [
    "warehouse",
    "warehouse",
    "Where the rows go: `url`, or `host`, `port`, `database` and `user`. `PGPASSWORD` and the other `PG*` variables fill in what neither says.",
  ],
  [
    "tables.*",
    "tables.X and defaults",
    "X is a warehouse name, or an S3 pattern (`shop/*`) that claims every folder no more specific entry names. `defaults` takes the same keys, except `prefix`.",
  ],
  [
    "tables.*.columns.*",
    "columns",
    "By column name or document path (`address.geo`; `metrics.*` is every path one step below; with several document columns the path begins with the column): a type, `ignore`, `jsonb`, `hash` (sha256 of the text as hex, without a salt; NULL stays NULL), or a map of these keys. `using` is SQL over `value`, the cell's text, such as `to_date(value, 'DD.MM.YYYY')`: it runs with the role's rights, so whoever writes this file may do what the role may. Give it no function that changes from call to call (`now()`, `random()`): a row loaded again would not be the same. As a list (`- id bigint`) it also gives the names and order of an object without a header. *Not yet*: `child`.",
  ],
  ["schedule", "schedule", ""],
  ["alerts", "alerts", ""],
  ["retention", "retention", ""],
  ["limits", "limits", ""],
  ["log", "log", "The log goes to standard error."],
];

export function configPage(): string {
  const keys = configKeys();
  const parts = sections.map(([prefix, title, text]) => {
    const own = keys.filter((key) => sectionOf(key) === prefix);
    const rows = own.map((key) => tableRow(key, prefix));
    return [
      `## ${title}`,
      ...(text === "" ? [] : [text]),
      ["| key | type | default | meaning |", "|---|---|---|---|", ...rows].join("\n"),
    ];
  });
  return `${[intro.trimEnd(), ...parts.flat()].join("\n\n")}\n`;
}

/** The longest prefix that a section has. */
function sectionOf(key: ConfigKey): string | undefined {
  const path = key.path.join(".");
  return sections
    .map(([prefix]) => prefix)
    .filter((prefix) => path.startsWith(`${prefix}.`))
    .sort((a, b) => b.length - a.length)[0];
}

function tableRow(key: ConfigKey, prefix: string): string {
  const name = key.path.join(".").slice(prefix.length + 1);
  const note = key.notYet === "all" ? "*not yet.* " : "";
  const values = key.notYet === "all" || key.notYet.length === 0 ? "" : ` *Not yet*: ${key.notYet.join(", ")}.`;
  const fallback = key.default === "" || key.notYet === "all" ? "" : key.default;
  return `| \`${name}\` | ${cell(key.type)} | ${cell(fallback)} | ${note}${cell(key.meaning)}${values} |`;
}

function cell(text: string): string {
  return text.replaceAll("|", "\\|").replaceAll("<", "&lt;");
}

/** For editors: what a value may be before \`\${NAME}\` is expanded, so any scalar may be a text that holds one. */
export function configSchemaFile(): string {
  const schema = {
    ...jsonSchema(),
    title: "drayage.yaml",
    $defs: {
      // biome-ignore lint/suspicious/noTemplateCurlyInString: what users write
      variable: { description: "A text with ${NAME} or ${file:...} in it.", type: "string", pattern: "\\$\\{" },
    },
  };
  return `${JSON.stringify(withVariables(schema as JsonSchema), undefined, 1)}\n`;
}

function withVariables(schema: JsonSchema): JsonSchema {
  const next: Record<string, unknown> = { ...schema };
  for (const key of ["properties"] as const) {
    if (schema[key] !== undefined) next[key] = mapValues(schema[key] as Record<string, JsonSchema>);
  }
  for (const key of ["additionalProperties", "items"] as const) {
    if (typeof schema[key] === "object") next[key] = withVariables(schema[key] as JsonSchema);
  }
  if (schema.anyOf !== undefined) next.anyOf = (schema.anyOf as JsonSchema[]).map(withVariables);
  const strict =
    schema.enum !== undefined ||
    schema.pattern !== undefined ||
    ["integer", "number", "boolean"].includes(String(schema.type));
  if (!strict) return next as JsonSchema;
  const { description, ...rest } = next;
  return {
    ...(description === undefined ? {} : { description }),
    anyOf: [rest, { $ref: "#/$defs/variable" }],
  } as JsonSchema;
}

function mapValues(schemas: Record<string, JsonSchema>): Record<string, JsonSchema> {
  return Object.fromEntries(Object.entries(schemas).map(([key, schema]) => [key, withVariables(schema)]));
}
