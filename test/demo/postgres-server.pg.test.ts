import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import pg from "pg";
import { expect, onTestFinished, test } from "vitest";
import { startPostgres } from "../../src/demo/postgres-server.ts";
import { freshDatabase, withDatabase } from "../support/database.ts";

async function ask(url: string, sql: string): Promise<string> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    const { rows } = await client.query<{ answer: string }>(sql);
    return rows[0]?.answer ?? "";
  } finally {
    await client.end();
  }
}

async function isRefused(url: string): Promise<boolean> {
  return ask(url, "select 'up' as answer").then(
    () => false,
    (error: NodeJS.ErrnoException) => error.code === "ECONNREFUSED",
  );
}

test("a server starts, listens on the loopback address only, and stops without a trace", async () => {
  const server = await startPostgres({ durable: false });
  try {
    expect(await ask(server.url, "select version() as answer")).toMatch(/^PostgreSQL \d+\.\d+/);
    expect(await ask(server.url, "select current_setting('listen_addresses') as answer")).toBe("127.0.0.1");
    expect(await ask(server.url, "select current_setting('server_encoding') as answer")).toBe("UTF8");
    const wrong = new URL(server.url);
    wrong.password = "wrong";
    await expect(ask(wrong.href, "select 1 as answer")).rejects.toMatchObject({ code: "28P01" });
  } finally {
    await server.stop();
  }
  expect(await isRefused(server.url)).toBe(true);
  expect(existsSync(server.dir)).toBe(false);
});

test("commits are durable unless a test says otherwise", async () => {
  const server = await startPostgres();
  try {
    expect(await ask(server.url, "select current_setting('fsync') as answer")).toBe("on");
  } finally {
    await server.stop();
  }
});

test("what was committed is there after a crash and a restart", async () => {
  const server = await startPostgres();
  try {
    await ask(server.url, "create table kept as select 42 as n");
    await server.restart("crash");
    expect(await ask(server.url, "select n::text as answer from kept")).toBe("42");
  } finally {
    await server.stop();
  }
});

test("a directory that was named is used again and stays", async () => {
  const dir = mkdtempSync(join(tmpdir(), "drayage-test-"));
  onTestFinished(() => rmSync(dir, { recursive: true, force: true }));
  const first = await startPostgres({ dir, durable: false });
  await ask(first.url, "create table kept as select 7 as n").finally(() => first.stop());
  const second = await startPostgres({ dir, durable: false });
  try {
    expect(await ask(second.url, "select n::text as answer from kept")).toBe("7");
  } finally {
    await second.stop();
  }
});

/** Starts a server in another process and answers what that process prints about it. */
async function startInChild(options: string) {
  const program = `
    const { startPostgres } = await import(${JSON.stringify(new URL("../../src/demo/postgres-server.ts", import.meta.url).href)});
    const { url, dir, stopCommand } = await startPostgres(${options});
    console.log(JSON.stringify({ url, dir, stopCommand }));
    if (!${options}.keep) setInterval(() => undefined, 1000);
  `;
  const parent = spawn(process.execPath, ["--import", "tsx", "--input-type=module", "-e", program], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  onTestFinished(() => void parent.kill("SIGKILL"));
  const [line] = (await once(parent.stdout, "data")) as [Buffer];
  const server = JSON.parse(line.toString()) as { url: string; dir: string; stopCommand: string };
  return { parent, server };
}

async function eventually(condition: () => Promise<boolean> | boolean): Promise<boolean> {
  for (let attempt = 0; attempt < 200; attempt += 1) {
    if (await condition()) return true;
    await sleep(50);
  }
  return false;
}

test("the server and its directory go when the parent is killed", async () => {
  const { parent, server } = await startInChild("{ durable: false }");
  expect(await ask(server.url, "select 'up' as answer")).toBe("up");
  parent.kill("SIGKILL");
  expect(await eventually(() => isRefused(server.url))).toBe(true);
  expect(await eventually(() => !existsSync(server.dir))).toBe(true);
});

test("a kept server outlives its parent and goes by the printed command", async () => {
  const { parent, server } = await startInChild("{ durable: false, keep: true }");
  if (parent.exitCode === null) await once(parent, "exit");
  expect(parent.exitCode).toBe(0);
  expect(await ask(server.url, "select 'up' as answer")).toBe("up");
  await once(spawn("/bin/sh", ["-c", server.stopCommand]), "exit");
  expect(await eventually(() => isRefused(server.url))).toBe(true);
  expect(await eventually(() => !existsSync(server.dir))).toBe(true);
});

test("a port that is taken is an error with the server's own words", async () => {
  const first = await startPostgres({ durable: false });
  try {
    await expect(startPostgres({ durable: false, port: first.port })).rejects.toMatchObject({
      code: "DEMO_UNAVAILABLE",
      message: expect.any(String),
    });
  } finally {
    await first.stop();
  }
});

test("a version that is nowhere is named", async () => {
  await expect(startPostgres({ version: 7 })).rejects.toMatchObject({
    code: "DEMO_UNAVAILABLE",
    message: "PostgreSQL 7 is not installed on this machine",
  });
});

test("every fresh database is empty, UTF-8 and dropped with open connections", async () => {
  const [one, two] = await Promise.all([freshDatabase(), freshDatabase()]);
  await one.client.query("create table only_here (id int)");
  const { rows } = await two.client.query(
    "select to_regclass('only_here') as t, current_setting('server_encoding') as e",
  );
  expect(rows).toEqual([{ t: null, e: "UTF8" }]);
  const other = new pg.Client({ connectionString: one.url });
  other.on("error", () => undefined);
  await other.connect();
  await one.drop();
  await two.drop();
  await expect(ask(one.url, "select 1 as answer")).rejects.toMatchObject({ code: "3D000" });
  await expect(withDatabase(() => Promise.reject(new Error("from inside")))).rejects.toThrow("from inside");
});
