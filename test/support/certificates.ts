/** Certificates of a test: an authority of its own, and what it signs. Made by openssl, where there is one. */
import { execFileSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";

export const hasOpenssl = canRun();

function canRun(): boolean {
  try {
    execFileSync("openssl", ["version"], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
}

function openssl(...args: string[]): void {
  execFileSync("openssl", args, { stdio: ["ignore", "ignore", "pipe"] });
}

const key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"];

/** `NAME.crt` and `NAME.key` in the directory. */
export function makeAuthority(dir: string, name: string): void {
  const files = ["-keyout", join(dir, `${name}.key`), "-out", join(dir, `${name}.crt`)];
  openssl("req", "-x509", ...key, ...files, "-days", "2", "-subj", `/CN=${name} of a test`);
}

/** A server's certificate; `authority`: its path without `.crt`; `names` as openssl writes them: `DNS:localhost`, `IP:127.0.0.1`. */
export function makeCertificate(dir: string, name: string, authority: string, names: string): void {
  const request = join(dir, `${name}.csr`);
  const extensions = join(dir, `${name}.ext`);
  writeFileSync(extensions, `subjectAltName=${names}\n`);
  openssl("req", ...key, "-keyout", join(dir, `${name}.key`), "-out", request, "-subj", "/CN=a server of a test");
  const signer = ["-CA", `${authority}.crt`, "-CAkey", `${authority}.key`, "-CAcreateserial"];
  openssl(
    "x509",
    "-req",
    "-in",
    request,
    ...signer,
    "-days",
    "2",
    "-extfile",
    extensions,
    "-out",
    join(dir, `${name}.crt`),
  );
}
