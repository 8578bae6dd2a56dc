import { describe, expect, test } from "vitest";
import { type ByteText, fromByteText, toByteText } from "../../src/rows/byte-text.ts";
import { DocumentFault } from "../../src/rows/flatten-document.ts";
import { kinds } from "../../src/rows/kinds.ts";
import { columnOf, flatten, flattener, rowOf } from "./flattening.ts";

function faultOf(document: string, options = {}): string {
  try {
    flattener(options).flatten(toByteText(document), 1, []);
  } catch (error) {
    if (error instanceof DocumentFault) return `${error.reason} at ${error.offset}`;
    throw error;
  }
  return "none";
}

/** Two real documents' worth of shape: canonical, a newline inside a value, a map keyed by an id, an absent field. */
const customers = [
  '{"_id":{"$oid":"5ca4bbcea2dd94ee58162a68"},"username":"fmiller","address":"9286 Bethany Glens\\nVasqueztown, CO 22939","birthdate":{"$date":{"$numberLong":"226117231000"}},"active":true,"accounts":[{"$numberInt":"371138"},{"$numberInt":"324287"}],"tier_and_details":{"0df0":{"tier":"Bronze","benefits":["sports tickets"]}}}',
  '{"_id":{"$oid":"5ca4bbcea2dd94ee58162a69"},"username":"valenciajennifer","address":"Unit 1047","birthdate":{"$date":{"$numberLong":"-1"}},"accounts":[],"tier_and_details":{}}',
];

test("documents become one cell per path", () => {
  const { flattener: one, rows } = flatten(customers, {
    rules: new Map([["tier_and_details", "json"]]),
    skip: new Set(["_id"]),
  });
  expect(rows).toEqual([
    {
      username: "fmiller",
      address: "9286 Bethany Glens\nVasqueztown, CO 22939",
      birthdate: "1977-03-02T02:20:31Z",
      active: "true",
      accounts: "[371138,324287]",
      tier_and_details: '{"0df0":{"tier":"Bronze","benefits":["sports tickets"]}}',
    },
    {
      username: "valenciajennifer",
      address: "Unit 1047",
      birthdate: "1969-12-31T23:59:59.999Z",
      accounts: "[]",
      tier_and_details: "{}",
    },
  ]);
  expect(one.columns.map((column) => [column.path[0], column.kinds, column.encoding])).toEqual([
    ["username", kinds.string, "plain"],
    ["address", kinds.string, "plain"],
    ["birthdate", kinds.timestamp, "plain"],
    ["active", kinds.boolean, "plain"],
    ["accounts", kinds.json, "json"],
    ["tier_and_details", kinds.json, "json"],
  ]);
});

describe("cells", () => {
  test("columns come in mid-object, at the next free cell, and cells are never left out", () => {
    let next = 3;
    const one = flattener({ allocate: () => next++ });
    const first: (ByteText | null)[] = ["I", "5a", null];
    const second: (ByteText | null)[] = ["I", "5b", null];
    one.flatten('{"a":1}', 1, first);
    next = 7;
    one.flatten('{"b":{"c":"x"}}', 2, second);
    expect(first).toEqual(["I", "5a", null, "1"]);
    expect(second).toEqual(["I", "5b", null, null, null, null, null, "x"]);
    expect(one.columns.map((column) => column.index)).toEqual([3, 7]);
  });

  test("nulls and empty objects make no column", () => {
    const { flattener: one, rows } = flatten(['{"a":null,"b":{},"c":{"d":{ }}}', '{"a":1}']);
    expect(rows).toEqual([{}, { a: "1" }]);
    expect(one.columns).toHaveLength(1);
  });

  test("an object here and a scalar there: the children have columns, and the path has one", () => {
    const { rows } = flatten(['{"a":{"b":1}}', '{"a":2}', '{"a":[3]}', '{"a":{"b":4}}']);
    expect(rows).toEqual([{ "a/b": "1" }, { a: "2" }, { a: "[3]" }, { "a/b": "4" }]);
  });

  test("spaces of every kind are skipped", () => {
    expect(flatten(['\r\n\t { "a"\t:\n1 , "b" : [ 1 ,\r 2 ] ,"c" : { } } \n']).rows).toEqual([
      { a: "1", b: "[ 1 ,\r 2 ]" },
    ]);
  });
});

describe("keys", () => {
  test.each<[string, Record<string, string>]>([
    ['{"":1,"a.b":2,"a":{"b":3},"$x":4,"_id":5}', { "": "1", "a.b": "2", "a/b": "3", $x: "4", _id: "5" }],
    [
      '{"constructor":1,"toString":{"valueOf":2},"hasOwnProperty":3}',
      { constructor: "1", "toString/valueOf": "2", hasOwnProperty: "3" },
    ],
    ['{"a\\u0062":1,"q\\"uote":2,"back\\\\slash":3,"quo":4}', { ab: "1", 'q"uote': "2", "back\\slash": "3", quo: "4" }],
    ['{"größe":1,"\\u00fc":2,"💥":3,"\\ud83d\\udca5x":4}', { größe: "1", ü: "2", "💥": "3", "💥x": "4" }],
    [`{"${"k".repeat(300)}":1}`, { ["k".repeat(300)]: "1" }],
  ])("%s", (document, row) => {
    // Twice: the second time keys are met in the order that was learned.
    expect(flatten([document, document]).rows).toEqual([row, row]);
  });

  test("__proto__ is an ordinary key", () => {
    const one = flattener();
    const cells: (ByteText | null)[] = [];
    one.flatten('{"__proto__":{"x":1},"y":{"__proto__":2}}', 1, cells);
    expect(one.columns.map((column) => column.path)).toEqual([
      ["__proto__", "x"],
      ["y", "__proto__"],
    ]);
    expect(cells).toEqual(["1", "2"]);
    expect(({} as Record<string, unknown>).x).toBeUndefined();
  });

  test("a key that begins like the expected one, or comes in another order", () => {
    const documents = [
      '{"a":1,"ab":2,"abc":3}',
      '{"abc":4,"ab":5,"a":6}',
      '{"ab":7}',
      '{"a":8,"abc":9}',
      '{"abcd":1,"a":2,"ab":3,"abc":4}',
    ];
    expect(flatten(documents).rows).toEqual(
      documents.map((document) =>
        Object.fromEntries(Object.entries(JSON.parse(document)).map(([k, v]) => [k, String(v)])),
      ),
    );
  });

  test("a key that needs an escape is not taken for one that is spelled like its text", () => {
    const documents = ['{"a\\\\nb":1}', '{"a\\nb":2}', '{"a\\\\nb":3}'];
    expect(flatten(documents).rows).toEqual([{ "a\\nb": "1" }, { "a\nb": "2" }, { "a\\nb": "3" }]);
    const one = flattener();
    one.flatten('{"a\\"b":1}', 1, []);
    expect(() => one.flatten('{"a"b":1}', 2, [])).toThrow("bad_json at byte 4");
  });

  test.each<[string, Record<string, string>]>([
    ['{"a":1,"a":2}', { a: "2" }],
    ['{"a":1,"a":null}', {}],
    ['{"a":{"b":1,"c":2},"a":{"c":3}}', { "a/c": "3" }],
    ['{"a":{"b":1},"a":4}', { a: "4" }],
    ['{"a":[1],"a":{"b":1}}', { "a/b": "1" }],
    ['{"a":1,"\\u0061":2}', { a: "2" }],
    ['{"a":[{"b":1,"b":2}]}', { a: '[{"b":1,"b":2}]' }],
  ])("duplicates: the last wins, in %s", (document, row) => {
    expect(flatten([document]).rows).toEqual([row]);
  });
});

describe("strings", () => {
  test.each<[string, string, number]>([
    ['"\\"\\\\\\/\\b\\f\\n\\r\\t"', '"\\/\b\f\n\r\t', 0],
    ['"a\\\\"', "a\\", 0],
    ['"\\\\\\""', '\\"', 0],
    ['"\\u00e9\\u20AC\\ud83d\\ude00é€😀"', "é€😀é€😀", 0],
    ['"\\u0000"', "\ufffd", 1],
    ['"a\0b\0"', "a\ufffdb\ufffd", 2],
    ['"\\ud800"', "\ufffd", 1],
    ['"\\ud800\\ud800\\udc00"', "\ufffd\u{10000}", 1],
    ['"\\udc00\\ud800"', "\ufffd\ufffd", 2],
    ['"\\ud800\\u0041"', "\ufffdA", 1],
    ['"\\u0001\u0002\n"', "\u0001\u0002\n", 0],
  ])("%s", (written, text, repairs) => {
    const plain = flatten([`{"v":${written}}`]);
    expect(plain.rows).toEqual([{ v: text }]);
    expect(plain.flattener.repairs).toBe(repairs);
    const inside = flatten([`{"v":[${written},{${written}:1}]}`]);
    expect(JSON.parse(inside.rows[0]!.v!)).toEqual([text, { [text]: 1 }]);
    expect(inside.flattener.repairs).toBe(2 * repairs);
    const quoted = flatten([`{"v":${written}}`], { known: [{ path: ["v"], kinds: kinds.json, fixed: "json" }] });
    expect(JSON.parse(quoted.rows[0]!.v!)).toBe(text);
  });

  test("NULs before, between and after strings are found where they are", () => {
    expect(flatten(['{"a":"x\0","b":"y","c":"\0z","d":["\0",1]}']).rows).toEqual([
      { a: "x\ufffd", b: "y", c: "\ufffdz", d: '["\ufffd",1]' },
    ]);
  });

  test("repairs of ignored values are not counted", () => {
    expect(flatten(['{"a":"\\u0000","b":["\\ud800"]}'], { rules: new Map([["b", "ignore"]]) }).flattener.repairs).toBe(
      1,
    );
  });
});

describe("classes of values", () => {
  test("numbers of every kind share plain cells", () => {
    const { flattener: one, rows } = flatten([
      '{"v":1}',
      '{"v":9007199254740993}',
      '{"v":1.5}',
      '{"v":{"$numberDecimal":"2.50"}}',
      '{"v":nan}',
    ]);
    expect(rows.map((row) => row.v)).toEqual(["1", "9007199254740993", "1.5", "2.50", "NaN"]);
    expect(columnOf(one, "v")).toMatchObject({ encoding: "plain", jsonFrom: undefined });
  });

  test("from the record with a second class on, cells are JSON", () => {
    const { flattener: one, rows } = flatten([
      '{"v":"1"}',
      '{"w":0}',
      '{"v":"2"}',
      '{"v":3}',
      '{"v":"4"}',
      '{"v":true}',
      '{"v":{"$date":0}}',
      '{"v":[5]}',
    ]);
    expect(rows.map((row) => row.v)).toEqual([
      "1",
      undefined,
      "2",
      "3",
      '"4"',
      "true",
      '"1970-01-01T00:00:00Z"',
      "[5]",
    ]);
    expect(columnOf(one, "v")).toMatchObject({
      encoding: "json",
      jsonFrom: 4,
      plainKinds: kinds.string,
      kinds: kinds.string | kinds.integer | kinds.boolean | kinds.timestamp | kinds.json,
    });
  });

  test("a path that begins with an array is JSON from the start", () => {
    const { flattener: one, rows } = flatten(['{"v":[1]}', '{"v":"x"}']);
    expect(rows).toEqual([{ v: "[1]" }, { v: '"x"' }]);
    expect(columnOf(one, "v")).toMatchObject({ encoding: "json", jsonFrom: undefined, plainKinds: 0 });
  });

  test("fixed text: every cell is plain", () => {
    const { flattener: one, rows } = flatten(
      ['{"v":"x"}', '{"v":1}', '{"v":[1,"\\u0041"]}', '{"v":{"a":{"$oid":"b"}}}'],
      { rules: new Map([["v", "text"]]) },
    );
    expect(rows.map((row) => row.v)).toEqual(["x", "1", '[1,"\\u0041"]', '{"a":"b"}']);
    expect(columnOf(one, "v")).toMatchObject({ fixed: "text", encoding: "plain", jsonFrom: undefined });
  });

  test("fixed json: every cell is JSON, also the first", () => {
    const { flattener: one, rows } = flatten(['{"v":"x"}', '{"v":nan}', '{"v":{"$oid":"b"}}'], {
      known: [{ path: ["v"], kinds: kinds.json, fixed: "json" }],
    });
    expect(rows.map((row) => row.v)).toEqual(['"x"', '"NaN"', '"b"']);
    expect(columnOf(one, "v")).toMatchObject({ fixed: "json", encoding: "json", jsonFrom: undefined });
  });

  test("a stored column's kinds are joined, the class of its cells is that of what came", () => {
    const { flattener: one, rows } = flatten(['{"v":"x"}'], {
      known: [{ path: ["v"], kinds: kinds.integer, fixed: undefined }],
    });
    expect(rows).toEqual([{ v: "x" }]);
    expect(columnOf(one, "v")).toMatchObject({
      encoding: "plain",
      plainKinds: kinds.string,
      kinds: kinds.integer | kinds.string,
    });
  });
});

describe("rules", () => {
  const rules = (entries: Record<string, "ignore" | "json" | "text">) => ({ rules: new Map(Object.entries(entries)) });

  test.each<[string, Record<string, "ignore" | "json" | "text">, Record<string, string>]>([
    ["ignore", { "a.b": "ignore" }, { "a/c/d": "2", fooBar: "3" }],
    ["json", { a: "json" }, { a: '{"b":1,"c":{"d":2}}', fooBar: "3" }],
    ["text", { "a.c": "text" }, { "a/b": "1", "a/c": '{"d":2}', fooBar: "3" }],
    ["any one segment", { "a.*": "json" }, { "a/b": "1", "a/c": '{"d":2}', fooBar: "3" }],
    ["in the other spelling", { foo_bar: "ignore", A: "ignore" }, {}],
    ["the path as spelled wins", { "a.*": "ignore", "a.b": "text" }, { "a/b": "1", fooBar: "3" }],
  ])("%s", (_what, entries, row) => {
    expect(flatten(['{"a":{"b":1,"c":{"d":2}},"fooBar":3}'], rules(entries)).rows).toEqual([row]);
  });

  test("a scalar that an object stands for is one, whatever the rule", () => {
    expect(flatten(['{"a":{"$date":0},"b":{"$oid":"x"}}'], rules({ a: "text", b: "json" })).rows).toEqual([
      { a: "1970-01-01T00:00:00Z", b: '"x"' },
    ]);
  });

  test("skipped keys are those at the top only", () => {
    expect(flatten(['{"_id":1,"a":{"_id":2}}'], { skip: new Set(["_id"]) }).rows).toEqual([{ "a/_id": "2" }]);
  });

  test("what is ignored must still be JSON", () => {
    expect(faultOf('{"a":[1,}', rules({ a: "ignore" }))).toBe("bad_json at 8");
  });
});

describe("limits", () => {
  test("an object below the longest path is one JSON cell", () => {
    expect(flatten(['{"a":{"b":{"c":{"d":1}}},"e":{"f":{}}}'], { maxDepth: 2 }).rows).toEqual([
      { "a/b": '{"c":{"d":1}}', "e/f": "{}" },
    ]);
    expect(flatten(['{"a":{"b":1}}'], { maxDepth: 1 }).rows).toEqual([{ a: '{"b":1}' }]);
  });

  test("past max_columns, new paths are rescued, whole and exact, and counted by where they were", () => {
    const {
      flattener: one,
      rows,
      rescued,
    } = flatten(
      [
        '{"a":1,"m":{"k1":{"x":1},"k2":{"x":9007199254740993}}}',
        '{"m":{"k1":{"x":2,"y":"\\u00e9"},"k.3":nan,"k4":null,"k5":{}},"z":"s"}',
        '{"a":3}',
      ],
      { maxColumns: 2 },
    );
    expect(rows).toEqual([{ a: "1", "m/k1/x": "1" }, { "m/k1/x": "2" }, { a: "3" }]);
    expect(rescued).toEqual([
      '{"m.k2":{"x":9007199254740993}}',
      '{"m.k1.y":"\\u00e9","m.k\\\\.3":"NaN","z":"s"}',
      null,
    ]);
    expect([...one.overflow]).toEqual([
      ["m", 2],
      ["m.k1", 1],
      ["", 1],
    ]);
  });

  test("of duplicate keys without a column the last wins", () => {
    expect(flatten(['{"a":1,"b":2,"b":3,"c":4,"c":null}'], { maxColumns: 1 }).rescued).toEqual(['{"b":3}']);
    expect(flatten(['{"m":{"a":1}}', '{"m":{"b":2},"m":{"a":3}}'], { maxColumns: 1 })).toMatchObject({
      rows: [{ "m/a": "1" }, { "m/a": "3" }],
      rescued: [null, null],
    });
  });

  test("known paths and paths that the config names have a column in any case", () => {
    const { rows, rescued } = flatten(['{"a":1,"b":2,"c":{"d":3},"e":4,"f":5}'], {
      maxColumns: 1,
      known: [{ path: ["c", "d"], kinds: kinds.integer, fixed: undefined }],
      rules: new Map([
        ["e", "text"],
        ["f", "ignore"],
      ]),
    });
    expect(rows).toEqual([{ "c/d": "3", e: "4" }]);
    expect(rescued).toEqual(['{"a":1,"b":2}']);
  });

  test("a known path takes its one place among the columns, used or not", () => {
    const known = ["a", "b"].map((name) => ({ path: [name], kinds: kinds.integer, fixed: undefined }));
    expect(flatten(['{"a":1,"b":2,"c":3,"d":4}'], { maxColumns: 3, known })).toMatchObject({
      rows: [{ a: "1", b: "2", c: "3" }],
      rescued: ['{"d":4}'],
    });
    expect(flatten(['{"c":3,"d":4}'], { maxColumns: 3, known })).toMatchObject({
      rows: [{ c: "3" }],
      rescued: ['{"d":4}'],
    });
  });

  test("an endless map of empty objects, nulls or ignored values fills neither columns nor memory", () => {
    const one = flattener({ maxColumns: 2, rules: new Map([["i.*", "ignore"]]) });
    for (let n = 1; n <= 20_000; n++)
      expect(one.flatten(`{"m":{"k${n}":{}},"o":{"k${n}":null},"i":{"k${n}":1}}`, n, [])).toBeNull();
    expect(one.flatten('{"m":{"new":1}}', 20_001, [])).toBe('{"m.new":1}');
  });

  test("brackets may nest up to the limit, flattened or not", () => {
    const nested = (open: string, close: string, depth: number) =>
      `{"v":${open.repeat(depth - 1)}1${close.repeat(depth - 1)}}`;
    for (const [open, close] of [
      ["[", "]"],
      ['{"a":', "}"],
      ['{"$gt":', "}"],
    ] as const) {
      for (const maxDepth of [1, 8, 500]) {
        expect(faultOf(nested(open, close, 200), { maxDepth })).toBe("none");
        expect(faultOf(nested(open, close, 201), { maxDepth })).toMatch(/^too_deep at /);
        expect(faultOf(nested(open, close, 100_000), { maxDepth, nestingLimit: 1_000_000 })).toMatch(/^too_deep at /);
      }
    }
  });
});

describe("faults", () => {
  test.each<[string, string]>([
    ["", "broken_off at 0"],
    ["  ", "broken_off at 2"],
    ["[1]", "not_object at 0"],
    ['"text"', "not_object at 0"],
    [" 5", "not_object at 1"],
    ["null", "not_object at 0"],
    ["<xml/>", "bad_json at 0"],
    ["{", "broken_off at 1"],
    ['{"a', "broken_off at 3"],
    ['{"a\\"', "broken_off at 5"],
    ['{"a":"é', "broken_off at 8"],
    ['{"a":tr', "broken_off at 7"],
    ['{"a":-', "broken_off at 6"],
    ['{"a":1.', "broken_off at 7"],
    ['{"a":"x\\u00', "broken_off at 11"],
    ['{"a":{"$date":{"$numberLong":"1', "broken_off at 31"],
    ['{"a":[{"$oid":"x"', "broken_off at 17"],
    ["{a:1}", "bad_json at 1"],
    ["{'a':1}", "bad_json at 1"],
    ['{"a" 1}', "bad_json at 5"],
    ['{"a":1,}', "bad_json at 7"],
    ['{"a":1 "b":2}', "bad_json at 7"],
    ['{"a":[1,]}', "bad_json at 8"],
    ['{"a":[1 2]}', "bad_json at 8"],
    ['{"a":[1}', "bad_json at 7"],
    ['{"a":{"b":1]}', "bad_json at 11"],
    ['{"a":}', "bad_json at 5"],
    ['{"a":01}', "bad_json at 5"],
    ['{"a":+1}', "bad_json at 5"],
    ['{"a":.5}', "bad_json at 5"],
    ['{"a":1.x}', "bad_json at 7"],
    ['{"a":1e}', "bad_json at 7"],
    ['{"a":True}', "bad_json at 5"],
    ['{"a":nul}', "bad_json at 5"],
    ['{"a":undefined}', "bad_json at 5"],
    ['{"a":ObjectId("5a")}', "bad_json at 5"],
    ['{"a":"\\x"}', "bad_json at 6"],
    ['{"a":["\\u12G4"]}', "bad_json at 7"],
    ['{"a":1}}', "bad_json at 7"],
    ['{"a":1} x', "bad_json at 8"],
    ['{"a":1\0}', "bad_json at 6"],
  ])("%j is %s", (document, fault) => {
    expect(faultOf(document)).toBe(fault);
  });

  test("no text of the document is in the fault", () => {
    expect.assertions(1);
    try {
      flattener().flatten('{"secret":hidden}', 1, []);
    } catch (error) {
      expect(String((error as Error).stack)).not.toMatch(/secret|hidden/);
    }
  });

  test("a failed document leaves no kind, class or repair behind", () => {
    const one = flattener();
    const rows: Record<string, string>[] = [];
    for (const [i, document] of [
      '{"a":1}',
      '{"a":"\\u0000","b":[1],"c":"x"',
      '{"a":2,"b":"y"}',
      '{"a":["\\u0000"],]}',
      '{"a":3}',
    ].entries()) {
      const cells: (ByteText | null)[] = [];
      try {
        one.flatten(document, i + 1, cells);
        rows.push(rowOf(one.columns, cells));
      } catch (error) {
        expect(error).toBeInstanceOf(DocumentFault);
      }
    }
    expect(rows).toEqual([{ a: "1" }, { a: "2", b: "y" }, { a: "3" }]);
    expect(
      one.columns.map(({ path, kinds: set, encoding, jsonFrom, plainKinds }) => [
        path[0],
        set,
        encoding,
        jsonFrom,
        plainKinds,
      ]),
    ).toEqual([
      ["a", kinds.integer, "plain", undefined, kinds.integer],
      ["b", kinds.string, "plain", undefined, kinds.string],
      ["c", 0, "plain", undefined, 0],
    ]);
    expect(one.repairs).toBe(0);
  });
});

test("text beyond ASCII stays the bytes it was", () => {
  const cells: (ByteText | null)[] = [];
  flattener().flatten(toByteText('{"a":"Zoë 東京 💥","b":["Zoë"]}'), 1, cells);
  expect(cells.map((cell) => fromByteText(cell!))).toEqual(["Zoë 東京 💥", '["Zoë"]']);
});
