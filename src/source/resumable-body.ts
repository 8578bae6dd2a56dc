/**
 * A byte stream that outlives its connections: it reopens at the offset it reached until every wanted byte came.
 *
 * A body from S3 sits behind the back-pressure of COPY. While PostgreSQL is busy nothing is read, and S3 or a proxy between
 * may close the idle connection. That shows as an error, as an end before the known length, or as silence. All three mean
 * the same: open again where it stopped, with `If-Match` making sure that it is still the same object.
 */
import { addAbortSignal, Readable } from "node:stream";
import { setTimeout as wait } from "node:timers/promises";
import { DrayageError, type ErrorCode, type Place } from "../errors.ts";

export interface ResumableOptions {
  /**
   * The bytes from `offset` up to `to`. Throws DrayageErrors; S3_UNREACHABLE, S3_FAILED and OBJECT_CUT_SHORT are tried again,
   * everything else ends the stream as it is. `signal` ends this one attempt.
   */
  openAt(offset: number, signal: AbortSignal): Promise<Readable>;
  /** First byte. */
  readonly from: number;
  /** Byte after the last. */
  readonly to: number;
  /** Where the stream is, for its errors. */
  readonly place?: Place | undefined;
  /** Ends the stream with an AbortError. */
  readonly signal?: AbortSignal | undefined;
  /** Silence that counts as a broken connection, in milliseconds, while bytes are wanted. */
  readonly idleMs?: number;
  /** Attempts after the first without a byte of progress. */
  readonly retries?: number;
  /** Milliseconds before the first of them; doubles each time. Never zero: a store that sheds load would be hit at once. */
  readonly delayMs?: number;
  readonly sleep?: (ms: number, signal: AbortSignal) => Promise<void>;
}

/** Exactly `to - from` bytes; no request when that is none. */
export function resumableBody(options: ResumableOptions): Readable {
  const body = new ResumableBody(options);
  return options.signal === undefined ? body : addAbortSignal(options.signal, body);
}

const passing: ReadonlySet<ErrorCode> = new Set(["S3_UNREACHABLE", "S3_FAILED", "OBJECT_CUT_SHORT"]);

/** Several chunks of a TLS connection; more would only be memory. */
const bufferBytes = 262_144;

/** One connection, from the wish to open it. Events of an attempt that is not the current one are ignored. */
interface Attempt {
  readonly abort: AbortController;
  body: Readable | undefined;
}

class ResumableBody extends Readable {
  readonly #options: Required<Omit<ResumableOptions, "signal" | "place">>;
  readonly #place: Place;
  #at: number;
  #failures = 0;
  #attempt: Attempt | undefined;
  /** Whether the buffer has room: then silence is the connection's fault, else nobody asked. */
  #wanted = false;
  #idle: NodeJS.Timeout | undefined;

  constructor({ place = {}, ...options }: ResumableOptions) {
    super({ highWaterMark: bufferBytes });
    this.#options = { idleMs: 30_000, retries: 4, delayMs: 250, sleep, ...options };
    this.#place = place;
    this.#at = options.from;
  }

  override _read(): void {
    this.#wanted = true;
    if (this.#attempt === undefined) {
      if (this.#at >= this.#options.to) this.push(null);
      else void this.#open();
    } else if (this.#attempt.body?.isPaused()) {
      this.#watch();
      this.#attempt.body.resume();
    }
  }

  override _destroy(error: Error | null, callback: (error?: Error | null) => void): void {
    this.#drop();
    callback(error);
  }

  async #open(): Promise<void> {
    const attempt: Attempt = { abort: new AbortController(), body: undefined };
    const { openAt, sleep, delayMs } = this.#options;
    const { signal } = attempt.abort;
    this.#attempt = attempt;
    try {
      if (this.#failures > 0) await sleep(delayMs * 2 ** (this.#failures - 1), signal);
      if (this.#attempt !== attempt) return;
      this.#watch();
      const body = await openAt(this.#at, signal);
      // Listened to for good: a body that breaks after it was given up must not end the process.
      body.on("error", (error) => this.#broken(attempt, error));
      if (this.#attempt !== attempt) {
        body.destroy();
        return;
      }
      attempt.body = body;
      body.on("end", () => this.#ended(attempt));
      body.on("close", () => this.#broken(attempt, undefined));
      body.on("data", (chunk: Buffer) => this.#take(attempt, body, chunk));
    } catch (error) {
      this.#broken(attempt, error);
    }
  }

  #take(attempt: Attempt, body: Readable, chunk: Buffer): void {
    if (this.#attempt !== attempt || chunk.length === 0) return;
    const { to } = this.#options;
    if (chunk.length > to - this.#at) {
      this.destroy(
        new DrayageError("OBJECT_CHANGED", { message: "More bytes came than were asked for", place: this.#place }),
      );
      return;
    }
    this.#at += chunk.length;
    this.#failures = 0;
    this.#wanted = this.push(chunk);
    // The consumer may have destroyed the stream while it got the chunk.
    if (this.#attempt !== attempt) return;
    // After the last byte the end is still read: only then can the connection serve another request.
    if (this.#wanted || this.#at === to) {
      this.#watch();
    } else {
      clearTimeout(this.#idle);
      body.pause();
    }
  }

  #ended(attempt: Attempt): void {
    if (this.#attempt !== attempt) return;
    if (this.#at < this.#options.to) {
      this.#broken(attempt, undefined);
      return;
    }
    clearTimeout(this.#idle);
    this.#attempt = undefined;
    this.push(null);
  }

  /** The connection failed, ended early (`undefined`) or fell silent. */
  #broken(attempt: Attempt, cause: unknown): void {
    if (this.#attempt !== attempt) return;
    this.#drop();
    if (this.#at >= this.#options.to) {
      this.push(null);
      return;
    }
    // A failure of openAt that it does not know is a bug or an abort, and no reason to try again.
    const known = cause instanceof DrayageError;
    const lasting = known ? !passing.has(cause.code) : attempt.body === undefined;
    this.#failures++;
    if (lasting) this.destroy(cause instanceof Error ? cause : new Error("The object could not be opened", { cause }));
    else if (this.#failures > this.#options.retries) this.destroy(known ? cause : this.#cutShort(cause));
    // Opened again only when bytes are wanted: a consumer that pauses for an hour must not use up the attempts.
    else if (this.#wanted) void this.#open();
  }

  #cutShort(cause: unknown): DrayageError {
    const { from, to } = this.#options;
    return new DrayageError("OBJECT_CUT_SHORT", {
      message: `The object's bytes ended at ${this.#at}; ${from} to ${to} were wanted`,
      place: this.#place,
      cause,
    });
  }

  #watch(): void {
    clearTimeout(this.#idle);
    const attempt = this.#attempt;
    const { idleMs } = this.#options;
    if (attempt === undefined) return;
    this.#idle = setTimeout(() => {
      const message = `No byte of the object came for ${idleMs / 1000} s`;
      this.#broken(attempt, new DrayageError("S3_UNREACHABLE", { message, place: this.#place }));
    }, idleMs);
  }

  #drop(): void {
    clearTimeout(this.#idle);
    const attempt = this.#attempt;
    this.#attempt = undefined;
    attempt?.body?.destroy();
    attempt?.abort.abort();
  }
}

async function sleep(ms: number, signal: AbortSignal): Promise<void> {
  await wait(ms, undefined, { signal });
}
