import { once } from "node:events";
import { createServer as createHttpServer } from "node:http";
import { type AddressInfo, createServer } from "node:net";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { WarehouseConfig } from "../../src/config/config.ts";
import { loadConfig } from "../../src/config/load-config.ts";
import { DrayageError } from "../../src/errors.ts";
import { Session } from "../../src/warehouse/session.ts";
import { type FreshDatabase, freshDatabase } from "../support/database.ts";

const keys = { AWS_ACCESS_KEY_ID: "AKIATEST", AWS_SECRET_ACCESS_KEY: "planted-secret", AWS_REGION: "eu-west-1" };
const arn = "arn:aws:secretsmanager:ap-south-1:123456789012:secret:lake-AbCdEf";
let database: FreshDatabase;
const role = `signer_${process.pid}`;

beforeAll(async () => {
  database = await freshDatabase();
  await database.client.query(`create role ${role} login password 'first'`);
});

afterAll(async () => {
  await database.client.query(`drop role ${role}`);
  await database.drop();
});

/** As the config file would say it; `env` stands for the .env beside it too. */
function warehouse(lines: string, env: Record<string, string> = {}): WarehouseConfig {
  const text = `source: { url: "file:///tmp" }\nwarehouse: ${lines}\ntables: { "a/b": {} }\n`;
  return loadConfig({
    file: "/nowhere/drayage.yaml",
    env,
    readFile: (path) => (path.endsWith(".yaml") ? text : missing()),
  }).warehouse;
}

function missing(): never {
  throw Object.assign(new Error("none"), { code: "ENOENT" });
}

/** The database's address without user and password. */
function address(): string {
  const url = new URL(database.url);
  url.username = "";
  url.password = "";
  return url.href;
}

async function userOf(config: WarehouseConfig): Promise<string> {
  const session = await Session.connect(config, "test", "UTC");
  try {
    return (await session.one<{ user: string }>("select current_user::text as user")).user;
  } finally {
    await session.close();
  }
}

async function faultOf(config: WarehouseConfig): Promise<DrayageError> {
  const error = await userOf(config).catch((error: unknown) => error);
  expect(error).toBeInstanceOf(DrayageError);
  return error as DrayageError;
}

test("PGPASSWORD is the password of a url that has none", async () => {
  const url = new URL(address());
  url.username = role;
  expect(await userOf(warehouse(`{ url: "${url.href}" }`, { PGPASSWORD: "first" }))).toBe(role);
  url.password = "wrong";
  expect((await faultOf(warehouse(`{ url: "${url.href}" }`, { PGPASSWORD: "first" }))).code).toBe("WAREHOUSE_PASSWORD");
});

test("a secret is read for each connection, so that a rotated one is no failure", async () => {
  const secret = { SecretString: JSON.stringify({ username: role, password: "first" }) };
  const asked: unknown[] = [];
  const server = createHttpServer((request, response) => {
    let body = "";
    request.on("data", (chunk: Buffer) => {
      body += chunk.toString();
    });
    request.on("end", () => {
      asked.push([
        request.headers["x-amz-target"],
        JSON.parse(body),
        /\/ap-south-1\//.test(request.headers.authorization ?? ""),
      ]);
      response.setHeader("Content-Type", "application/x-amz-json-1.1");
      response.end(JSON.stringify(secret));
    });
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const config = warehouse(`{ url: "${address()}", secret: "${arn}" }`, {
    ...keys,
    AWS_ENDPOINT_URL_SECRETS_MANAGER: endpoint,
  });
  try {
    expect(await userOf(config)).toBe(role);
    await database.client.query(`alter role ${role} password 'sec@nd/%'`);
    secret.SecretString = JSON.stringify({ username: role, password: "sec@nd/%" });
    expect(await userOf(config)).toBe(role);
    expect(asked).toEqual(Array(2).fill(["secretsmanager.GetSecretValue", { SecretId: arn }, true]));
    secret.SecretString = "{}";
    expect((await faultOf(config)).message).toBe("The secret holds no password");
  } finally {
    await database.client.query(`alter role ${role} password 'first'`);
    server.close();
  }
});

test("auth: iam signs a token for each connection, which RDS takes for a password", async () => {
  const server = await listenForPassword();
  try {
    const config = warehouse(
      `{ host: 127.0.0.1, port: ${server.port}, user: loader, database: lake, auth: iam }`,
      keys,
    );
    expect((await faultOf(config)).code).toBe("WAREHOUSE_PASSWORD");
    expect((await faultOf(config)).code).toBe("WAREHOUSE_PASSWORD");
    expect(server.passwords).toHaveLength(2);
    for (const token of server.passwords) {
      const url = new URL(`https://${token}`);
      expect(url.host).toBe(`127.0.0.1:${server.port}`);
      expect(url.searchParams.get("Action")).toBe("connect");
      expect(url.searchParams.get("DBUser")).toBe("loader");
      expect(url.searchParams.get("X-Amz-Credential")).toMatch(/^AKIATEST\/\d{8}\/eu-west-1\/rds-db\/aws4_request$/);
      expect(token).not.toContain("planted-secret");
    }
  } finally {
    await server.close();
  }
});

test("without a user, or a region, there is no token to sign", async () => {
  const { AWS_REGION: _, ...noRegion } = keys;
  const config = warehouse("{ host: db.internal, user: loader, database: lake, auth: iam }", noRegion);
  const fault = await faultOf(config);
  expect([fault.code, fault.message]).toEqual(["WAREHOUSE_SIGN_IN", "auth: iam needs the region of the database"]);
});

/** The first steps of a server that asks for a password in the clear, as RDS does inside TLS, and takes none: what it got is all we want. */
async function listenForPassword() {
  const passwords: string[] = [];
  const server = createServer((socket) => {
    socket.on("error", () => undefined);
    socket.once("data", () => {
      socket.write(Buffer.from([0x52, 0, 0, 0, 8, 0, 0, 0, 3]));
      socket.once("data", (message) => {
        passwords.push(message.toString("utf8", 5, message.length - 1));
        const fields = Buffer.from("SFATAL\0VFATAL\0C28P01\0Mno\0\0");
        const head = Buffer.from([0x45, 0, 0, 0, 4 + fields.length]);
        socket.end(Buffer.concat([head, fields]));
      });
    });
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    passwords,
    port: (server.address() as AddressInfo).port,
    close: async () => {
      server.close();
      await once(server, "close");
    },
  };
}
