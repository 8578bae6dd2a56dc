/** Before anything is merged: whether the values that the config makes can be made, and have a column that takes them. */
import { DrayageError } from "../errors.ts";
import { isTextType } from "../warehouse/cast.ts";
import { ident, qualified } from "../warehouse/identifier.ts";
import { checkUsing, sha256Text } from "../warehouse/made-value.ts";
import type { Session } from "../warehouse/session.ts";
import type { Binding } from "./binding.ts";
import type { TableSpec } from "./table-spec.ts";

export async function checkValues(session: Session, table: TableSpec, binding: Binding): Promise<void> {
  for (const { column, hash, using, main, type } of binding.feeds) {
    const place = { table: table.name, column };
    if (hash && main !== undefined && main.baseType !== "bytea" && !isTextType(main.baseType)) {
      const name = ident(column);
      throw new DrayageError("CONTRACT", {
        message: `The config hashes ${column}, but the column is ${main.type}: a hash is text`,
        place,
        lines: [
          `alter table ${qualified(table.target.schema, table.target.table)} alter column ${name} type text using ${sha256Text(`${name}::text`)};`,
        ],
      });
    }
    if (using === undefined) continue;
    const sqlstate = await checkUsing(session, using, main?.baseType ?? type);
    if (sqlstate === undefined) continue;
    throw new DrayageError("CONTRACT", {
      message: `The server does not take \`using\` of ${column} (SQLSTATE ${sqlstate}): it is an expression over value, which is text`,
      place,
      next: "Correct the expression in the table's config.",
    });
  }
}
