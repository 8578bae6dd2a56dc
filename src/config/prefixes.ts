/** How prefixes and patterns of folders match, and which of two is the more specific. */
import { isPattern } from "./folder-names.ts";
import { leadingRegExp } from "./glob.ts";

/** The leading part of `folder` that the prefix claims: itself, or what the pattern's levels match. */
export function claimedPart(prefix: string, folder: string): string | undefined {
  if (!isPattern(prefix))
    return folder.startsWith(prefix) && (folder.length === prefix.length || folder[prefix.length] === "/")
      ? prefix
      : undefined;
  const part = leadingRegExp(prefix).exec(folder)?.[0];
  return part === undefined || isControlFolder(part, prefix) ? undefined : part;
}

/** More literal characters, then longer. */
export function moreSpecific(prefix: string, than: string): boolean {
  const literals = literalCount(prefix) - literalCount(than);
  return literals > 0 || (literals === 0 && prefix.length > than.length);
}

function literalCount(prefix: string): number {
  return prefix.replaceAll(/[*?]/g, "").length;
}

/** `shop/*` means the tables of shop: DMS's own bookkeeping beside them is not one. */
function isControlFolder(folder: string, pattern: string): boolean {
  return /(^|\/)(awsdms_|s3_validation_failures(\/|$))/.test(folder) && !/awsdms_|s3_validation/.test(pattern);
}
