/** The source that source.url names. */
import type { SourceConfig } from "../config/config.ts";
import { DrayageError } from "../errors.ts";
import { createFileSource } from "./file-source.ts";
import type { ObjectSource } from "./object-source.ts";

/** `env` gives AWS settings. Requests nothing yet. Throws CONFIG_INVALID for a scheme other than s3 and file. */
export async function openSource(
  config: Pick<SourceConfig, "url" | "region" | "endpoint">,
  env: Readonly<Record<string, string | undefined>>,
): Promise<ObjectSource> {
  if (config.url.startsWith("file:")) return createFileSource(config.url);
  if (config.url.startsWith("s3:")) {
    // Only here: the SDK takes a good part of a second to load.
    const { createS3Source } = await import("./s3-source.ts");
    return createS3Source(config, env);
  }
  throw new DrayageError("CONFIG_INVALID", { message: "source.url is neither s3://bucket/prefix nor file:///dir" });
}
