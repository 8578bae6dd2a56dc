import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { compareObjects, type ObjectKey, objectVersion, parseObjectKey } from "../../src/source/object-key.ts";

const lastModified = new Date("2026-11-21T09:00:00Z");

function parse(path: string, fileTimezone = "UTC", modified = lastModified): ObjectKey | undefined {
  return parseObjectKey(path, { fileTimezone, lastModified: modified });
}

function known(path: string, fileTimezone = "UTC", modified = lastModified): ObjectKey {
  const key = parse(path, fileTimezone, modified);
  if (key === undefined) throw new Error(`${path} is not a key`);
  return key;
}

/** A time as file times are counted. */
function units(iso: string, hundredMicros = 0n): bigint {
  return BigInt(Date.parse(iso)) * 10n + hundredMicros;
}

describe("full-load names", () => {
  test.each([
    ["shop/orders/LOAD00000001.csv", 0n, 1n, false],
    ["shop/orders/LOAD0000000A.csv", 0n, 10n, false],
    ["shop/orders/LOAD0000000a.csv", 0n, 10n, false],
    ["shop/orders/LOAD00000010.csv", 0n, 16n, false],
    ["shop/orders/LOAD00001.csv", 0n, 1n, false],
    ["shop/orders/LOAD00000001.csv.gz", 0n, 1n, true],
    ["shop/orders/eu-west/LOAD00000002.csv", 0n, 2n, false],
    ["shop/orders/SEGMENT1_LOAD00000001.csv", 1n, 1n, false],
    ["shop/orders/SEGMENT10_LOAD0000000F.csv.gz", 10n, 15n, true],
    ["shop/orders/LOAD_3_00000002.csv", 3n, 2n, false],
    ["LOADFFFFFFFF.csv", 0n, 0xffffffffn, false],
  ])("%s", (path, segment, counter, gzip) => {
    expect(parse(path)).toEqual({
      kind: "full_load",
      gzip,
      sequence: segment * 2n ** 40n + counter,
      fileTime: undefined,
    });
  });
});

describe("change names", () => {
  test.each([
    ["shop/orders/20220624-190132278.csv", "2022-06-24T19:01:32.278Z", 0n, false],
    ["shop/orders/20141029-1134010000.csv", "2014-10-29T11:34:01Z", 0n, false],
    ["shop/orders/20141029-1134019876.csv", "2014-10-29T11:34:01.987Z", 6n, false],
    ["shop/orders/2021/11/23/20211123-013830913.csv.gz", "2021-11-23T01:38:30.913Z", 0n, true],
    ["shop/orders/2022-10-23/20221023-235959999.csv", "2022-10-23T23:59:59.999Z", 0n, false],
    ["shop/UPLOAD/20240229-000000000.csv", "2024-02-29T00:00:00Z", 0n, false],
    ["20240101-000000000.csv", "2024-01-01T00:00:00Z", 0n, false],
  ])("%s", (path, time, extra, gzip) => {
    expect(parse(path)).toEqual({ kind: "change", gzip, sequence: 0n, fileTime: units(time, extra) });
  });
});

test.each([
  "cdcpath/CDC_TXN-20201117153046033.csv",
  "shop/orders/20211123-013830913.parquet",
  "shop/orders/LOAD00000001.parquet",
  "shop/orders/LOAD00000001.dfm",
  "shop/orders/LOAD00000001.csv.dfm",
  "shop/orders/LOAD00000001.csv.bz2",
  "shop/orders/LOAD0001.csv",
  "shop/orders/LOAD0000000G.csv",
  "shop/orders/load00000001.csv",
  "shop/orders/OLD_LOAD00000001.csv",
  "shop/PAYLOAD/orders.csv",
  "shop/LOAD00000001.csv/",
  "shop/LOAD00000001.csv/readme.txt",
  "20240101-000000000.csv/orders.txt",
  "shop/orders/_SUCCESS",
  "shop/orders/",
  "awsdms_status/status.json",
  "s3_validation_failures/shop/orders.csv",
  "",
  "shop/orders/20220624-19013227.csv",
  "shop/orders/20220624-19013227800.csv",
  "shop/orders/20220624190132278.csv",
  "shop/orders/20220024-190132278.csv",
  "shop/orders/20221324-190132278.csv",
  "shop/orders/20220600-190132278.csv",
  "shop/orders/20220631-190132278.csv",
  "shop/orders/20230229-190132278.csv",
  "shop/orders/20220624-240000000.csv",
  "shop/orders/20220624-196032278.csv",
  "shop/orders/20220624-190160278.csv",
  "shop/orders/19691231-235959999.csv",
  "shop/orders/99991231-235959999.csv",
])("not a key: %j", (path) => {
  expect(parse(path)).toBeUndefined();
});

describe("zones", () => {
  test.each([
    // The sample of dms.md: its LastModified was 13:41:19Z.
    ["Asia/Tokyo", "20260401-224119166", "2026-04-01T13:41:19.166Z"],
    ["Asia/Kolkata", "20260401-053000000", "2026-04-01T00:00:00.000Z"],
    ["America/New_York", "20260115-200000000", "2026-01-16T01:00:00.000Z"],
    ["America/New_York", "20260715-200000000", "2026-07-16T00:00:00.000Z"],
    ["Europe/Berlin", "20260329-015959999", "2026-03-29T00:59:59.999Z"],
    ["Europe/Berlin", "20260329-030000000", "2026-03-29T01:00:00.000Z"],
    // Skipped by the clocks: read with the offset before.
    ["Europe/Berlin", "20260329-023000000", "2026-03-29T01:30:00.000Z"],
    ["Europe/Berlin", "20261025-015959000", "2026-10-24T23:59:59.000Z"],
    ["Europe/Berlin", "20261025-030000000", "2026-10-25T02:00:00.000Z"],
    ["Australia/Lord_Howe", "20260405-120000000", "2026-04-05T01:30:00.000Z"],
    ["Etc/UTC", "20260401-120000000", "2026-04-01T12:00:00.000Z"],
  ])("%s %s is %s", (zone, name, time) => {
    expect(known(`t/${name}.csv`, zone).fileTime).toBe(units(time));
  });

  // 02:00 to 03:00 comes twice in Berlin on that night: 00:00Z to 01:00Z in summer time, then 01:00Z to 02:00Z.
  test.each([
    ["20261025-021500000", "2026-10-25T00:15:02Z", "2026-10-25T00:15:00Z"],
    ["20261025-021500000", "2026-10-25T01:15:02Z", "2026-10-25T01:15:00Z"],
    ["20261025-021500000", "2026-10-25T01:14:58Z", "2026-10-25T01:15:00Z"],
    ["20261025-021500000", "2026-10-25T00:55:00Z", "2026-10-25T00:15:00Z"],
    ["20261025-025959999", "2026-10-25T01:00:01Z", "2026-10-25T00:59:59.999Z"],
    ["20261025-020000000", "2026-10-25T01:00:01Z", "2026-10-25T01:00:00Z"],
  ])("in the repeated hour %s, last modified %s, is %s", (name, modified, time) => {
    expect(known(`t/${name}.csv`, "Europe/Berlin", new Date(modified)).fileTime).toBe(units(time));
  });

  test("agrees with Intl for any time of any zone", () => {
    const zones = ["Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Africa/Casablanca", "Asia/Kathmandu"];
    const year2010 = Date.UTC(2010, 0) / 1000;
    const year2030 = Date.UTC(2030, 0) / 1000;
    fc.assert(
      fc.property(fc.constantFrom(...zones), fc.integer({ min: year2010, max: year2030 }), (zone, second) => {
        const time = new Date(second * 1000);
        // Swedish writes `2026-10-25 02:15:00`.
        const [day = "", clock = ""] = time.toLocaleString("sv-SE", { timeZone: zone }).split(" ");
        const name = `${day.replaceAll("-", "")}-${clock.replaceAll(":", "")}000.csv`;
        expect(known(name, zone, time).fileTime).toBe(units(time.toISOString()));
      }),
      { numRuns: 300 },
    );
  });

  test("an unknown zone is refused", () => {
    expect(() => parse("20260401-120000000.csv", "Mars/Olympus")).toThrow(RangeError);
  });
});

describe("order", () => {
  function order(...paths: string[]): string[] {
    return paths
      .map((path) => ({ path, key: known(path) }))
      .sort(compareObjects)
      .map(({ path }) => path);
  }

  test("counters are hexadecimal, segments decimal, full loads before changes, changes by time whatever their folder", () => {
    const sorted = [
      "t/LOAD00000009.csv",
      "t/LOAD0000000A.csv",
      "t/LOAD0000000F.csv",
      "a/LOAD00000010.csv",
      "t/LOAD00000010.csv",
      "t/LOAD00000100.csv",
      "t/SEGMENT2_LOAD00000002.csv",
      "t/SEGMENT10_LOAD00000001.csv",
      "t/20220101-000000001.csv",
      "t/02012022/20220102-0000000000.csv",
      "t/01022022/20220201-000000000.csv",
      "t/zz/20220201-000000000.csv",
    ];
    expect(order(...sorted.toReversed())).toEqual(sorted);
    expect(order(...sorted.toSorted())).toEqual(sorted);
  });
});

describe("versions", () => {
  test("are the first bits of the path's sha256", () => {
    // sha256 of the path begins with ffefc7316d614607, and with aa6f.
    const load = "shop/orders/LOAD00000001.csv";
    expect(objectVersion(load, known(load))).toBe(0xffefc7316d614607n >> 2n);
    const change = "shop/orders/20220624-190132278.csv";
    expect(objectVersion(change, known(change))).toBe(2n ** 62n + units("2022-06-24T19:01:32.278Z") * 65536n + 0xaa6fn);
  });

  const word = fc.stringMatching(/^[a-zé]{0,8}$/);
  const load = fc
    .tuple(word, fc.integer({ min: 0, max: 0xffffffff }))
    .map(([folder, counter]) => `${folder}/LOAD${counter.toString(16).toUpperCase().padStart(8, "0")}.csv`);
  const change = fc.tuple(word, fc.date({ min: new Date(0), max: new Date("2192-01-01"), noInvalidDate: true })).map(
    ([folder, time]) =>
      `${folder}/${time
        .toISOString()
        .replaceAll(/[-:.Z]/g, "")
        .replace("T", "-")}.csv`,
  );

  test("fit a signed 64-bit integer, put changes above full loads, and rise with the file time", () => {
    fc.assert(
      fc.property(load, change, change, (full, first, second) => {
        const [loaded, one, other] = [full, first, second].map((path) => objectVersion(path, known(path)));
        expect(loaded).toBeGreaterThanOrEqual(0n);
        expect(loaded).toBeLessThan(2n ** 62n);
        for (const version of [one, other]) {
          expect(version).toBeGreaterThanOrEqual(2n ** 62n);
          expect(version).toBeLessThan(2n ** 63n);
        }
        const [a, b] = [known(first).fileTime ?? 0n, known(second).fileTime ?? 0n];
        if (a !== b) expect((one ?? 0n) < (other ?? 0n)).toBe(a < b);
      }),
    );
  });
});

test("100,000 names in a zone with summer time parse in well under a second", () => {
  const began = performance.now();
  let parsed = 0;
  for (let hour = 0; hour < 100_000; hour++) {
    const time = new Date(Date.UTC(2015, 0) + hour * 3_600_000).toISOString();
    const path = `shop/orders/${time.slice(0, 10).replaceAll("-", "")}-${time.slice(11, 19).replaceAll(":", "")}000.csv`;
    if (parse(path, "America/New_York") !== undefined) parsed++;
  }
  expect(parsed).toBe(100_000);
  expect(performance.now() - began).toBeLessThan(2_000);
});
