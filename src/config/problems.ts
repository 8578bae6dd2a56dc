/** Collects everything that is wrong with a config file, each with its place, into one error. */
import { DrayageError } from "../errors.ts";

/** Keys and list indexes from the top of the file down. */
export type KeyPath = readonly (string | number)[];

/** Both from 1. */
export interface Position {
  readonly line: number;
  readonly column: number;
}

interface Problem {
  readonly position: Position;
  readonly path: KeyPath;
  readonly text: string;
}

export class Problems {
  readonly #list: Problem[] = [];

  /** `text` says what is wrong; it never holds a value of the file. */
  add(path: KeyPath, position: Position, text: string): void {
    this.#list.push({ position, path, text });
  }

  get count(): number {
    return this.#list.length;
  }

  /** Whether something at `path` or below it is wrong. */
  touches(path: KeyPath): boolean {
    return this.#list.some((problem) => path.every((part, i) => String(problem.path[i]) === String(part)));
  }

  /** Throws DrayageError CONFIG_INVALID with a line for each problem, in the order of the file; `file` as the user wrote it. */
  throwIfAny(file: string): void {
    if (this.#list.length === 0) return;
    const sorted = this.#list.toSorted(
      (a, b) => a.position.line - b.position.line || a.position.column - b.position.column,
    );
    const lines = sorted.map(({ position, path, text }) => {
      const where = path.length === 0 ? "" : `${pathText(path)}: `;
      return `${file}:${position.line}:${position.column}  ${where}${text}`;
    });
    const message =
      lines.length === 1 ? "The config file has a problem" : `The config file has ${lines.length} problems`;
    throw new DrayageError("CONFIG_INVALID", { message, place: { file }, lines: [...new Set(lines)] });
  }
}

/** `tables.orders.columns[2]`; keys that hold dots are quoted: `columns."address.geo"`. */
export function pathText(path: KeyPath): string {
  let text = "";
  for (const part of path) {
    if (typeof part === "number") text += `[${part}]`;
    else text += (text === "" ? "" : ".") + keyText(part);
  }
  return text;
}

/** A key as it may be printed. A URL or password that slipped into the place of a key is not. */
export function keyText(key: string): string {
  if (key.length > 100 || /[@\p{Cc}]|:\/\//u.test(key)) return `(a key of ${key.length} characters)`;
  return /^[\p{L}\p{N}_/*?-]+$/u.test(key) ? key : JSON.stringify(key);
}
