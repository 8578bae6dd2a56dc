import { expect, test } from "vitest";
import { inferType } from "../../src/rows/infer-type.ts";

const uuid = "123e4567-e89b-12d3-a456-426614174000";

test.each<[string, (string | null)[]]>([
  ["text", []],
  ["text", [null, ""]],
  ["bigint", ["0", "-1", null, "", "9223372036854775807", "-9223372036854775808"]],
  ["numeric", ["9223372036854775808"]],
  ["numeric", ["18446744073709551615", "1"]],
  ["numeric", ["1", "-0.50"]],
  ["numeric", ["5.0656e+05"]],
  ["text", ["00123"]],
  ["text", ["1", "-007"]],
  ["text", ["+5"]],
  ["text", ["1", "a"]],
  ["text", ["1.", ".5"]],
  ["date", ["2024-05-01", "0000-00-00"]],
  ["timestamp", ["2024-05-01 10:00:00", "2024-05-01T10:00:00.123456"]],
  ["timestamp", ["2024-05-01", "2024-05-01 10:00:00"]],
  ["text", ["2024-13-01"]],
  ["text", ["2024-05-01 25:00:00"]],
  ["text", ["2024-05-01 10:00:00+02"]],
  ["text", ["2024-05-01", "1"]],
  ["boolean", ["true", "false"]],
  ["text", ["true", "t"]],
  ["text", ["true", "1"]],
  ["uuid", [uuid, uuid.toUpperCase()]],
  ["text", [uuid, uuid.slice(1)]],
])("%s for %j", (type, values) => {
  expect(inferType(values)).toBe(type);
});
