import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { timestampOfIso, timestampOfMillis } from "../../src/rows/timestamp-text.ts";

describe("timestampOfMillis", () => {
  test.each<[string, string, boolean]>([
    ["0", "1970-01-01T00:00:00Z", true],
    ["-1", "1969-12-31T23:59:59.999Z", true],
    ["1556064000120", "2019-04-24T00:00:00.120Z", true],
    ["253402300799999", "9999-12-31T23:59:59.999Z", true],
    ["253402300800000", "10000-01-01T00:00:00Z", true],
    ["-62135596800000", "0001-01-01T00:00:00Z", true],
    ["-62135596800001", "0001-12-31T23:59:59.999Z BC", true],
    ["-62167219200001", "0002-12-31T23:59:59.999Z BC", true],
    ["8640000000000001", "275760-09-13T00:00:00.001Z", true],
    ["9224318015999999", "294276-12-31T23:59:59.999Z", true],
    ["9224318016000000", "294277-01-01T00:00:00Z", false],
    ["-210866803200000", "4714-11-24T00:00:00Z BC", true],
    ["-210866803200001", "4714-11-23T23:59:59.999Z BC", false],
    ["9223372036854775807", "292278994-08-17T07:12:55.807Z", false],
    ["-9223372036854775808", "292275056-05-16T16:47:04.192Z BC", false],
  ])("%s is %s", (millis, text, fits) => {
    expect(timestampOfMillis(millis)).toEqual({ text, fits });
  });

  test("agrees with Date over the years that Date spells alike", () => {
    fc.assert(
      fc.property(fc.integer({ min: -62135596800000, max: 253402300799999 }), (millis) => {
        const { text } = timestampOfMillis(String(millis));
        expect(text).toBe(new Date(millis).toISOString().replace(".000Z", "Z"));
      }),
    );
  });
});

describe("timestampOfIso", () => {
  test.each<[string, string]>([
    ["2019-04-24T00:00:00Z", "2019-04-24T00:00:00Z"],
    ["2019-04-24T00:00:00.123Z", "2019-04-24T00:00:00.123Z"],
    ["2019-04-24T00:00:00.000Z", "2019-04-24T00:00:00Z"],
    ["2019-04-24T00:00:00.000+0000", "2019-04-24T00:00:00Z"],
    ["2019-04-24T00:00:00.1Z", "2019-04-24T00:00:00.100Z"],
    ["2019-04-24T00:00:00.123456Z", "2019-04-24T00:00:00.123456Z"],
    ["2019-04-24T00:00:00.123000000Z", "2019-04-24T00:00:00.123Z"],
    ["2019-04-24T02:30:00+05:30", "2019-04-23T21:00:00Z"],
    ["2019-12-31T23:30:00-0100", "2020-01-01T00:30:00Z"],
    ["2019-04-24T02:30:00+05", "2019-04-23T21:30:00Z"],
    ["2019-04-24T10:00:00", "2019-04-24T10:00:00Z"],
    ["2019-04-24 10:00:00.5", "2019-04-24T10:00:00.500Z"],
    ["2019-04-24T10:00Z", "2019-04-24T10:00:00Z"],
    ["2019-04-24", "2019-04-24T00:00:00Z"],
    ["2020-02-29T00:00:00Z", "2020-02-29T00:00:00Z"],
    ["0001-01-01T00:30:00+01:00", "0001-12-31T23:30:00Z BC"],
    ["0000-06-01T00:00:00Z", "0001-06-01T00:00:00Z BC"],
  ])("%s is %s", (text, utc) => {
    expect(timestampOfIso(text)).toEqual({ text: utc, fits: true });
  });

  test.each([
    "",
    "now",
    "2019-02-30T00:00:00Z",
    "2019-00-10T00:00:00Z",
    "2019-01-00T00:00:00Z",
    "2019-13-10T00:00:00Z",
    "2019-04-24T24:00:00Z",
    "2019-04-24T23:60:00Z",
    "2019-04-24T23:59:60Z",
    "2019-04-24T29:00:00.000Z",
    "2019-04-24T00:00:00.1234567Z",
    "2019-04-24T00:00:00X",
    "2019/04/24T00:00:00Z",
    "Wed Apr 24 2019",
  ])("%s is no time that can be kept", (text) => {
    expect(timestampOfIso(text)).toBeUndefined();
  });

  test("every time reads back as itself", () => {
    fc.assert(
      fc.property(fc.integer({ min: -62135596800000, max: 253402300799999 }), (millis) => {
        expect(timestampOfIso(new Date(millis).toISOString())).toEqual(timestampOfMillis(String(millis)));
      }),
    );
  });
});
