/** The files of an export: one for each shape, readable by their owner alone, never over what is there. */
import { closeSync, openSync, writeSync } from "node:fs";
import { DrayageError } from "../errors.ts";

export interface ExportFile {
  /** As named to the user. */
  readonly name: string;
  records: number;
  write(bytes: Uint8Array | string): Promise<void>;
}

/** `out`: a path, or `-` for standard output. `one`: every shape goes into one file, since its lines say what they are. */
export class ExportFiles {
  readonly #out: string;
  readonly #one: boolean;
  readonly #overwrite: boolean;
  readonly #stdout: NodeJS.WritableStream;
  readonly #files = new Map<string, ExportFile>();
  readonly #descriptors: number[] = [];

  constructor(out: string, one: boolean, overwrite: boolean, stdout: NodeJS.WritableStream) {
    this.#out = out;
    this.#one = one;
    this.#overwrite = overwrite;
    this.#stdout = stdout;
  }

  get files(): readonly ExportFile[] {
    return [...this.#files.values()];
  }

  /** The file of a shape; `begin` is written at its start. */
  async of(shape: string, begin: Uint8Array | string): Promise<ExportFile> {
    const id = this.#one ? "" : shape;
    const known = this.#files.get(id);
    if (known !== undefined) return known;
    const file = this.#open(this.#files.size + 1);
    this.#files.set(id, file);
    await file.write(begin);
    return file;
  }

  #open(n: number): ExportFile {
    if (this.#out === "-") {
      if (n > 1)
        throw new DrayageError("USAGE", {
          message: "The records are of several shapes, and standard output takes one",
          next: "Give --out FILE (a file for each shape), --format ndjson, or one table and object.",
        });
      return {
        name: "standard output",
        records: 0,
        write: async (bytes) => {
          if (!this.#stdout.write(bytes)) await new Promise((resolve) => this.#stdout.once("drain", resolve));
        },
      };
    }
    const name = n === 1 ? this.#out : this.#out.replace(/(\.[^./]*)?$/, (end) => `-${n}${end}`);
    const descriptor = openNew(name, this.#overwrite);
    this.#descriptors.push(descriptor);
    return {
      name,
      records: 0,
      write: async (bytes) => {
        const buffer = Buffer.from(bytes);
        for (let at = 0; at < buffer.length; ) at += writeSync(descriptor, buffer, at);
      },
    };
  }

  close(): void {
    for (const descriptor of this.#descriptors.splice(0)) closeSync(descriptor);
  }
}

function openNew(name: string, overwrite: boolean): number {
  try {
    return openSync(name, overwrite ? "w" : "wx", 0o600);
  } catch (cause) {
    const exists = (cause as NodeJS.ErrnoException).code === "EEXIST";
    throw new DrayageError("USAGE", {
      message: exists ? "The file is there already" : "The file cannot be written",
      place: { file: name },
      next: exists ? "Name another with --out, or give --yes to write over it." : "Check the directory of --out.",
      cause,
    });
  }
}
