/** A name or key in a command that somebody will copy into a shell. */

/** Names and keys come from strangers: whatever a shell would read otherwise is quoted. */
export function shellWord(text: string): string {
  return /^[\w./:@%+,=-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}
