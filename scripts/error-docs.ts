/** Makes docs/errors.md from the table of error codes and the table of reasons of rejects. */
import { type ErrorEntry, errorCodes } from "../src/errors.ts";
import { rejectEntries } from "../src/warehouse/reject-reasons.ts";

const intro = `# Errors

Made by \`npm run docs\` from \`src/errors.ts\` and \`src/warehouse/reject-reasons.ts\`.

An error line says what, where (table, object, record, column) and what to do next. Each begins with one of the codes below.

## Exit codes

| exit | means |
|---|---|
| 0 | done |
| 1 | something failed |
| 2 | usage or config; nothing was touched |
| 3 | loaded, with rejects |
| 4 | after \`lock_wait\` another run still holds objects or a table |
| 5 | stopped by a limit (rejects, deletes) and rolled back |
| 6 | needs a decision; the lines to paste are printed |
| 130, 143 | ended by a signal; the unit was rolled back |

The worst wins, in the order 2, 1, 5, 6, 4, 3.`;

const retries: Readonly<Record<ErrorEntry["retry"], string>> = {
  auto: "tried again by each run, up to `max_attempts`",
  after_change: "tried again after a change of the table's config, or with `load --object KEY`",
  never: "",
};

export function errorsPage(): string {
  const codes = Object.entries<ErrorEntry>(errorCodes).map(
    ([code, { summary, next, exit, retry }]) =>
      `### ${code}\n\n${summary}.\n**Next**: ${next}\nExit ${exit}${retries[retry] === "" ? "" : `; ${retries[retry]}`}.`,
  );
  const reasons = Object.entries(rejectEntries).map(
    ([reason, { summary, next }]) => `### rejected ${reason}\n\n${summary}.\n**Next**: ${next}`,
  );
  return `${[
    intro,
    "## Codes",
    ...codes,
    "## Reasons of rejects",
    "One bad record costs one record: it is counted, kept in `drayage.rejects` with its place, and the others are loaded.\n" +
      "`drayage rejects list` and `show ID` show them without cell values, `show ID --record` one with its bytes; after the fix\n" +
      "`drayage rejects replay` loads them. See [operations](operations.md#records-were-rejected).",
    ...reasons,
  ].join("\n\n")}\n`;
}
