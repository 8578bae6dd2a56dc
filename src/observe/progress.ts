/** The progress line of a load on a terminal: bytes of all objects, rows a second, time left. */
import cliProgress from "cli-progress";

export interface Progress {
  bytes(count: number): void;
  rows(count: number): void;
  stop(): void;
}

export const silent: Progress = { bytes: () => undefined, rows: () => undefined, stop: () => undefined };

export function startProgress(stream: NodeJS.WritableStream, totalBytes: number, now: () => number): Progress {
  const began = now();
  let bytes = 0;
  let rows = 0;
  const bar = new cliProgress.SingleBar(
    {
      stream,
      hideCursor: true,
      clearOnComplete: true,
      fps: 8,
      format: "  {bar} {percentage}%  {done} of {size}  {rows} rows  {rate} rows/s  {left}",
    },
    cliProgress.Presets.shades_classic,
  );
  const payload = () => ({
    done: formatBytes(bytes),
    size: formatBytes(totalBytes),
    rows: formatCount(rows),
    // Everything is staged: what is left is the merge, which says nothing until it is done.
    left:
      bytes >= totalBytes
        ? "merging"
        : `${formatDuration(((now() - began) * (totalBytes - bytes)) / Math.max(1, bytes))} left`,
    rate: formatCount(Math.round((rows * 1000) / Math.max(1, now() - began))),
  });
  bar.start(Math.max(1, totalBytes), 0, payload());
  return {
    bytes(count) {
      bytes += count;
      bar.update(Math.min(bytes, totalBytes), payload());
    },
    rows(count) {
      rows += count;
      bar.update(payload());
    },
    stop() {
      bar.stop();
    },
  };
}

export function formatBytes(bytes: number): string {
  if (bytes < 1000) return `${bytes} B`;
  const units = ["kB", "MB", "GB", "TB"];
  let value = bytes / 1000;
  let unit = 0;
  while (value >= 1000 && unit < units.length - 1) {
    value /= 1000;
    unit++;
  }
  return `${value.toFixed(value < 10 ? 1 : 0)} ${units[unit]}`;
}

/** Thousands apart by commas. */
export function formatCount(count: number): string {
  return count.toString().replaceAll(/\B(?=(\d{3})+$)/g, ",");
}

export function formatDuration(milliseconds: number): string {
  if (milliseconds < 1000) return `${Math.round(milliseconds)} ms`;
  const seconds = milliseconds / 1000;
  if (seconds < 60) return `${seconds.toFixed(1)} s`;
  const minutes = Math.floor(seconds / 60);
  return minutes < 60
    ? `${minutes} min ${Math.round(seconds % 60)} s`
    : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}
