/** What a soak's webhook was told, held against what the warehouse says was to be told. */
import type { HookCall } from "./hook-server.ts";

/** A time in which something crashed: what was posted before it may come again after it. */
export interface Break {
  readonly from: number;
  to: number;
}

export interface QueuedEvent {
  readonly event_id: string;
  readonly delivered: boolean;
}

/** Where alerts were lost, repeated without a crash, or told in an order that makes no sense. */
export function alertProblems(
  calls: readonly HookCall[],
  queued: readonly QueuedEvent[],
  breaks: readonly Break[],
): string[] {
  const found: string[] = [];
  const arrived = new Map<string, number>();
  /** Codes of what is open, by cause and place. */
  const open = new Map<string, string>();
  for (const { body, at } of calls) {
    if (body === undefined) continue;
    const { event, event_id: id, cause, code = "", subjects } = body.drayage;
    const before = arrived.get(id);
    arrived.set(id, at);
    if (before !== undefined) {
      // Posted before a crash was over, it may not have been noted.
      if (!breaks.some(({ from, to }) => before <= to && at >= from))
        found.push(`${event} ${cause} ${code} came twice`);
      continue;
    }
    for (const { message: _, next: __, ...place } of subjects) {
      const subject = `${cause} ${Object.values(place).join(" ")}`;
      const had = open.get(subject);
      if (event === "raised" && had === code) found.push(`${subject} ${code} was raised twice`);
      if (event === "cleared" && had !== code) found.push(`${subject} ${code} was cleared, and ${had} is open`);
      if (event === "raised") open.set(subject, code);
      else open.delete(subject);
    }
  }
  for (const { event_id: id, delivered } of queued) {
    if (!delivered) found.push(`${id} is not delivered`);
    else if (!arrived.has(id)) found.push(`${id} never came`);
  }
  const known = new Set(queued.map(({ event_id: id }) => id));
  for (const id of arrived.keys()) if (!known.has(id)) found.push(`${id} is not in the warehouse`);
  return found;
}

/** `raised`, `cleared` ... of a cause and a place, each event once, in the order of their coming. */
export function storyOf(calls: readonly HookCall[], cause: string, place: string): string[] {
  const seen = new Set<string>();
  return calls.flatMap(({ body }) => {
    if (body === undefined || body.drayage.cause !== cause || seen.has(body.drayage.event_id)) return [];
    seen.add(body.drayage.event_id);
    const isAbout = body.drayage.subjects.some(({ table, folder }) => (table ?? folder) === place);
    return isAbout ? [body.drayage.event] : [];
  });
}
