/** Puts environment variables and files into the text of a config value. */

export interface ExpansionSource {
  variable(name: string): string | undefined;
  /** The text of a file; throws when it cannot be read. */
  file(path: string): string;
}

export interface Expansion {
  readonly text: string;
  /** Whether anything was put in: such a text is never printed. */
  readonly expanded: boolean;
  /** What could not be put in; names variables and files, never their values. */
  readonly problems: readonly string[];
}

const forms = `write \${NAME}, \${NAME:-default} or \${file:/path}`;

/**
 * Expands `${NAME}`, `${NAME:-default}` (unset or empty) and `${file:/path}` (without its last line end) once: what is put in is
 * not read again. `$${` stands for a literal `${`.
 */
export function expandText(text: string, source: ExpansionSource): Expansion {
  // Nearly every value has none.
  if (!text.includes("${")) return { text, expanded: false, problems: [] };
  const problems: string[] = [];
  let result = "";
  let expanded = false;
  let at = 0;
  for (;;) {
    const start = text.indexOf("${", at);
    if (start < 0) break;
    if (text[start - 1] === "$" && start > at) {
      result += `${text.slice(at, start - 1)}\${`;
      at = start + 2;
      continue;
    }
    const end = text.indexOf("}", start);
    if (end < 0) {
      problems.push(`a \${ is not closed; ${forms}`);
      break;
    }
    expanded = true;
    result += text.slice(at, start) + (expression(text.slice(start + 2, end), source, problems) ?? "");
    at = end + 1;
  }
  return { text: result + text.slice(at), expanded, problems };
}

function expression(inside: string, source: ExpansionSource, problems: string[]): string | undefined {
  if (inside.startsWith("file:")) return fileText(inside.slice("file:".length), source, problems);
  const match = /^([A-Za-z_][A-Za-z0-9_]*)(?::-(.*))?$/s.exec(inside);
  if (match === null) {
    problems.push(`a \${ } holds no name; ${forms}`);
    return undefined;
  }
  const [, name = "", fallback] = match;
  const value = source.variable(name);
  if (fallback !== undefined) return value === undefined || value === "" ? fallback : value;
  if (value === undefined)
    problems.push(`${name} is not set, neither in the environment nor in .env, and has no default`);
  return value;
}

function fileText(path: string, source: ExpansionSource, problems: string[]): string | undefined {
  if (path === "") {
    problems.push(`a \${file:} names no file; ${forms}`);
    return undefined;
  }
  try {
    return source.file(path).replace(/\r?\n$/, "");
  } catch (error) {
    const code = error instanceof Error && "code" in error ? ` (${String(error.code)})` : "";
    problems.push(`the file ${path} cannot be read${code}`);
    return undefined;
  }
}
