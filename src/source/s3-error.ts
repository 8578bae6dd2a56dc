/** What a failed S3 request means: an SDK error by its name, HTTP status and errno, as one of the program's own. */
import { DrayageError, type ErrorCode, type ErrorDetails, errorCodes } from "../errors.ts";

/** The parts of an SDK error that are read. Its message and its other fields may hold keys, tokens and signed headers. */
interface SdkError extends Error {
  readonly code?: unknown;
  readonly $metadata?: { readonly httpStatusCode?: number; readonly requestId?: string };
}

const byName: ReadonlyMap<string, ErrorCode> = new Map([
  ["CredentialsProviderError", "S3_CREDENTIALS"],
  ["TokenProviderError", "S3_CREDENTIALS"],
  ["InvalidAccessKeyId", "S3_CREDENTIALS"],
  ["SignatureDoesNotMatch", "S3_CREDENTIALS"],
  ["ExpiredToken", "S3_CREDENTIALS"],
  ["ExpiredTokenException", "S3_CREDENTIALS"],
  ["InvalidToken", "S3_CREDENTIALS"],
  ["TokenRefreshRequired", "S3_CREDENTIALS"],
  ["NoSuchBucket", "S3_BUCKET_MISSING"],
  ["InvalidBucketName", "S3_BUCKET_MISSING"],
  ["PermanentRedirect", "S3_BUCKET_MISSING"],
  ["AuthorizationHeaderMalformed", "S3_BUCKET_MISSING"],
  ["IllegalLocationConstraintException", "S3_BUCKET_MISSING"],
  ["NoSuchKey", "OBJECT_GONE"],
  ["PreconditionFailed", "OBJECT_CHANGED"],
  ["InvalidRange", "OBJECT_CHANGED"],
  ["InvalidObjectState", "OBJECT_ARCHIVED"],
  ["TimeoutError", "S3_UNREACHABLE"],
]);

const elsewhere = ["PermanentRedirect", "AuthorizationHeaderMalformed", "IllegalLocationConstraintException"];

/** `key`: the object that was asked for; without it the bucket was listed. An AbortError stays itself. */
export function s3Error(error: unknown, bucket: string, key?: string): unknown {
  if (!(error instanceof Error) || error instanceof DrayageError || error.name === "AbortError") return error;
  const failed: SdkError = error;
  const code = codeOf(failed, key !== undefined);
  const evidence = evidenceOf(failed);
  const details: ErrorDetails = {
    message: `${summaryOf(failed, code, bucket)}${evidence === "" ? "" : ` (${evidence})`}`,
    cause: strippedCause(failed, evidence),
    ...(key === undefined ? {} : { place: { object: key } }),
    ...(failed.name === "RequestTimeTooSkewed" ? { next: "Set this machine's clock." } : {}),
  };
  return new DrayageError(code, details);
}

function codeOf(error: SdkError, ofObject: boolean): ErrorCode {
  const named = byName.get(error.name);
  if (named !== undefined) return named;
  const status = error.$metadata?.httpStatusCode;
  // A clock that is wrong is answered with 403 too, and no grant mends it.
  if (error.name === "RequestTimeTooSkewed") return "S3_FAILED";
  if (status === 403 || status === 401) return "S3_ACCESS_DENIED";
  if (status === 404) return ofObject ? "OBJECT_GONE" : "S3_BUCKET_MISSING";
  if (status === 301 || status === 307) return "S3_BUCKET_MISSING";
  if (status === 412 || status === 416) return "OBJECT_CHANGED";
  // An errno (ECONNREFUSED, ENOTFOUND, CERT_HAS_EXPIRED...) without an answer: the network, a name, a certificate.
  if (status === undefined && typeof error.code === "string") return "S3_UNREACHABLE";
  return "S3_FAILED";
}

function summaryOf(error: SdkError, code: ErrorCode, bucket: string): string {
  if (elsewhere.includes(error.name) || error.$metadata?.httpStatusCode === 301) {
    return `The bucket ${bucket} is in another region`;
  }
  if (code === "S3_BUCKET_MISSING") return `The bucket ${bucket} does not exist`;
  return errorCodes[code].summary;
}

function evidenceOf(error: SdkError): string {
  const status = error.$metadata?.httpStatusCode;
  const requestId = error.$metadata?.requestId;
  return [
    error.name === "Error" ? "" : error.name,
    typeof error.code === "string" ? error.code : "",
    status === undefined ? "" : `HTTP ${status}`,
    requestId === undefined ? "" : `request ${requestId}`,
  ]
    .filter((part) => part !== "")
    .join(", ");
}

/** The stack only: SignatureDoesNotMatch, for one, carries the request with its session token. */
function strippedCause(error: SdkError, evidence: string): Error {
  const cause = new Error(evidence);
  cause.name = error.name;
  const frames = error.stack?.split("\n").filter((line) => /^\s+at /.test(line));
  cause.stack = [`${error.name}: ${evidence}`, ...(frames ?? [])].join("\n");
  return cause;
}
