/** Arms the failpoints of a program that is started, or of this process: where a table, or the run, stops or dies. */
import { armFailpoints, type Step, steps } from "../../src/load/failpoint.ts";

export const stepsOfRun: readonly Step[] = ["after_list", "before_run_end", "after_sightings", "after_run_end"];
export const stepsOfTable: readonly Step[] = steps.filter((step) => !stepsOfRun.includes(step));

const built = new URL("../../dist/load/failpoint.js", import.meta.url).href;

/** Which step each table is to stop at; the name "" is the run as a whole. */
export type Stops = Readonly<Record<string, Step>>;

/**
 * For `RunOptions.before`. `freeze`: a table stands still at its step for ever, and says so on standard error. `die`: the process
 * kills itself there.
 */
export function armedProgram(stops: Stops, how: "freeze" | "die"): string {
  return `
    import { writeSync } from "node:fs";
    import { armFailpoints } from ${JSON.stringify(built)};
    const stops = ${JSON.stringify(stops)};
    armFailpoints((step, table = "") => {
      if (stops[table] !== step) return undefined;
      delete stops[table];
      if (${how === "die"}) process.kill(process.pid, "SIGKILL");
      writeSync(2, "REACHED " + (table || "the run") + " " + step + "\\n");
      return new Promise(() => undefined);
    });
  `;
}

/** How many steps an armed program says it stands at. */
export function reachedCount(stderr: string): number {
  return stderr.split("\n").filter((line) => line.startsWith("REACHED ")).length;
}

export interface ArmedHere {
  /** Resolves when every table stands at its step. */
  readonly allReached: Promise<void>;
  /** Lets them go on. */
  letGo(): void;
  disarm(): void;
}

/** In this process: each table stands still at its step, once, until it is let go. */
export function armHere(stops: Stops): ArmedHere {
  const left = new Map(Object.entries(stops));
  let letGo = (): void => undefined;
  let reached = (): void => undefined;
  const open = new Promise<void>((resolve) => {
    letGo = resolve;
  });
  const allReached = new Promise<void>((resolve) => {
    reached = resolve;
  });
  const disarm = armFailpoints((step, table = "") => {
    if (left.get(table) !== step) return undefined;
    left.delete(table);
    if (left.size === 0) reached();
    return open;
  });
  return { allReached, letGo, disarm };
}
