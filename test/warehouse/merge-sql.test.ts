/** The statements of a merge, whole: `UPDATE_GOLDEN=1` writes what is rendered now. */
import { describe, test } from "vitest";
import { applyStatements, insertAll, markRefused } from "../../src/warehouse/apply-sql.ts";
import {
  classify,
  countLosers,
  countVerdicts,
  markStructuralBad,
  scanStatement,
  suspectColumns,
} from "../../src/warehouse/classify-sql.ts";
import { pairBad, splitKeyChanges, takeOutBad } from "../../src/warehouse/key-change-sql.ts";
import type { CastMode, MergeColumn, MergeJob } from "../../src/warehouse/merge-sql.ts";
import { classifySteps, normalizeVerdicts, numberSteps } from "../../src/warehouse/step-sql.ts";
import { expectGolden } from "../golden/golden.ts";

function column(name: string, position: number, type: string, options: Partial<MergeColumn> = {}): MergeColumn {
  const [, baseType = type, scale] = /^([a-z ]+)(?:\(\d+,(\d+)\))?$/.exec(type) ?? [];
  return {
    column: name,
    cell: `s.c${position}`,
    value: undefined,
    target: { baseType, modifier: scale === undefined ? undefined : Number(scale), timezone: undefined },
    type,
    collation: undefined,
    equals: "=",
    settable: true,
    ...options,
  };
}

const id = column("id", 3, "bigint");
const orders: MergeJob = {
  target: '"shop"."orders"',
  tombstones: '"drayage"."tombstones_1"',
  floor: undefined,
  staging: "pg_temp.staging_1",
  analyzed: ["_n", "c3"],
  key: [id],
  columns: [
    id,
    column("status", 4, "text"),
    column("total", 5, "numeric(12,2)"),
    column('quo"ted', 6, "timestamp with time zone"),
    column("gone", 7, "text", { cell: undefined }),
  ],
  op: "s.c1",
  opTimestamp: "nullif(s.c2, '')",
  system: { loadedAt: true, object: true, opTimestamp: true, deletedAt: false, op: false },
  objects: [{ ordinal: 0, historyId: 41n, version: 4611686018427387905n }],
  order: undefined,
  keyChange: undefined,
  versionType: "bigint",
  deletes: "hard",
  mayRefuse: false,
  rowSecurity: false,
  overridingIdentity: false,
};

const movable: MergeJob = {
  ...orders,
  keyChange: { op: "c1", kept: ["c2"], key: [{ column: "c3", before: "nullif(s.c8, '')" }] },
};

const severalObjects = [
  { ordinal: 0, historyId: 41n, version: 4611686018427387905n },
  { ordinal: 1, historyId: 42n, version: 4611686018427453441n },
];

const documentId = column("_id", 1, "text");
const customers: MergeJob = {
  ...orders,
  target: '"crm"."customers"',
  tombstones: undefined,
  key: [documentId],
  columns: [
    documentId,
    column("tier_and_details", 3, "jsonb", { value: "s.c3::jsonb" }),
    column("birthdate", 4, "timestamp with time zone"),
    column("_rescued", 5, "jsonb", { value: "s.c5::jsonb" }),
  ],
  op: undefined,
  opTimestamp: undefined,
  system: { loadedAt: true, object: true, opTimestamp: false, deletedAt: false, op: false },
};

const everyVerdict = new Set(["inserted", "updated", "same", "deleted", "absent", "stale"]);
const round = { round: 0, places: undefined };

function general(job: MergeJob, mode: CastMode, has: ReadonlySet<string> = everyVerdict): string[] {
  return [
    scanStatement(job, suspectColumns(job)),
    classify(job, mode, 0, false),
    ...applyStatements(job, mode, round, has),
    countVerdicts(job),
    countLosers(job, mode),
  ];
}

const golden: Readonly<Record<string, readonly string[]>> = {
  "merge-fresh.sql": [
    scanStatement({ ...orders, op: undefined }, suspectColumns(orders)),
    insertAll({ ...orders, op: undefined, tombstones: undefined }, "strict"),
  ],
  "merge-general.sql": general(orders, "strict"),
  "merge-several-objects.sql": general({ ...orders, objects: severalObjects }, "strict"),
  "merge-soft-deletes.sql": general(
    { ...orders, deletes: "soft", system: { ...orders.system, deletedAt: true } },
    "strict",
  ),
  "merge-order-by.sql": general(
    {
      ...orders,
      objects: severalObjects,
      order: { column: "seq", cell: "s.c8" },
      versionType: "numeric(57,19)",
      floor: "17.0000000000000000000",
    },
    "strict",
  ),
  "merge-key-changes.sql": [
    splitKeyChanges(movable) ?? "",
    ...pairBad(movable),
    takeOutBad(movable),
    ...general(movable, "strict").slice(1),
    numberSteps(movable),
    classifySteps(movable, ["drayage_lo", "drayage_hi"]),
    ...normalizeVerdicts(movable),
  ],
  "merge-documents.sql": general(customers, "strict", new Set(["inserted", "updated"])),
  "merge-with-bad-records.sql": [
    ...markStructuralBad(orders),
    classify(orders, "lenient", 1, true),
    ...applyStatements(orders, "lenient", { round: 1, places: ["drayage_lo", "drayage_hi"] }, everyVerdict),
    markRefused(orders, "lenient", round),
  ],
};

describe("rendered statements", () => {
  test.each(Object.entries(golden))("%s", (name, statements) => {
    expectGolden(name, `${statements.join(";\n\n")};\n`);
  });
});
