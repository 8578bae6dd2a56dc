/** What a connection signs in with: a password, an IAM token, or a secret of AWS. Asked for anew by each connection: all of them expire. */
import type { AwsConfig } from "../config/config.ts";
import { DrayageError } from "../errors.ts";

export interface SignIn {
  readonly password: string;
  /** undefined: as configured. */
  readonly user?: string | undefined;
}

/** Where the connection goes, as far as the config knows it. */
export interface Door {
  readonly host: string;
  readonly port: number;
  readonly user: string | undefined;
}

/** A token that RDS and Aurora take for a password during 15 minutes; signed here, without a request. */
export async function iamToken(door: Door, aws: AwsConfig): Promise<SignIn> {
  const region = /\.([a-z]{2}(?:-[a-z]+)+-\d)\.rds\.amazonaws\.com(?:\.cn)?$/.exec(door.host)?.[1] ?? aws.region;
  if (door.user === undefined)
    throw refused("auth: iam needs a user", "Set warehouse.user, or name one in warehouse.url.");
  if (region === undefined)
    throw refused(
      "auth: iam needs the region of the database",
      "Set AWS_REGION, or use the cluster's own endpoint name.",
    );
  const { Signer } = await import("@aws-sdk/rds-signer");
  const signer = new Signer({ hostname: door.host, port: door.port, username: door.user, region, ...aws.keys });
  try {
    // With its user: a password that stands in the url is not the one that is meant.
    return { password: await signer.getAuthToken(), user: door.user };
  } catch (cause) {
    throw refused("No IAM token could be signed: no usable AWS credentials", undefined, cause);
  }
}

/** A secret as RDS keeps them: JSON with `username` and `password`; one that is no JSON is the password itself. */
export async function readSecret(arn: string, aws: AwsConfig): Promise<SignIn> {
  const region = /^arn:[^:]+:secretsmanager:([^:]+):/.exec(arn)?.[1] ?? aws.region;
  if (region === undefined) throw refused("warehouse.secret needs a region", "Give its whole ARN, or set AWS_REGION.");
  const { SecretsManagerClient, GetSecretValueCommand } = await import("@aws-sdk/client-secrets-manager");
  const client = new SecretsManagerClient({
    region,
    maxAttempts: 3,
    ...aws.keys,
    ...(aws.secretsEndpoint === undefined ? {} : { endpoint: aws.secretsEndpoint }),
  });
  try {
    const { SecretString } = await client.send(new GetSecretValueCommand({ SecretId: arn }));
    return signInOf(SecretString ?? "");
  } catch (cause) {
    if (cause instanceof DrayageError) throw cause;
    // Names of the SDK's errors only: what they say may hold the secret's name and more.
    throw refused(`The secret cannot be read (${cause instanceof Error ? cause.name : "unknown"})`, undefined, cause);
  } finally {
    client.destroy();
  }
}

function signInOf(text: string): SignIn {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    value = text;
  }
  if (typeof value === "string" && value !== "") return { password: value };
  const { username, password } = (typeof value === "object" && value !== null ? value : {}) as Record<string, unknown>;
  if (typeof password !== "string" || password === "")
    throw refused("The secret holds no password", "It must be JSON with username and password, as RDS makes it.");
  return { password, user: typeof username === "string" && username !== "" ? username : undefined };
}

function refused(message: string, next: string | undefined, cause?: unknown): DrayageError {
  return new DrayageError("WAREHOUSE_SIGN_IN", { message, ...(next === undefined ? {} : { next }), cause });
}
