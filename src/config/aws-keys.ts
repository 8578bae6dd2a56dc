/** Which AWS credentials the environment of the config names; what it does not name is found by the SDK's own chain. */
import type { Environment } from "./environment.ts";

/** As every client of the SDK takes it. Holds secrets: never logged. */
export interface AwsKeys {
  readonly profile?: string;
  readonly credentials?: {
    readonly accessKeyId: string;
    readonly secretAccessKey: string;
    readonly sessionToken?: string;
  };
}

/** Empty leaves it to the SDK: web identity, container, machine role, shared files. */
export function awsKeys(env: Environment): AwsKeys {
  if (env.AWS_PROFILE) return { profile: env.AWS_PROFILE };
  const { AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN } = env;
  if (!AWS_ACCESS_KEY_ID || !AWS_SECRET_ACCESS_KEY) return {};
  return {
    credentials: {
      accessKeyId: AWS_ACCESS_KEY_ID,
      secretAccessKey: AWS_SECRET_ACCESS_KEY,
      ...(AWS_SESSION_TOKEN ? { sessionToken: AWS_SESSION_TOKEN } : {}),
    },
  };
}

export function awsRegion(env: Environment): string | undefined {
  return env.AWS_REGION || env.AWS_DEFAULT_REGION || undefined;
}
