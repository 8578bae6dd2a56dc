/** What runs after a pass: real commands, a real HTTP server; never twice at once, never a secret in the log. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { AfterStep } from "../../src/config/config.ts";
import { After } from "../../src/schedule/after.ts";
import { type KeptLog, keptLog } from "../support/kept-log.ts";
import { isAlive } from "../support/process-alive.ts";

let directory: string;
let log: KeptLog;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "drayage-after-"));
  log = keptLog();
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

const shell = (command: string): AfterStep => ({ kind: "command", command });

function open(...steps: AfterStep[]): After {
  return new After({
    steps,
    directory,
    env: { PATH: process.env.PATH, TOKEN: "hush" },
    log,
    webhookPausesMs: [10, 10],
  });
}

async function logged(text: string, times = 1): Promise<void> {
  while (log.lines.filter((line) => line.includes(text)).length < times) await sleep(10);
}

test("steps run in order, each in spite of the one before; the log has their output and their codes", async () => {
  const after = open(
    shell(
      'echo "run $DRAYAGE_RUN_ID: $DRAYAGE_TABLES" > told; printf "\\033[31mred\\033[0m\\n"; echo oops >&2; exit 3',
    ),
    shell("cat told; : hush"),
  );
  after.loaded({ runId: 7n, tables: ["orders", "clicks"] });
  await logged("after: step ended");
  expect(readFileSync(join(directory, "told"), "utf8")).toBe("run 7: clicks,orders\n");
  expect(log.lines.toSorted()).toEqual(
    [
      "info after: step begins",
      "info after: red",
      "info after: oops",
      "error Step 1 of schedule.after ended with exit code 3",
      "info after: step begins",
      "info after: run 7: clicks,orders",
      "info after: step ended",
    ].toSorted(),
  );
  expect(log.fields).toContainEqual(expect.objectContaining({ run: "7", step: 1, code: "AFTER_FAILED" }));
  expect(JSON.stringify([log.lines, log.fields])).not.toContain("hush");
});

test("what is loaded while they run makes them run once more, with everything since", async () => {
  const gate = join(directory, "gate");
  const after = open(shell('echo "[$DRAYAGE_TABLES]"; while [ ! -e gate ]; do sleep 0.02; done'));
  after.loaded({ runId: 1n, tables: ["a"] });
  await logged("after: [a]");
  after.loaded({ runId: 2n, tables: ["b"] });
  after.loaded({ runId: 3n, tables: ["c"] });
  writeFileSync(gate, "");
  await logged("after: step ended", 2);
  expect(log.lines.filter((line) => line.includes("["))).toEqual(["info after: [a]", "info after: [b,c]"]);
});

test("a stop ends the command and what it started", async () => {
  const after = open(shell("sleep 300 & echo $!; wait"));
  after.loaded({ runId: 1n, tables: ["a"] });
  await logged("after: ", 2);
  const pid = Number(/after: (\d+)/.exec(log.lines.join("\n"))?.[1]);
  await after.stop();
  while (isAlive(pid)) await sleep(10);
  expect(log.lines.at(-1)).toBe("error Step 1 of schedule.after was ended by SIGTERM");
});

test("something left in the background holds up nothing", async () => {
  const after = open(shell("sleep 30 &"));
  after.loaded({ runId: 1n, tables: ["a"] });
  await logged("after: step ended");
  await after.stop();
});

test("a webhook gets the run and the tables, again when it fails; its address is never logged", async () => {
  const bodies: string[] = [];
  const server = createServer((request, response) => {
    let body = "";
    request.on("data", (chunk: Buffer) => {
      body += chunk.toString("utf8");
    });
    request.on("end", () => {
      bodies.push(`${request.method} ${request.url} ${body}`);
      response.writeHead(bodies.length === 1 ? 503 : 200).end();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  try {
    const after = open({ kind: "webhook", url: `http://127.0.0.1:${port}/hook?key=hush` });
    after.loaded({ runId: 9n, tables: ["orders"] });
    await logged("after: step ended");
    const call = 'POST /hook?key=hush {"format":1,"event":"loaded","run_id":9,"tables":["orders"]}';
    expect(bodies).toEqual([call, call]);
  } finally {
    server.close();
  }
  expect(JSON.stringify([log.lines, log.fields])).not.toContain("hush");
});

test("a webhook that nobody answers is a failure with its code", async () => {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  const after = open({ kind: "webhook", url: `http://127.0.0.1:${port}/` });
  after.loaded({ runId: 9n, tables: ["orders"] });
  await logged("error");
  await after.stop();
  expect(log.lines.at(-1)).toBe("error Step 1 of schedule.after was not answered (ECONNREFUSED)");
});
