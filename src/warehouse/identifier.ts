/** The one door through which a name or a text enters SQL: names come from JSON keys and CSV headers, so they are hostile. */

/** `"name"`, with quotes doubled. A NUL cannot be in a PostgreSQL name and would cut the statement. */
export function ident(name: string): string {
  if (name === "" || name.includes("\0")) throw new RangeError("not a PostgreSQL name");
  return `"${name.replaceAll('"', '""')}"`;
}

/** `"schema"."table"`. */
export function qualified(schema: string, name: string): string {
  return `${ident(schema)}.${ident(name)}`;
}

/** `'text'`, valid whatever standard_conforming_strings says: a backslash makes it an escape string. */
export function literal(text: string): string {
  if (text.includes("\0")) throw new RangeError("PostgreSQL text holds no NUL");
  const quoted = `'${text.replaceAll("'", "''").replaceAll("\\", "\\\\")}'`;
  return text.includes("\\") ? ` E${quoted}` : quoted;
}

export function identList(names: readonly string[]): string {
  return names.map(ident).join(", ");
}

/** A dollar-quoted body whose tag cannot occur in it, nor with its end: `$body` before `$body$` would close it early. */
export function dollarQuoted(body: string): string {
  let tag = "$body$";
  for (let i = 0; `${body}${tag}`.indexOf(tag) < body.length; i++) tag = `$body${i}$`;
  return `${tag}${body}${tag}`;
}
