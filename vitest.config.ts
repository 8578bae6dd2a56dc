import { defineConfig } from "vitest/config";

// The suffix says what a test needs: `*.test.ts` runs anywhere and fast, `*.pg.test.ts` needs a real
// PostgreSQL (and, where it says so, S3 over HTTP), which the test starts itself.
// `npm test` has five minutes: what starts the program many times beyond that is for `npm run test:long`.
const longOnly = [
  "test/cli/by-hand.pg.test.ts",
  "test/cli/shipped.pg.test.ts",
  "test/demo/postgres-server.pg.test.ts",
  "test/load/backfill-kill.pg.test.ts",
  "test/load/interrupted.pg.test.ts",
  "test/load/kill.pg.test.ts",
  "test/load/long-listing.pg.test.ts",
  "test/load/lost-commit.pg.test.ts",
  "test/load/validate-speed.pg.test.ts",
  "test/schedule/soak.pg.test.ts",
  "test/warehouse/status-speed.pg.test.ts",
];

export default defineConfig({
  test: {
    projects: [
      {
        test: {
          name: "unit",
          include: ["test/**/*.test.ts"],
          exclude: ["test/**/*.pg.test.ts", "**/node_modules/**"],
          // Property tests count cases, not seconds: on a busy machine the same work takes longer.
          testTimeout: 60_000,
        },
      },
      {
        test: {
          name: "pg",
          include: ["test/**/*.pg.test.ts"],
          exclude: ["**/node_modules/**", ...(process.env.LONG === undefined ? longOnly : [])],
          globalSetup: ["test/support/global-postgres.ts"],
          testTimeout: 60_000,
          hookTimeout: 60_000,
          maxWorkers: 2,
          // Loading the same modules anew for every file took a tenth of the time; no module keeps a state that a test could leave behind.
          isolate: false,
          // After the unit tests: vitest runs projects with different numbers of workers only one after the other.
          sequence: { groupOrder: 1 },
        },
      },
    ],
  },
});
