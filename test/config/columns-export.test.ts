/** `columns_from`: what four databases say of their columns, as their clients write it, and what becomes of it. */
import { describe, expect, test } from "vitest";
import { ExportFault, exportedTable, readColumnsExport } from "../../src/config/columns-export.ts";
import { warehouseType } from "../../src/config/export-type.ts";
import { loadConfig } from "../../src/config/load-config.ts";
import { specOf } from "../../src/load/exported-columns.ts";

const mysql = [
  "table_schema\ttable_name\tcolumn_name\tordinal_position\tcolumn_type\tkey_position",
  "shop\torders\tnote\t3\tvarchar(200)\tNULL",
  "shop\torders\tid\t1\tint(10) unsigned\t2",
  "shop\torders\ttenant\t2\tsmallint\t1",
].join("\n");

describe("what clients write", () => {
  test("tabs of mysql --batch: order by position, the key in its own order, types", () => {
    expect(readColumnsExport(mysql).tables).toEqual([
      {
        schema: "shop",
        table: "orders",
        columns: [
          { name: "id", type: "bigint" },
          { name: "tenant", type: "smallint" },
          { name: "note", type: "text" },
        ],
        key: ["tenant", "id"],
      },
    ]);
  });

  test.each([
    ["psql --csv", 'table_schema,table_name,column_name,ordinal_position\r\nshop,"o,1",id,1\r\n'],
    [
      "sqlcmd -s,",
      "TABLE_SCHEMA,TABLE_NAME,COLUMN_NAME,ORDINAL_POSITION\n----,----,----,----\nshop,o,id,1\n\n(1 rows affected)\n",
    ],
    ["Oracle", '\ufeff"OWNER";"TABLE_NAME";"COLUMN_NAME";"COLUMN_ID"\n"SHOP";"O";"ID";1\n'],
  ])("%s", (_, text) => {
    const [table] = readColumnsExport(text).tables;
    expect(table?.columns).toEqual([{ name: expect.stringMatching(/^id$/i), type: undefined }]);
    expect(table?.key).toEqual([]);
  });

  test.each([
    ["a,b\n1,2\n", "must name table_name and column_name"],
    ["", "must name table_name and column_name"],
    ["table_name,column_name\n", "of no columns"],
    ["table_name,column_name\nt,a\nt,a\n", "second time in line 3"],
    ["table_name,column_name\nt,\n", "no table or column in line 2"],
  ])("%j is refused", (text, message) => {
    expect(() => readColumnsExport(text)).toThrow(ExportFault);
    expect(() => readColumnsExport(text)).toThrow(message);
  });
});

test.each([
  ["tinyint(1)", "smallint"],
  ["mediumint unsigned", "integer"],
  ["bigint(20) unsigned", "numeric(20,0)"],
  ["decimal(10,2)", "numeric(10,2)"],
  ["numeric", "numeric"],
  ["timestamp(6)", "timestamptz"],
  ["datetime(6)", "timestamp"],
  ["timestamp(3) without time zone", "timestamp"],
  ["timestamp with time zone", "timestamptz"],
  ["TIMESTAMP(6)", "timestamp"],
  ["DATE", "timestamp"],
  ["date", "date"],
  ["time", "interval"],
  ["bit(1)", "boolean"],
  ["bit(8)", "text"],
  ["NUMBER", "numeric"],
  ["VARCHAR2", "text"],
  ["enum('a','b')", "text"],
  ["uniqueidentifier", "uuid"],
  ["varbinary(16)", "bytea"],
  ["integer[]", "text"],
  ["ARRAY", "text"],
  ["json", "jsonb"],
])("the source's %s becomes %s", (name, type) => {
  expect(warehouseType({ name, precision: undefined, scale: undefined })).toBe(type);
});

test.each([
  ["NUMBER", 4, 0, "smallint"],
  ["NUMBER", 18, 0, "bigint"],
  ["NUMBER", 38, 0, "numeric(38,0)"],
  ["NUMBER", 10, 2, "numeric(10,2)"],
  ["NUMBER", 5, -2, "numeric"],
  ["money", 19, 4, "numeric(19,4)"],
  ["decimal", 12, 3, "numeric(12,3)"],
])("%s of %i, %i becomes %s", (name, precision, scale, type) => {
  expect(warehouseType({ name, precision, scale })).toBe(type);
});

test("a folder's table is found in other letters, by name alone only where there is one", () => {
  const text = "table_schema,table_name,column_name\nShop,Orders,a\nhr,orders,b\nhr,staff,c\n";
  const found = (folder: string) => exportedTable(readColumnsExport(text), folder)?.columns[0]?.name;
  expect(found("dms/shop/orders")).toBe("a");
  expect(found("hr/orders")).toBe("b");
  expect(found("other/orders")).toBeUndefined();
  expect(found("renamed/staff")).toBe("c");
});

function configOf(tables: string, files: Record<string, string> = { "cols.tsv": mysql }) {
  const yaml = `source: {url: "s3://lake"}\nwarehouse: {url: "postgresql://h/d"}\n${tables}`;
  return loadConfig({
    file: "/etc/lake/drayage.yaml",
    env: {},
    readFile(path) {
      const text = path.endsWith("drayage.yaml") ? yaml : files[path.replace("/etc/lake/", "")];
      if (text === undefined) throw Object.assign(new Error("not there"), { code: "ENOENT" });
      return text;
    },
  });
}

test("the export stands below what the config says: its columns, its key and its list win", () => {
  const config = configOf(`defaults: {columns_from: cols.tsv}
tables:
  "shop/*": {columns: {note: ignore, ID: {as: number}}}
  crm/people: {primary_key: [x]}`);
  const spec = specOf(config, config.tables[0]!, "shop/orders").config;
  expect(spec.columnList).toEqual(["id", "tenant", "note"]);
  expect(spec.primaryKey).toEqual(["tenant", "id"]);
  expect(spec.columns.get("note")).toEqual({ kind: "ignore" });
  expect(spec.columns.get("ID")).toMatchObject({ as: "number", type: "bigint" });
  expect(spec.columns.get("tenant")).toMatchObject({ type: "smallint" });
  expect(specOf(config, config.tables[1]!, "crm/people").config).toMatchObject({
    primaryKey: ["x"],
    columnList: undefined,
  });
});

test.each([
  ["columns_from: gone.csv", "tables.shop/orders.columns_from: there is no such file"],
  ["columns_from: bad.csv", "tables.shop/orders.columns_from: the file is no export of columns"],
])("%s is a problem with its place", (text, problem) => {
  expect(() => configOf(`tables: {shop/orders: {${text}}}`, { "bad.csv": "x,y\n" })).toThrow(
    expect.objectContaining({ code: "CONFIG_INVALID", lines: [expect.stringContaining(problem)] }),
  );
});
