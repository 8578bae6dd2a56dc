/** Records the README's terminal: the quickstart's commands run for real, their output drawn as an SVG. `npm run record`. */
import { mkdirSync, mkdtempSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { Writable } from "node:stream";
import { pathToFileURL } from "node:url";
import { runProgram } from "../src/cli/program.ts";
import { startPostgres } from "../src/demo/postgres-server.ts";
import { columnsExport, quickstartScene } from "./quickstart-scene.ts";
import { type Step, terminalSvg } from "./terminal-svg.ts";

const columns = 106;
const lake = "s3://acme-lake/dms";
const commands = [
  `drayage plan ${lake}/crm/customers`,
  `drayage init ${lake} --columns columns.csv --yes`,
  "drayage load",
  "drayage status",
];

const dir = mkdtempSync(join(tmpdir(), "drayage-record-"));
const server = await startPostgres({ durable: false });
try {
  const source = join(dir, "dms");
  for (const { path, body, written } of await quickstartScene(new Date())) {
    mkdirSync(dirname(join(source, path)), { recursive: true });
    writeFileSync(join(source, path), body);
    utimesSync(join(source, path), written, written);
  }
  writeFileSync(join(dir, "columns.csv"), columnsExport);
  const steps: Step[] = [];
  for (const command of commands) steps.push({ command, output: await printed(command, pathToFileURL(source).href) });
  writeFileSync(new URL("../docs/terminal.svg", import.meta.url), terminalSvg(steps, columns));
} finally {
  await server.stop();
  rmSync(dir, { recursive: true, force: true });
}

/** What a terminal shows of the command: colours, and neither progress nor log, which are gone when it is done. */
async function printed(command: string, source: string): Promise<string> {
  let output = "";
  const stream = (keep: boolean) =>
    Object.assign(
      new Writable({
        write(chunk: Buffer, _, done) {
          if (keep) output += chunk.toString("utf8");
          done();
        },
      }),
      { isTTY: true, columns },
    ) as unknown as NodeJS.WriteStream;
  const words = command.replaceAll(lake, source).split(" ").slice(1);
  const exit = await runProgram({
    argv: words.map((word) => (word === "columns.csv" ? join(dir, word) : word)),
    env: { DATABASE_URL: server.url, DRAYAGE_CONFIG: join(dir, "drayage.yaml"), HOME: dir },
    stdout: stream(true),
    stderr: stream(false),
    pid: process.pid,
    hostname: "demo",
  });
  if (exit !== 0) throw new Error(`${command} ended with ${exit}`);
  return output.replaceAll(source, lake).replaceAll(`${dir}/`, "");
}
