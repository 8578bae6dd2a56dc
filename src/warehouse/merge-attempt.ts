/** One try of a merge as a set, in a savepoint: done, or rolled back with what it says about the next try. */
import type { Session } from "./session.ts";
import { isRecordFault, serverFault } from "./warehouse-error.ts";

/** A trigger swallowed rows of a plain INSERT: the verdicts of the general form tell which. */
export class RowsRefused extends Error {}

/** What the collapsed form cannot settle: the source's own steps can. */
export class StepsNeeded extends Error {}

/** Another row has the value of a UNIQUE or EXCLUDE constraint: the source's own steps may have passed. */
export const collisions = ["23505", "23P01"];

export interface Attempt {
  readonly done: boolean;
  readonly collided: boolean;
  /** A constraint refused a row whose casts were sound: the set as a whole is not tried a second time. */
  readonly refused: boolean;
}

/** NOT NULL, foreign key, CHECK: whichever statement brings the row. */
const refusals = ["23502", "23503", "23514"];

/** `done`: false, and rolled back, when the server refused a record; other errors pass. */
export async function attempt(session: Session, work: () => Promise<void>): Promise<Attempt> {
  try {
    await session.savepoint("drayage_merge", async () => {
      await work();
      // Deferred constraints would raise at COMMIT, where no savepoint catches them.
      await session.query("set constraints all immediate");
    });
    return { done: true, collided: false, refused: false };
  } catch (error) {
    if (error instanceof RowsRefused || error instanceof StepsNeeded || isRecordFault(error))
      return failedAttempt(serverFault(error)?.sqlstate ?? "");
    throw error;
  }
}

export function failedAttempt(state: string): Attempt {
  return { done: false, collided: collisions.includes(state), refused: refusals.includes(state) };
}
