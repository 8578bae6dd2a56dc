/** Names and paths as keys of a config in YAML: for lines to paste. */

/** As it is read back: a word that YAML takes for something else is quoted. */
export function yamlKey(path: string): string {
  const isWord = /^[A-Za-z_][\w.]*$/.test(path) && !/^(?:true|false|null|yes|no|on|off|y|n)$/i.test(path);
  return isWord ? path : JSON.stringify(path);
}
