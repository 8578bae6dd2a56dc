/** Whether a cron line can be followed. Scheduling by it is src/schedule/cron.ts. */
import { validateDetailed } from "node-cron";

/** What is wrong with it, without its text; undefined: nothing. Six fields begin with seconds. */
export function cronFault(text: string): string | undefined {
  const { valid, errors } = validateDetailed(text);
  if (valid) return undefined;
  const field = errors[0]?.field.replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);
  const where = field === undefined || field === "expression" ? "" : `; its ${field} is wrong`;
  return `must be a cron line such as "5 * * * *": minute, hour, day, month, weekday${where}`;
}
