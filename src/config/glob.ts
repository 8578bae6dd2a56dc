/** Globs over names and folder paths: `*` is anything but a slash, `?` one character but a slash. */

// A listing asks for each of its objects; the patterns are the few that a config holds.
const leading = new Map<string, RegExp>();

/** Matches a whole name or path; in paths `**` stands for any number of levels. */
export function globRegExp(glob: string): RegExp {
  return new RegExp(`^${glob.split("/").map(segmentSource).join("/")}$`, "s");
}

/** Matches as many leading levels of a path as the pattern has; what is below belongs to the match. */
export function leadingRegExp(pattern: string): RegExp {
  let regExp = leading.get(pattern);
  if (regExp === undefined) {
    regExp = new RegExp(`^${pattern.split("/").map(segmentSource).join("/")}(?=/|$)`, "s");
    leading.set(pattern, regExp);
  }
  return regExp;
}

/** A level is never empty: `shop/*` is no match for `shop/`. */
function segmentSource(segment: string): string {
  if (segment === "**") return ".*";
  const source = segment
    .replaceAll(/[\\^$.+()[\]{}|]/g, "\\$&")
    .replaceAll(/\*+/g, "[^/]*")
    .replaceAll("?", "[^/]");
  return `(?=[^/])${source}`;
}
