/** Does what the Dockerfile says in directories instead of layers, where no container engine is: what it copies is all that is there. */
import { execFile } from "node:child_process";
import { chmodSync, cpSync, existsSync, mkdirSync, readFileSync, statSync } from "node:fs";
import { basename, join, posix } from "node:path";
import { promisify } from "node:util";

export interface Image {
  /** What is `/` inside. */
  readonly root: string;
  /** Inside. */
  readonly workdir: string;
  readonly user: string | undefined;
  readonly env: Readonly<Record<string, string>>;
  /** Paths as they are inside. */
  readonly entrypoint: readonly string[];
  readonly command: readonly string[];
}

interface Stage extends Image {
  readonly name: string | undefined;
}

/** `context`: with the Dockerfile; `dir`: of the stages; `path`: where `node` and `npm` of the base image are. Throws at what it cannot do. */
export async function buildImage(context: string, dir: string, path: string): Promise<Image> {
  const offered = new Set(
    readFileSync(join(context, ".dockerignore"), "utf8")
      .split("\n")
      .filter((line) => line.startsWith("!"))
      .map((line) => line.slice(1)),
  );
  const stages: Stage[] = [];
  let stage: Stage | undefined;
  const change = (changed: Partial<Stage>) => {
    if (stage === undefined) throw new Error("the Dockerfile does not begin with FROM");
    stage = { ...stage, ...changed };
    stages[stages.length - 1] = stage;
  };
  for (const [word, rest] of instructions(readFileSync(join(context, "Dockerfile"), "utf8"))) {
    if (word === "FROM") {
      const [, name] = / AS (\S+)$/.exec(rest) ?? [];
      const root = join(dir, name ?? "last");
      mkdirSync(root);
      chmodSync(root, 0o755);
      stage = { name, root, workdir: "/", user: undefined, env: {}, entrypoint: [], command: [] };
      stages.push(stage);
    } else if (stage === undefined) throw new Error(`${word} before FROM`);
    else if (word === "WORKDIR") {
      mkdirSync(join(stage.root, rest), { recursive: true });
      change({ workdir: rest });
    } else if (word === "ENV") {
      const [name = "", value = ""] = rest.split("=");
      change({ env: { ...stage.env, [name]: value } });
    } else if (word === "USER") change({ user: rest });
    else if (word === "ENTRYPOINT") change({ entrypoint: JSON.parse(rest) as string[] });
    else if (word === "CMD") change({ command: JSON.parse(rest) as string[] });
    else if (word === "COPY") copy(rest, stage, (from) => sourceOf(from, { context, offered, stages }));
    else if (word === "RUN")
      await promisify(execFile)("/bin/sh", ["-c", rest], {
        cwd: join(stage.root, stage.workdir),
        // With this machine's way to the npm registry.
        env: { ...process.env, PATH: path, ...stage.env },
      });
    else throw new Error(`${word} is not replayed here`);
  }
  const last = stages.at(-1);
  if (last === undefined) throw new Error("the Dockerfile has no stage");
  return last;
}

function instructions(text: string): [word: string, rest: string][] {
  return text
    .replaceAll(/\\\n/g, " ")
    .split("\n")
    .filter((line) => line.trim() !== "" && !line.startsWith("#"))
    .map((line) => {
      const [word = "", ...rest] = line.trim().split(/\s+/);
      return [word, rest.join(" ")];
    });
}

interface Origins {
  readonly context: string;
  readonly offered: ReadonlySet<string>;
  readonly stages: readonly Stage[];
}

/** A path of the context or of another stage, on this machine. */
function sourceOf(from: string | undefined, { context, offered, stages }: Origins): (path: string) => string {
  if (from === undefined)
    return (path) => {
      if (!offered.has(path)) throw new Error(`${path} does not come through .dockerignore`);
      return join(context, path);
    };
  const root = stages.find(({ name }) => name === from)?.root;
  if (root === undefined) throw new Error(`there is no stage ${from}`);
  return (path) => join(root, path);
}

function copy(
  rest: string,
  { root, workdir }: Stage,
  origin: (from: string | undefined) => (path: string) => string,
): void {
  const [, from, paths = ""] = /^(?:--from=(\S+) )?(.*)$/.exec(rest) ?? [];
  const words = paths.split(" ");
  const target = words.pop() ?? "";
  const inside = join(root, posix.resolve(workdir, target));
  const place = origin(from);
  for (const path of words) {
    const source = place(path);
    // A directory's contents go to the target, a file into it where it is a directory.
    const isInto = statSync(source).isFile() && (target.endsWith("/") || words.length > 1 || isDirectory(inside));
    cpSync(source, isInto ? join(inside, basename(path)) : inside, { recursive: true, verbatimSymlinks: true });
  }
}

function isDirectory(path: string): boolean {
  return existsSync(path) && statSync(path).isDirectory();
}
