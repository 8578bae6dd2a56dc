/** Three shapes of real DMS output, over HTTP and from a directory, each loaded with a config of a few lines; and the real ones where they lie beside the repository. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { csv } from "../support/one-table.ts";
import { s3Installed, startTestS3, type TestS3 } from "../support/s3-server.ts";
import { openWorkplace, type Workplace } from "../support/workplace.ts";

let place: Workplace;
beforeEach(async () => {
  place = await openWorkplace();
});
afterEach(() => place.end());

interface Sample {
  /** Under `tables:`. */
  readonly tables: string;
  /** Bodies by path. */
  readonly objects: Readonly<Record<string, string | Buffer>>;
  /** Statements that yield one row each, with that row. */
  readonly states: Readonly<Record<string, object>>;
}

const samples: Readonly<Record<string, Sample>> = {
  "MySQL with header and timestamp, op in changes alone": {
    tables: `  stores: {prefix: retail/stores, primary_key: [store_id], dialect: {timestamp_column: dmsTimestamp}}
  products: {prefix: retail/products, primary_key: [product_id], dialect: {timestamp_column: dmsTimestamp}, columns: {price: "numeric(8,2)"}}`,
    objects: {
      "retail/stores/LOAD00000001.csv": csv(
        "dmsTimestamp,store_id,address",
        '2024-06-24 18:53:25.141463,1,"1 High Street, Lowtown"',
        '2024-06-24 18:53:25.141482,2,"2 High Street, Lowtown"',
      ),
      "retail/stores/20240624-190132388.csv": csv(
        "Op,dmsTimestamp,store_id,address",
        "I,2024-06-24 19:01:10.000000,3,Unit 7",
        'U,2024-06-24 19:01:11.000000,2,"Box 1, Midtown"',
        'U,2024-06-24 19:01:12.000000,2,"Box 2, Midtown"',
      ),
      "retail/stores/20240624-190217715.csv": csv(
        "Op,dmsTimestamp,store_id,address",
        "U,2024-06-24 19:01:56.000000,3,Unit 8",
        'U,2024-06-24 19:02:01.000000,1,"Box 3, Hightown"',
        "U,2024-06-24 19:02:06.000000,3,Unit 9",
      ),
      "retail/products/LOAD00000001.csv": csv(
        "dmsTimestamp,product_id,name,price",
        "2024-06-24 18:53:24.619896,1,shorts,793.50",
      ),
      "retail/products/20240624-190132358.csv": csv(
        "Op,dmsTimestamp,product_id,name,price",
        "I,2024-06-24 19:01:10.000000,2,sneakers,682.30",
        "I,2024-06-24 19:01:10.000000,3,coat,21.26",
      ),
    },
    states: {
      "select string_agg(store_id || ' ' || address, '; ' order by store_id) as stores from shop.stores": {
        stores: "1 Box 3, Hightown; 2 Box 2, Midtown; 3 Unit 9",
      },
      "select count(*)::int as n, sum(price)::text as price from shop.products": { n: 3, price: "1497.06" },
      "select max(_op_ts)::text as at from shop.stores": { at: "2024-06-24 19:02:06+00" },
    },
  },
  "MySQL without header, op in changes alone": {
    tables: `  customers:
    prefix: classic/customers
    primary_key: [number]
    columns: [number integer, name, contact, state, credit numeric]`,
    objects: {
      "classic/customers/LOAD00000001.csv": csv(
        "103,Atelier graphique,Carine ,,21000.00",
        '114,"Collectors, Co.",Péter,Victoria,117300.00',
        "125,Havel & Co,Zbyszek ,,0.00",
      ),
      "classic/customers/20240809-192717787.csv": csv(
        "I,497,Diecast,Valarie,MA,85100.00",
        "U,497,Diecast,Ruffy,MA,85100.00",
        "D,497,Diecast,Ruffy,MA,85100.00",
        "I,497,Diecast,Ravatka,MA,85100.00",
      ),
    },
    states: {
      "select count(*)::int as n, count(state)::int as states from shop.customers": { n: 4, states: 2 },
      "select contact, credit::text from shop.customers where number = 497": { contact: "Ravatka", credit: "85100.00" },
      "select contact from shop.customers where number = 103": { contact: "Carine " },
    },
  },
  "MongoDB documents in canonical Extended JSON": {
    tables: "  customers: {prefix: mongo/customers, columns: {tier_and_details: jsonb}}",
    objects: { "mongo/customers/LOAD00000001.csv": documents(30) },
    states: {
      "select count(*)::int as n, count(email)::int as mails from shop.customers": { n: 30, mails: 15 },
      "select birthdate::text, accounts::text, address from shop.customers where _id = '00000000000000000000000a'": {
        birthdate: "1977-03-02 02:20:41+00",
        accounts: "[371138, 9007199254740993]",
        address: "1 Road\nTown, CO",
      },
      "select pg_typeof(birthdate)::text as birthdate, pg_typeof(accounts)::text as accounts from shop.customers limit 1":
        {
          birthdate: "timestamp with time zone",
          accounts: "jsonb",
        },
      "select tier_and_details->'k10'->>'tier' as tier from shop.customers where _id = '00000000000000000000000a'": {
        tier: "Gold",
      },
    },
  },
};

function documents(count: number): string {
  const lines = ["_id,_doc"];
  for (let i = 0; i < count; i++) {
    const id = i.toString(16).padStart(24, "0");
    const document = {
      _id: { $oid: id },
      ...(i % 2 === 0 ? { email: `user${i}@example.com` } : {}),
      address: "1 Road\nTown, CO",
      birthdate: { $date: { $numberLong: `${226_117_231_000 + i * 1000}` } },
      accounts: [{ $numberInt: "371138" }, { $numberLong: "9007199254740993" }],
      tier_and_details: { [`k${i}`]: { tier: "Gold", active: true, benefits: ["a"] } },
    };
    lines.push(`${id},"${JSON.stringify(document).replaceAll('"', '""')}"`);
  }
  return csv(...lines);
}

async function loadTwice(sample: Sample, source: object, env: Readonly<Record<string, string>>): Promise<void> {
  place.config(
    `source: ${JSON.stringify(source)}\nwarehouse: {url: "\${DATABASE_URL}", schema: shop}\ntables:\n${sample.tables}\n`,
  );
  const first = await place.run(["load"], env);
  expect(first, first.stdout + first.stderr).toMatchObject({ exit: 0 });
  expect(first.stdout).toContain("every record accounted for");
  const check = async () => {
    for (const [statement, row] of Object.entries(sample.states)) {
      const { rows } = await place.client.query(statement);
      expect(rows, statement).toEqual([row]);
    }
  };
  await check();
  const second = await place.run(["load"], env);
  expect(second, second.stdout + second.stderr).toMatchObject({ exit: 0 });
  expect(second.stdout).toMatch(new RegExp(`^Nothing new: ${Object.keys(sample.objects).length} objects? listed`));
  const { rows } = await place.client.query("select sum(attempts)::int as attempts from drayage.load_history");
  expect(rows).toEqual([{ attempts: Object.keys(sample.objects).length }]);
  await check();
}

async function fromDirectory(sample: Sample): Promise<void> {
  for (const [path, body] of Object.entries(sample.objects)) place.put(path, body);
  await loadTwice(sample, { url: place.source }, {});
}

async function overHttp(sample: Sample): Promise<void> {
  const s3: TestS3 = await startTestS3();
  try {
    for (const [path, body] of Object.entries(sample.objects)) await s3.put(`dms/${path}`, body);
    await loadTwice(sample, s3.config("dms"), s3.env);
  } finally {
    await s3.stop();
  }
}

describe.each(Object.entries(samples))("%s", (_, sample) => {
  test("from a directory", () => fromDirectory(sample));
  test.runIf(s3Installed)("from S3 over HTTP", () => overHttp(sample));
});

/** Real output, beside the repository where it is developed; it is not ours to ship. */
const realDirectory = fileURLToPath(new URL("../../../shared/samples", import.meta.url));

const classicColumns =
  "customerNumber integer, customerName, contactLastName, contactFirstName, phone, addressLine1, addressLine2, city, state, postalCode, country, salesRepEmployeeNumber integer, creditLimit numeric";

const real: Readonly<Record<string, Omit<Sample, "objects">>> = {
  "mysql-retail": {
    tables: `  stores: {prefix: retail/stores, primary_key: [store_id], dialect: {timestamp_column: dmsTimestamp}}
  products: {prefix: retail/products, primary_key: [product_id], dialect: {timestamp_column: dmsTimestamp}}`,
    states: {
      "select count(*)::int as n from shop.stores": { n: 6 },
      "select address from shop.stores where store_id = '2'": {
        address: "253 Stephen Curve Apt. 443 East Nicole, DE 20070",
      },
      "select address from shop.stores where store_id = '1'": {
        address: "78610 Cervantes Way Lake Tonyland, CO 85482",
      },
      "select address from shop.stores where store_id = '6'": { address: "USS Stokes FPO AP 48452" },
      "select count(*)::int as n from shop.products": { n: 30 },
    },
  },
  "mysql-classic": {
    tables: `  customers: {prefix: classicmodels/customers, primary_key: [customerNumber], columns: [${classicColumns}]}`,
    states: {
      "select count(*)::int as n from shop.customers": { n: 123 },
      "select contact_first_name from shop.customers where customer_number = 497": { contact_first_name: "Ravatka" },
      "select contact_first_name as name from shop.customers where customer_number = 103": { name: "Carine " },
    },
  },
  "mongo-analytics": {
    tables: "  customers: {prefix: sample_analytics/customers, columns: {tier_and_details: jsonb}}",
    states: {
      "select count(*)::int as n from shop.customers": { n: 500 },
      "select count(*)::int as fields from pg_attribute where attrelid = 'shop.customers'::regclass and attnum > 0 and attname !~ '^_(loaded_at|object|record|version|rescued)$'":
        { fields: 9 },
      "select pg_typeof(birthdate)::text as type, accounts::text from shop.customers where _id = '5ca4bbcea2dd94ee58162a69'":
        {
          type: "timestamp with time zone",
          accounts: "[116508]",
        },
      "select count(distinct k)::int as keys from shop.customers, jsonb_object_keys(tier_and_details) k": { keys: 456 },
    },
  },
};

describe.each(Object.entries(real))("real output: %s", (name, sample) => {
  const directory = join(realDirectory, name);
  if (!existsSync(directory)) {
    test.skip("is not beside this repository");
    return;
  }
  const paths = readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => relative(directory, join(entry.parentPath, entry.name)));
  const objects = Object.fromEntries(paths.map((path) => [path, readFileSync(join(directory, path))]));
  test("from a directory", () => fromDirectory({ ...sample, objects }));
  test.runIf(s3Installed)("from S3 over HTTP", () => overHttp({ ...sample, objects }));
});

const mongo = join(realDirectory, "mongo-analytics/sample_analytics/customers/LOAD00000001.csv");
test.runIf(existsSync(mongo))("real output: the lines of `plan --yaml`, pasted, load every document", async () => {
  place.put("sample_analytics/customers/LOAD00000001.csv", readFileSync(mongo));
  const head = `source: {url: "${place.source}"}\nwarehouse: {url: "\${DATABASE_URL}", schema: shop}\n`;
  place.config(`${head}tables: {"sample_analytics/*": {}}`);
  const plan = await place.run(["plan", "--yaml"]);
  expect(plan.exit).toBe(6);
  place.config(`${head}${plan.stdout.replace("tables:", 'tables:\n  "sample_analytics/*": {}')}`);
  const load = await place.run(["load"]);
  expect(load, load.stdout + load.stderr).toMatchObject({ exit: 0 });
  const { rows } = await place.client.query(
    `select count(*)::int as n, array_agg(distinct pg_typeof(tier_and_details)::text) as tier,
            array_agg(distinct jsonb_typeof(accounts -> 0)) as account,
            count(*) filter (where tier_and_details::text ~ '[$]')::int as wrapped
     from shop.customers`,
  );
  expect(rows).toEqual([{ n: 500, tier: ["jsonb"], account: ["number"], wrapped: 0 }]);
  const rejects = await place.client.query("select from drayage.rejects");
  expect(rejects.rows).toEqual([]);
});
