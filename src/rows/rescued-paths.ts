/** The values of one document that have no column, as one JSON object; and how many there were, by where they came from. */
import { type ByteText, toByteText } from "./byte-text.ts";
import { pathText } from "./column-name.ts";

interface RescuedValue {
  readonly json: ByteText;
  readonly parent: string;
}

export class RescuedPaths {
  /** Values so far, by the path (segments joined by ".") of the object that held them. */
  readonly overflow = new Map<string, number>();
  readonly #values = new Map<string, RescuedValue>();
  readonly #prefix: string;

  /** `prefix`: of each path in the rescued object. */
  constructor(prefix: string) {
    this.#prefix = prefix;
  }

  /** Before each document. */
  clear(): void {
    if (this.#values.size > 0) this.#values.clear();
  }

  add(path: readonly string[], json: ByteText): void {
    const text = pathText(path);
    if (json === "null" || /^\{\s*\}$/.test(json)) this.#values.delete(text);
    else this.#values.set(text, { json, parent: path.slice(0, -1).join(".") });
  }

  /** Takes back the path and everything below it. */
  forget(path: readonly string[]): void {
    if (this.#values.size === 0) return;
    const text = pathText(path);
    for (const known of this.#values.keys()) {
      if (known === text || known.startsWith(`${text}.`)) this.#values.delete(known);
    }
  }

  /** `{"a.b": value}`, counted; null when nothing was rescued. */
  take(): ByteText | null {
    if (this.#values.size === 0) return null;
    const members: ByteText[] = [];
    for (const [path, { json, parent }] of this.#values) {
      members.push(`${toByteText(JSON.stringify(`${this.#prefix}${path}`))}:${json}`);
      this.overflow.set(parent, (this.overflow.get(parent) ?? 0) + 1);
    }
    return `{${members.join(",")}}`;
  }
}
