import { get } from "node:http";
import { Readable } from "node:stream";
import { buffer } from "node:stream/consumers";
import { setTimeout as wait } from "node:timers/promises";
import fc from "fast-check";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { DrayageError } from "../../src/errors.ts";
import { type ResumableOptions, resumableBody } from "../../src/source/resumable-body.ts";
import {
  type Fault,
  type FaultProxy,
  type LocalServer,
  listenLocally,
  startFaultProxy,
} from "../support/fault-proxy.ts";

/** Every offset is told by its bytes, so a gap or an overlap cannot look right. */
const object = Buffer.alloc(600_000);
for (let at = 0; at < object.length; at += 4) object.writeUInt32BE(at, at);

let origin: LocalServer;
let proxy: FaultProxy;

beforeAll(async () => {
  origin = await listenLocally((req, res) => {
    const [from = 0, last = 0] = (/(\d+)-(\d+)/.exec(req.headers.range ?? "") ?? []).slice(1).map(Number);
    const part = object.subarray(from, last + 1);
    res.writeHead(206, { "content-length": part.length }).end(part);
  });
  proxy = await startFaultProxy(origin.url);
});
beforeEach(() => proxy.forget());
afterAll(async () => {
  await proxy.stop();
  await origin.stop();
});

function openRange(from: number, to: number, signal: AbortSignal): Promise<Readable> {
  return new Promise((resolve, reject) => {
    get(proxy.url, { headers: { range: `bytes=${from}-${to - 1}` }, signal }, (res) => {
      if (res.statusCode === 206) resolve(res);
      else {
        res.resume();
        reject(new DrayageError(res.statusCode === 412 ? "OBJECT_CHANGED" : "S3_FAILED"));
      }
    }).on("error", (error) => reject(signal.aborted ? error : new DrayageError("S3_UNREACHABLE", { cause: error })));
  });
}

interface Opened {
  readonly body: Readable;
  /** Milliseconds asked of `sleep`. */
  readonly slept: number[];
}

function open(options: Partial<ResumableOptions> = {}): Opened {
  const slept: number[] = [];
  const to = options.to ?? object.length;
  const body = resumableBody({
    from: 0,
    to,
    place: { object: "t/LOAD00000001.csv" },
    idleMs: 5_000,
    delayMs: 10,
    sleep: async (ms) => void slept.push(ms),
    openAt: (offset, signal) => openRange(offset, to, signal),
    ...options,
  });
  return { body, slept };
}

function ranges(): (string | undefined)[] {
  return proxy.seen.map(({ range }) => range);
}

describe("a connection that breaks is opened again where it stopped", () => {
  test.each([
    { kind: "end", after: 100_000 },
    { kind: "stall", after: 100_000 },
  ] satisfies Fault[])("$kind in the middle", async (fault) => {
    proxy.next(fault);
    const { body, slept } = open({ idleMs: 400 });
    expect(object.equals(await buffer(body))).toBe(true);
    expect(ranges()).toEqual(["bytes=0-599999", "bytes=100000-599999"]);
    expect(slept).toEqual([10]);
  });

  // It may take bytes with it that were sent and not read yet, so how far the first attempt came is not known.
  test("reset in the middle", async () => {
    proxy.next({ kind: "reset", after: 100_000 });
    expect(object.equals(await buffer(open().body))).toBe(true);
    expect(proxy.seen).toHaveLength(2);
  });

  test.each([
    { kind: "hang up" },
    { kind: "answer", status: 503 },
    { kind: "reset", after: 0 },
    { kind: "end", after: 0 },
    { kind: "stall", after: 0 },
  ] satisfies Fault[])("$kind before the first byte", async (fault) => {
    proxy.next(fault);
    expect(object.equals(await buffer(open({ idleMs: 400 }).body))).toBe(true);
    expect(ranges()).toEqual(["bytes=0-599999", "bytes=0-599999"]);
  });

  test("a range, with faults anywhere, is exactly the range", async () => {
    const offset = fc.integer({ min: 0, max: object.length });
    const fault = fc.record({
      kind: fc.constantFrom("reset" as const, "end" as const),
      after: fc.integer({ min: 1, max: 200_000 }),
    });
    await fc.assert(
      fc.asyncProperty(offset, offset, fc.array(fault, { maxLength: 4 }), async (a, b, broken) => {
        const [from, to] = [Math.min(a, b), Math.max(a, b)];
        proxy.forget();
        proxy.next(...broken);
        const got = await buffer(open({ from, to }).body);
        expect(got.equals(object.subarray(from, to))).toBe(true);
      }),
      { numRuns: 25 },
    );
  });

  test("progress gives the attempts back, and the delay starts again", async () => {
    const once: Fault[] = [
      { kind: "hang up" },
      { kind: "hang up" },
      { kind: "hang up" },
      { kind: "end", after: 1_000 },
    ];
    proxy.next(...once, ...once);
    const { body, slept } = open();
    expect(object.equals(await buffer(body))).toBe(true);
    expect(slept).toEqual([10, 20, 40, 10, 20, 40, 80, 10]);
  });
});

describe("what stays broken is an error", () => {
  test.each([
    [{ kind: "end", after: 0 }, "OBJECT_CUT_SHORT"],
    [{ kind: "reset", after: 0 }, "OBJECT_CUT_SHORT"],
    [{ kind: "stall", after: 0 }, "S3_UNREACHABLE"],
    [{ kind: "hang up" }, "S3_UNREACHABLE"],
    [{ kind: "answer", status: 503 }, "S3_FAILED"],
  ] satisfies [Fault, string][])("%j is %s after four more attempts", async (fault, code) => {
    proxy.next({ kind: "end", after: 1_000 });
    proxy.always(fault);
    const { body, slept } = open({ idleMs: 50 });
    await expect(buffer(body)).rejects.toMatchObject({ code });
    expect(proxy.seen).toHaveLength(5);
    expect(slept).toEqual([10, 20, 40, 80]);
  });

  test("the place and the offsets are told", async () => {
    proxy.next({ kind: "end", after: 1_000 });
    proxy.always({ kind: "end", after: 0 });
    await expect(buffer(open().body)).rejects.toMatchObject({
      place: { object: "t/LOAD00000001.csv" },
      message: "The object's bytes ended at 1000; 0 to 600000 were wanted",
    });
  });

  test("a changed object is not read again", async () => {
    proxy.next({ kind: "reset", after: 5_000 }, { kind: "answer", status: 412 });
    await expect(buffer(open().body)).rejects.toMatchObject({ code: "OBJECT_CHANGED" });
    expect(proxy.seen).toHaveLength(2);
  });

  test("more bytes than were asked for are a changed object, in one chunk or in another", async () => {
    for (const chunks of [["12345678"], ["1234", "5678"], ["1234567", "8"]]) {
      const openAt = async () => Readable.from(chunks.map((chunk) => Buffer.from(chunk)));
      await expect(buffer(open({ to: 7, openAt }).body)).rejects.toMatchObject({ code: "OBJECT_CHANGED" });
    }
  });

  test("a failure that nobody foresaw is not tried again", async () => {
    let attempts = 0;
    const openAt = () => {
      attempts++;
      return Promise.reject(new TypeError("a bug"));
    };
    await expect(buffer(open({ openAt }).body)).rejects.toThrow(TypeError);
    expect(attempts).toBe(1);
  });
});

describe("the consumer sets the pace", () => {
  test("no bytes, no request", async () => {
    expect(await buffer(open({ from: 7, to: 7 }).body)).toHaveLength(0);
    expect(proxy.seen).toHaveLength(0);
  });

  test("nothing is opened before it is read", async () => {
    const { body } = open();
    await wait(20);
    expect(proxy.seen).toHaveLength(0);
    body.destroy();
  });

  test("a consumer that pauses for longer than idleMs breaks nothing, and no more than a buffer is held", async () => {
    const { body } = open({ idleMs: 300 });
    const chunks: Buffer[] = [];
    for await (const chunk of body as AsyncIterable<Buffer>) {
      chunks.push(chunk);
      if (chunks.length === 1) await wait(700);
      expect(body.readableLength).toBeLessThan(262_144 + 65_537);
    }
    expect(object.equals(Buffer.concat(chunks))).toBe(true);
    expect(proxy.seen).toHaveLength(1);
  });

  test("a connection that breaks while nobody reads is opened again only when somebody does", async () => {
    let opened = 0;
    let first: Readable | undefined;
    const openAt = async (offset: number) => {
      opened++;
      const body = Readable.from([object.subarray(offset, opened === 1 ? 300_000 : undefined)], { objectMode: false });
      first ??= body;
      return body;
    };
    const { body } = open({ openAt });
    await new Promise((resolve) => body.once("readable", resolve));
    first?.destroy(new Error("closed while idle"));
    await wait(30);
    expect(opened).toBe(1);
    expect(object.equals(await buffer(body))).toBe(true);
    expect(opened).toBe(2);
  });
});

describe("ended from outside", () => {
  test("a signal ends the stream and its connection", async () => {
    proxy.always({ kind: "stall", after: 10_000 });
    const abort = new AbortController();
    let inner: Readable | undefined;
    const { body } = open({
      idleMs: 60_000,
      signal: abort.signal,
      openAt: async (offset, signal) => {
        inner = await openRange(offset, object.length, signal);
        return inner;
      },
    });
    const reading = buffer(body);
    setTimeout(() => abort.abort(), 50);
    await expect(reading).rejects.toMatchObject({ name: "AbortError" });
    expect(inner?.destroyed).toBe(true);
  });

  test("a signal that was raised before opens nothing", async () => {
    const { body } = open({ signal: AbortSignal.abort() });
    await expect(buffer(body)).rejects.toMatchObject({ name: "AbortError" });
    expect(proxy.seen).toHaveLength(0);
  });

  test("destroying it while it waits or opens ends that, and a body that comes late is destroyed", async () => {
    let late: ((body: Readable) => void) | undefined;
    let given: AbortSignal | undefined;
    const { body } = open({
      openAt: (_offset, signal) => {
        given = signal;
        return new Promise((resolve) => {
          late = resolve;
        });
      },
    });
    body.read();
    await wait(5);
    body.destroy();
    expect(given?.aborted).toBe(true);
    const inner = Readable.from(["x"]);
    late?.(inner);
    await wait(5);
    expect(inner.destroyed).toBe(true);

    // The delay is the default one: nothing but the end of the stream can have ended it in time.
    proxy.always({ kind: "hang up" });
    const waiting = resumableBody({
      from: 0,
      to: 1,
      delayMs: 60_000,
      openAt: (at, signal) => openRange(at, 1, signal),
    });
    waiting.resume();
    await expect.poll(() => proxy.seen.length).toBe(1);
    waiting.destroy();
    await wait(20);
    expect(proxy.seen).toHaveLength(1);
  });
});
