/** TLS against a real server with a private CA: who is talked to is checked, and what is refused says how it is mended. */
import { chmodSync, chownSync, mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import pg from "pg";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { loadConfig } from "../../src/config/load-config.ts";
import { type PostgresServer, startPostgres } from "../../src/demo/postgres-server.ts";
import { Session } from "../../src/warehouse/session.ts";
import { hasOpenssl, makeAuthority, makeCertificate } from "../support/certificates.ts";

describe.skipIf(!hasOpenssl)("a server with a private CA", () => {
  let server: PostgresServer;
  let dir: string;
  let client: pg.Client;

  beforeAll(async () => {
    server = await startPostgres({ durable: false });
    dir = mkdtempSync(join(tmpdir(), "drayage-tls-"));
    makeAuthority(dir, "ca");
    makeAuthority(dir, "other");
    // The server reads its own files: a key that others could read it refuses.
    const { uid, gid } = statSync(server.dir);
    for (const [name, names] of [
      ["by-name", "DNS:localhost"],
      ["by-address", "IP:127.0.0.1"],
      ["elsewhere", "DNS:db.acme.example"],
    ] as const) {
      makeCertificate(server.dir, name, join(dir, "ca"), names);
      chmodSync(join(server.dir, `${name}.key`), 0o600);
      for (const end of ["key", "crt"]) chownSync(join(server.dir, `${name}.${end}`), uid, gid);
    }
    client = new pg.Client({ connectionString: server.url });
    await client.connect();
  });

  afterAll(async () => {
    await client.end();
    await server.stop();
    rmSync(dir, { recursive: true, force: true });
  });

  async function serve(certificate: string): Promise<void> {
    await client.query(`alter system set ssl_cert_file = '${join(server.dir, certificate)}.crt'`);
    await client.query(`alter system set ssl_key_file = '${join(server.dir, certificate)}.key'`);
    await client.query("alter system set ssl = on");
    await client.query("select pg_reload_conf()");
    // Sessions take the new settings over when they are idle.
    for (let left = 50; left > 0; left--) {
      const { rows } = await client.query("select current_setting('ssl') || current_setting('ssl_cert_file') as now");
      if (rows[0]?.now === `on${join(server.dir, certificate)}.crt`) return;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    throw new Error("the server did not take the certificate");
  }

  /** What the connection is: `TLSv1.3`, `none`, or the error as `CODE: message`. */
  async function connect(host: string, settings: string): Promise<string> {
    const url = new URL(server.url);
    url.hostname = host;
    const yaml = `source: {url: "s3://lake"}\nwarehouse: {url: "${url.href}"${settings}}\ntables: {a/b: {}}\n`;
    const config = loadConfig({ file: join(dir, "drayage.yaml"), env: {}, readFile: reader(yaml) });
    try {
      const session = await Session.connect(config.warehouse, "test", "UTC");
      try {
        const { tls } = await session.one<{ tls: string }>(
          "select coalesce((select version from pg_stat_ssl where pid = pg_backend_pid() and ssl), 'none') as tls",
        );
        return tls;
      } finally {
        await session.close();
      }
    } catch (error) {
      const { code, message, next } = error as { code?: string; message: string; next?: string };
      return `${code}: ${message} -> ${next}`;
    }
  }

  const ca = ", tls: verify-full, ca: ca.crt";

  test("verify-full: the name of the URL and the CA of the config", async () => {
    await serve("by-name");
    expect(await connect("localhost", ca)).toMatch(/^TLSv1\.[23]$/);
    // The certificate names localhost, which is not what was asked for.
    expect(await connect("127.0.0.1", ca)).toMatch(/^WAREHOUSE_TLS: .*ERR_TLS_CERT_ALTNAME_INVALID.*warehouse\.url/);
    await serve("by-address");
    expect(await connect("127.0.0.1", ca)).toMatch(/^TLSv1\.[23]$/);
    await serve("elsewhere");
    expect(await connect("localhost", ca)).toMatch(/^WAREHOUSE_TLS: .*is made for another name .*no alias/);
  });

  test("a CA that did not sign it, none at all, and a file that is not there", async () => {
    await serve("by-name");
    const refused =
      /^WAREHOUSE_TLS: Could not connect .*(UNABLE_TO_VERIFY|SELF_SIGNED|UNABLE_TO_GET_ISSUER|CERT_).* -> Set warehouse\.ca/;
    expect(await connect("localhost", ", tls: verify-full, ca: other.crt")).toMatch(refused);
    expect(await connect("localhost", ", tls: verify-full")).toMatch(refused);
    expect(await connect("localhost", ", tls: verify-full, ca: gone.crt")).toMatch(/^WAREHOUSE_TLS: The CA file/);
  });

  test("require encrypts without a question, off does not encrypt", async () => {
    await serve("elsewhere");
    expect(await connect("localhost", ", tls: require")).toMatch(/^TLSv1/);
    expect(await connect("localhost", ", tls: off")).toBe("none");
  });

  test("a server without TLS is refused where TLS is wanted", async () => {
    await client.query("alter system set ssl = off");
    await client.query("select pg_reload_conf()");
    await new Promise((resolve) => setTimeout(resolve, 200));
    expect(await connect("localhost", ca)).toMatch(/^WAREHOUSE_TLS: .*the server offers no TLS -> Turn TLS on/);
  });

  function reader(yaml: string): (path: string) => string {
    return (path) => {
      if (path.endsWith("drayage.yaml")) return yaml;
      throw Object.assign(new Error("not there"), { code: "ENOENT" });
    };
  }
});
