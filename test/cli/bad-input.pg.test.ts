/** What the program says and leaves behind when its input, its config or its servers are wrong. */
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Ran } from "../support/drayage.ts";
import { type LocalServer, listenLocally } from "../support/fault-proxy.ts";
import { s3Installed, startTestS3, type TestS3 } from "../support/s3-server.ts";
import { openWorkplace, type Workplace } from "../support/workplace.ts";
import { type BadInput, cells, type Servers, secrets } from "./bad-input.ts";
import { badObjects } from "./bad-objects.ts";
import { badSettings } from "./bad-settings.ts";

const badInputs = [...badSettings, ...badObjects];

const neverPrinted = [...Object.values(secrets), ...Object.values(cells)];
const stackFrame = /^\s+at .*[:(]/m;

let denying: LocalServer | undefined;
let s3: TestS3 | undefined;
const printed = new Map<string, readonly string[]>();

beforeAll(async () => {
  denying = await listenLocally((request, response) => {
    request.resume();
    response.writeHead(403, { "content-type": "application/xml" }).end(
      // As much as S3 tells, and more than it should.
      `<?xml version="1.0"?><Error><Code>AccessDenied</Code><Message>${secrets.awsToken} may not ${secrets.awsSecret}</Message><RequestId>R1</RequestId></Error>`,
    );
  });
  if (s3Installed) s3 = await startTestS3();
});

afterAll(async () => {
  await denying?.stop();
  await s3?.stop();
  process.stdout.write(`\n${report()}\n`);
});

describe.concurrent("bad input", () => {
  for (const [i, input] of badInputs.entries()) {
    const inJson = process.env.LONG !== undefined || i % 4 === 0;
    test.skipIf(input.needsS3 === true && !s3Installed)(input.name, async () => {
      await inWorkplace(async (place) => {
        const ran = await arrangeAndRun(input, place, []);
        checkText(input, ran);
        await checkLeftBehind(input, place);
        printed.set(input.name, row(input, ran));
      });
    });

    test.skipIf((input.needsS3 === true && !s3Installed) || !inJson)(`${input.name}, as JSON and verbose`, async () => {
      await inWorkplace(async (place) => {
        const ran = await arrangeAndRun(input, place, ["--json", "--verbose"]);
        checkJson(input, ran);
        await checkLeftBehind(input, place);
      });
    });
  }
});

async function inWorkplace(work: (place: Workplace) => Promise<void>): Promise<void> {
  const place = await openWorkplace(secrets.password);
  try {
    await work(place);
  } finally {
    await place.end();
  }
}

async function arrangeAndRun(input: BadInput, place: Workplace, options: readonly string[]): Promise<Ran> {
  const servers: Servers = { denying: denying?.url ?? "", s3: s3?.endpoint ?? "" };
  await input.arrange(place, servers);
  const ran = await place.run([...(input.args ?? ["load"]), ...options], input.env?.(place) ?? {});
  for (const word of neverPrinted) {
    expect(ran.stdout).not.toContain(word);
    expect(ran.stderr).not.toContain(word);
  }
  return ran;
}

function checkText(input: BadInput, ran: Ran): void {
  const text = `${ran.stdout}\n${ran.stderr}`;
  expect(text).toMatch(new RegExp(`^${input.code} {2}\\S`, "m"));
  expect(text).toMatch(input.says);
  if (input.where !== undefined) expect(text).toMatch(lineOf("where", input.where));
  expect(text).toMatch(lineOf("next", input.next));
  expect(text).not.toMatch(stackFrame);
  expect(ran.exit).toBe(input.exit);
}

function lineOf(label: string, content: RegExp): RegExp {
  return new RegExp(`^ {2}${label} +.*(?:${content.source})`, "m");
}

interface JsonError {
  readonly code: string;
  readonly message: string;
  readonly lines: readonly string[];
  readonly place: Readonly<Record<string, unknown>>;
  readonly next: string;
}

interface Output {
  readonly format: number;
  readonly exit: number;
  readonly error?: JsonError;
  readonly tables?: readonly { readonly failures: readonly JsonError[] }[];
}

function checkJson(input: BadInput, ran: Ran): void {
  const output = JSON.parse(ran.stdout) as Output;
  expect(output).toMatchObject({ format: 1, exit: input.exit });
  expect(ran.exit).toBe(input.exit);
  if (input.exit === 3) return;
  const errors = output.error === undefined ? output.tables?.flatMap((table) => table.failures) : [output.error];
  const found = errors?.find((error) => error.code === input.code);
  expect(found, `no ${input.code} in ${ran.stdout}`).toBeDefined();
  expect([found?.message, ...(found?.lines ?? [])].join("\n")).toMatch(input.says);
  expect(found?.next).toMatch(input.next);
}

/** Nothing half loaded: no claim, no row, no staging, no value in the state schema but in `rejects`. */
async function checkLeftBehind(input: BadInput, { client }: Workplace): Promise<void> {
  await settled(client);
  const { rows } = await client.query<{ name: string }>(
    "select format('%I.%I', schemaname, tablename) as name from pg_tables where schemaname not in ('pg_catalog', 'information_schema') order by 1",
  );
  const tables = rows.map((one) => one.name);
  expect(tables.filter((name) => !name.startsWith("drayage."))).toEqual(
    input.rows === undefined ? [] : ["shop.orders"],
  );
  if (input.rows !== undefined) expect(await count(client, "shop.orders")).toBe(input.rows);
  if (!tables.includes("drayage.load_history")) {
    expect(input.history).toBeUndefined();
    return;
  }
  const history = await client.query<{ status: string }>("select status from drayage.load_history");
  expect(history.rows.map((one) => one.status)).toEqual(input.history ?? []);
  for (const name of tables.filter((one) => one.startsWith("drayage.") && one !== "drayage.rejects")) {
    const { rows: all } = await client.query<{ text: string }>(
      `select coalesce(json_agg(t)::text, '') as text from ${name} t`,
    );
    for (const word of neverPrinted) expect(all[0]?.text).not.toContain(word);
  }
  const runs = await client.query<{ running: string }>(
    "select count(*) as running from drayage.runs where status = 'running'",
  );
  expect(Number(runs.rows[0]?.running)).toBe(0);
}

async function count(client: Workplace["client"], table: string): Promise<number> {
  const { rows } = await client.query<{ count: string }>(`select count(*) from ${table}`);
  return Number(rows[0]?.count);
}

/** Temporary tables go with their connection, which ends a moment after the process. */
async function settled(client: Workplace["client"]): Promise<void> {
  for (let tries = 0; tries < 100; tries++) {
    const { rows } = await client.query<{ open: string }>(
      "select count(*) as open from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid() and backend_type = 'client backend'",
    );
    if (rows[0]?.open === "0") return;
    await sleep(20);
  }
  throw new Error("a connection of the program is still open");
}

/** What, where and next, as printed; of lines to paste the first. */
function row(input: BadInput, ran: Ran): readonly string[] {
  const lines = `${ran.stdout}\n${ran.stderr}`.split("\n");
  const at = lines.findIndex((line) => line.startsWith(`${input.code}  `));
  const rest = lines.slice(at + 1);
  const part = (label: string) => rest.find((line) => line.startsWith(`  ${label}`))?.slice(9) ?? "";
  const shown = rest.find((line) => line.startsWith("    "))?.trim() ?? "";
  return [String(ran.exit), lines[at] ?? "", part("where"), shown, part("next")].map((text) =>
    text.replaceAll(/(role_)?test_[0-9a-f]{16}/g, "$1db").replaceAll(/\/\S+(?=\/drops)/g, "…"),
  );
}

function report(): string {
  const lines = badInputs.flatMap(({ name }) => {
    const found = printed.get(name);
    if (found === undefined) return [`${name}\n    (no output: skipped or failed)`];
    const [exit, what, where, shown, next] = found;
    return [
      `${name}  ->  exit ${exit}`,
      `    ${what}`,
      ...(where === "" ? [] : [`    where  ${where}`]),
      ...(shown === "" ? [] : [`      ${shown}`]),
      `    next   ${next}`,
    ];
  });
  return ["Bad input", ...lines].join("\n");
}
