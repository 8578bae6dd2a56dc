import fc from "fast-check";
import { expect, test } from "vitest";
import type { TableConfig } from "../../src/config/config.ts";
import { checkTargets, claimTable, selectTables, tableFolder, targetOf } from "../../src/config/table-names.ts";
import { DrayageError } from "../../src/errors.ts";
import { tablesFrom } from "./config-text.ts";

const tables = tablesFrom(`
  "shop/*": {}
  shop/coupons: off
  orders: {prefix: [shop/orders, shop/orders_eu]}
  "*/audit": {into: "{schema}_audit"}
  "shop/ord*": {into: "misc.{table}"}
  shop/orders/archive: off
  crm: {prefix: crm/customers}
  "logs/2024-??": {}
`);

test.each([
  ["shop/items", "shop/*", "shop/items"],
  ["shop/items/2024/05/01", "shop/*", "shop/items"],
  ["shop/coupons", "shop/coupons", "shop/coupons"],
  ["shop/coupons/part1", "shop/coupons", "shop/coupons"],
  ["shop/coupons2", "shop/*", "shop/coupons2"],
  ["shop/orders", "orders", "shop/orders"],
  ["shop/orders/part1", "orders", "shop/orders"],
  ["shop/orders_eu/x", "orders", "shop/orders_eu"],
  ["shop/orders/archive", "shop/orders/archive", "shop/orders/archive"],
  ["shop/orders/archive/2023", "shop/orders/archive", "shop/orders/archive"],
  ["shop/ordinals", "shop/ord*", "shop/ordinals"],
  ["shop/audit", "*/audit", "shop/audit"],
  ["crm/audit/x", "*/audit", "crm/audit"],
  ["crm/customers", "crm", "crm/customers"],
  ["logs/2024-05", "logs/2024-??", "logs/2024-05"],
  ["shop/awsdms_status", undefined, undefined],
  ["shop/awsdms_status/x", undefined, undefined],
  ["s3_validation_failures/audit", undefined, undefined],
  ["shop", undefined, undefined],
  ["shop/", undefined, undefined],
  ["crm/customers2", undefined, undefined],
  ["crm", undefined, undefined],
  ["logs/2024-5", undefined, undefined],
  ["Shop/items", undefined, undefined],
  ["", undefined, undefined],
])("%s belongs to %s", (folder, name, own) => {
  const table = claimTable(tables, folder);
  expect(table?.name).toBe(name);
  if (table !== undefined) expect(tableFolder(table, folder)).toBe(own);
});

test("a name is taken literally but for * and ?", () => {
  const [table] = tablesFrom("  'a.b/c+(d)*': {}\n");
  expect(claimTable([table!], "a.b/c+(d)x")).toBe(table);
  expect(claimTable([table!], "aXb/c+(d)x")).toBeUndefined();
});

test("a claim is the most specific of all that match, in any order of the file", () => {
  const level = fc.constantFrom("a", "ab", "b");
  const prefix = fc
    .array(fc.oneof(level, fc.constantFrom("*", "a*", "?b")), { minLength: 1, maxLength: 3 })
    .map((levels) => levels.join("/"));
  const folder = fc.array(level, { minLength: 1, maxLength: 4 }).map((levels) => levels.join("/"));
  const [model] = tablesFrom("  x/y: {}\n");
  fc.assert(
    fc.property(fc.uniqueArray(prefix, { minLength: 1, maxLength: 6 }), folder, (prefixes, path) => {
      const entries = prefixes.map((one): TableConfig => ({ ...model!, name: one, prefixes: [one] }));
      const claims = prefixes.filter((one) => matches(one.split("/"), path.split("/")));
      const rank = (one: string) => one.replaceAll(/[*?]/g, "").length * 1_000 + one.length;
      const best = claims.reduce((a, b) => Math.max(a, rank(b)), 0);
      for (const order of [entries, entries.toReversed()]) {
        const claimed = claimTable(order, path);
        expect(claimed === undefined ? 0 : rank(claimed.name)).toBe(best);
      }
    }),
  );
});

function matches(pattern: readonly string[], path: readonly string[]): boolean {
  return pattern.length <= path.length && pattern.every((level, i) => matchesLevel(level, path[i]!));
}

function matchesLevel(pattern: string, text: string): boolean {
  if (pattern === "") return text === "";
  if (pattern[0] === "*")
    return matchesLevel(pattern.slice(1), text) || (text !== "" && matchesLevel(pattern, text.slice(1)));
  return text !== "" && (pattern[0] === "?" || pattern[0] === text[0]) && matchesLevel(pattern.slice(1), text.slice(1));
}

const named = (text: string) => tablesFrom(text)[0]!;

test.each([
  ["orders: {prefix: shop/orders}", "shop/orders", "public", "orders", "orders"],
  ["sales.orders: {prefix: shop/orders}", "shop/orders", "sales", "orders", "sales.orders"],
  ["'shop/*': {}", "shop/OrderItems", "public", "order_items", "order_items"],
  ["'shop/*': {}", "shop/order-items", "public", "order_items", "order_items"],
  ["'shop/*': {}", "shop/HTMLPages", "public", "html_pages", "html_pages"],
  ["shop/Orders: {}", "shop/Orders", "public", "orders", "orders"],
  ["'*/*': {into: '{schema}.{table}'}", "Shop EU/orders", "shop_eu", "orders", "shop_eu.orders"],
  ["'*/*': {into: '{schema}_{table}'}", "shop/orders", "public", "shop_orders", "shop_orders"],
  ["'*': {into: '{schema}.{table}'}", "orders", "public", "orders", "orders"],
  ["'*/*': {into: 'public.{table}'}", "shop/orders", "public", "orders", "orders"],
  ["'a/*': {into: Fixed}", "a/x", "public", "Fixed", "Fixed"],
])("%s takes %s to %s.%s", (text, folder, schema, table, name) => {
  expect(targetOf(named(`  ${text}\n`), folder, "public")).toEqual({ schema, table, name });
});

test("a long name is cut to 63 bytes and stays its own", () => {
  const table = named("  'a/*': {}\n");
  const [one, two] = ["x", "y"].map((end) => targetOf(table, `a/${"ä".repeat(40)}${end}`, "public").table);
  expect(Buffer.byteLength(one!)).toBeLessThanOrEqual(63);
  expect(one).toMatch(/^ä+_[0-9a-f]{8}$/);
  expect(one).not.toBe(two);
});

test("two folders in one table are an error that names both", () => {
  const [pattern] = tablesFrom("  '*/*': {}\n");
  const found = ["shop/orders", "crm/orders"].map((folder) => ({
    table: pattern!,
    folder,
    target: targetOf(pattern!, folder, "public"),
  }));
  const error = thrown(() => checkTargets(found));
  expect(error).toMatchObject({
    code: "CONFIG_INVALID",
    message: "Two folders would be loaded into public.orders: shop/orders and crm/orders",
  });
  expect(error.lines).toEqual([
    "shop/orders  is claimed by tables.*/*, line 4",
    "crm/orders  is claimed by tables.*/*, line 4",
  ]);
  expect(() => checkTargets([found[0]!, found[0]!])).not.toThrow();
});

test("the folders that one entry lists share its table", () => {
  const orders = tables.find(({ name }) => name === "orders")!;
  const found = ["shop/orders", "shop/orders_eu"].map((folder) => ({
    table: orders,
    folder,
    target: targetOf(orders, folder, "public"),
  }));
  expect(() => checkTargets(found)).not.toThrow();
});

const folders = [
  "shop/items",
  "shop/orders",
  "shop/orders_eu",
  "shop/ordinals",
  "crm/audit",
  "crm/customers",
  "shop/coupons",
];

/** Names in the state schema of what the selection picks, of all the folders above. */
function picked(names: readonly string[]): string[] {
  const select = selectTables(tables, names);
  const found = folders.flatMap((folder) => {
    const table = claimTable(tables, folder)!;
    const { name } = targetOf(table, folder, "public");
    return select(table, name, folder) ? [name] : [];
  });
  select.requireAllFound();
  return [...new Set(found)];
}

test.each([
  [[], ["items", "orders", "misc.ordinals", "crm_audit", "crm"]],
  [["orders"], ["orders"]],
  [["crm"], ["crm"]],
  [["shop/orders"], ["orders"]],
  [["/shop/items/"], ["items"]],
  [["shop/items"], ["items"]],
  [["items"], ["items"]],
  [["misc.ordinals"], ["misc.ordinals"]],
  [["misc.*"], ["misc.ordinals"]],
  [["shop/ord*"], ["orders", "misc.ordinals"]],
  [["shop/*"], ["items", "orders", "misc.ordinals"]],
  [["*/audit"], ["crm_audit"]],
  [
    ["crm/customers", "items"],
    ["items", "crm"],
  ],
  [["*"], ["items", "orders", "misc.ordinals", "crm_audit", "crm"]],
])("%j picks %j", (names, tablesPicked) => {
  expect(picked(names)).toEqual(tablesPicked);
});

test.each([
  ["ordres", "No table is called ordres; did you mean orders?"],
  ["shop/coupons", "The table shop/coupons is off in the config, line 6"],
  ["crm/customer", "No table is called crm/customer; did you mean crm/customers?"],
  ["crm/x/y", "No table is called crm/x/y"],
  ["itmes", "No table is called itmes; did you mean items?"],
  ["zzz*", "No table is called zzz*"],
])("%s is unknown", (name, message) => {
  expect(thrown(() => picked([name]))).toMatchObject({ code: "TABLE_UNKNOWN", exit: 2, message });
});

test("without patterns, a name is known to be unknown before anything is listed", () => {
  const plain = tablesFrom("  orders: {prefix: shop/orders}\n  shop/Customers: {}\n");
  expect(thrown(() => selectTables(plain, ["ordres", "custmers"])).lines).toEqual([
    "No table is called ordres; did you mean orders?",
    "No table is called custmers; did you mean customers?",
  ]);
  expect(() => selectTables(plain, ["customers", "shop/Customers", "orders"])).not.toThrow();
});

test("a table that is spelled out is known before its first object", () => {
  const select = selectTables(tables, ["orders", "crm/customers"]);
  expect(() => select.requireAllFound()).not.toThrow();
});

test("without a folder, a path still finds the table that it names exactly", () => {
  const pattern = tables.find(({ name }) => name === "shop/*")!;
  const select = selectTables(tables, ["shop/OrderLines"]);
  expect(select(pattern, "order_lines")).toBe(true);
  expect(select(pattern, "items")).toBe(false);
});

function thrown(work: () => unknown): DrayageError {
  try {
    work();
  } catch (error) {
    if (error instanceof DrayageError) return error;
    throw error;
  }
  throw new Error("nothing was thrown");
}
