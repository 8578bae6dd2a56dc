/** Times as DMS writes them: in cells, and in the names of change objects. */

const dayMs = 86_400_000;
const days = new Map<number, string>();
const pairs = Array.from({ length: 100 }, (_, n) => String(n).padStart(2, "0"));

/** `2026-03-02 09:15:00.123456`, UTC. `micros` (0 to 999) are what milliseconds since 1970 cannot hold. */
export function timestampText(ms: number, micros = 0): string {
  const day = Math.floor(ms / dayMs);
  const inDay = ms - day * dayMs;
  const seconds = Math.floor(inDay / 1000);
  const fraction = (inDay % 1000) * 1000 + micros;
  const minutes = Math.floor(seconds / 60);
  return `${dayText(day)} ${pairs[Math.floor(minutes / 60)]}:${pairs[minutes % 60]}:${pairs[seconds % 60]}.${pairs[Math.floor(fraction / 10_000)]}${pairs[Math.floor(fraction / 100) % 100]}${pairs[fraction % 100]}`;
}

/** `20260302-091500123`, UTC: the name of a change object closed at that time. */
export function fileTimeText(ms: number): string {
  return new Date(ms)
    .toISOString()
    .replace(/[-:.Z]/g, "")
    .replace("T", "-");
}

/** Dates repeat over millions of rows, so each is written once. */
function dayText(day: number): string {
  let text = days.get(day);
  if (text === undefined) {
    text = new Date(day * dayMs).toISOString().slice(0, 10);
    days.set(day, text);
  }
  return text;
}
