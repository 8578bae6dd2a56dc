/** One queue of full-load objects, by as many workers as are to be had. */
import type { TableWork } from "./table-work.ts";
import { UnitLoader } from "./unit-loader.ts";
import type { UnitQueue } from "./unit-queue.ts";
import type { Worker } from "./worker.ts";

/** `units`: those of the table's own worker. False when the table was stopped. */
export async function loadSideBySide(units: UnitLoader, work: TableWork, queue: UnitQueue): Promise<boolean> {
  const { spare } = work.settings;
  const others: Promise<boolean>[] = [];
  const begin = async (taking: Promise<Worker>) => {
    // Without a connection of its own it takes no unit: the others have them all.
    const worker = await taking.catch(() => undefined);
    if (worker === undefined) return true;
    try {
      if (worker.session.lost) await worker.reconnect();
      return await new UnitLoader(worker, work).load(queue);
    } finally {
      spare.give(worker);
    }
  };
  // With each unit: a worker may have become free since.
  const recruit = () => {
    for (let n = others.length; n < queue.rest.length && others.length + 1 < spare.most; n++) {
      const taking = spare.take();
      if (taking === undefined) return;
      const other = begin(taking);
      // Awaited below; until then its failure must not count as unhandled.
      other.catch(() => undefined);
      others.push(other);
    }
  };
  const own = units.load(queue, recruit);
  const ended = [await settled(own)];
  for (let i = 0; i < others.length; i++) ended.push(await settled(others[i] as Promise<boolean>));
  const failed = ended.find((one) => one.status === "rejected");
  if (failed !== undefined) throw failed.reason;
  return ended.every((one) => one.status === "fulfilled" && one.value);
}

async function settled<T>(promise: Promise<T>): Promise<PromiseSettledResult<T>> {
  const [result] = await Promise.allSettled([promise]);
  return result;
}
