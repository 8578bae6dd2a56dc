/** Objects whose bytes cannot be read before somebody restores them. */
import type { ListedObject } from "../source/object-source.ts";

export function isArchived({ storageClass, restored }: ListedObject): boolean {
  return restored !== true && (storageClass === "GLACIER" || storageClass === "DEEP_ARCHIVE");
}
