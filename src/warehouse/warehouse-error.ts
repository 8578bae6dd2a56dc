/** Turns what pg and the network report into the program's own errors: by SQLSTATE and errno, never by message text. */
import { DrayageError, type ErrorCode, type Place } from "../errors.ts";

/** The fields of a server error that hold no cell value. */
export interface ServerFault {
  readonly sqlstate: string;
  readonly column: string | undefined;
  readonly constraint: string | undefined;
  readonly relation: string | undefined;
}

/** The server's error inside whatever was thrown, or undefined when the server said nothing. */
export function serverFault(error: unknown): ServerFault | undefined {
  for (let e = error; e instanceof Error; e = e.cause) {
    const fields = e as Error & Partial<Record<"code" | "severity" | "column" | "constraint" | "table", string>>;
    if (typeof fields.code === "string" && /^[0-9A-Z]{5}$/.test(fields.code) && fields.severity !== undefined) {
      return {
        sqlstate: fields.code,
        column: fields.column,
        constraint: fields.constraint,
        relation: fields.table,
      };
    }
  }
  return undefined;
}

/** SQLSTATEs after which the merge transaction alone is repeated, from what is staged. */
export const repeatableStates: ReadonlySet<string> = new Set(["40001", "40P01", "55P03"]);

/** Whether the session is gone, with or without an answer to its last statement. */
export function isConnectionLost(error: unknown): boolean {
  if (error instanceof DrayageError) return error.code === "WAREHOUSE_LOST" || error.code === "WAREHOUSE_UNREACHABLE";
  const state = serverFault(error)?.sqlstate;
  if (state !== undefined) return state.startsWith("57P") || state.startsWith("08") || state === "25P03";
  return (
    error instanceof Error &&
    (networkErrno(error) !== undefined || /^Connection terminated|not queryable/.test(error.message))
  );
}

/** Whether a failed statement says something about the records in it, rather than about the server. */
export function isRecordFault(error: unknown): boolean {
  const state = serverFault(error)?.sqlstate;
  if (state === undefined) return false;
  // The same SQLSTATE as a missing privilege; the server's own function tells them apart in every language.
  if (state === "42501") return routineOf(error) === "ExecWithCheckOptions";
  if (state === "25006") return false;
  // 22 data, 23 constraints, 54 row too big, 42 functions of a type that raise, P0 raised by a trigger, 2F, 38, 39 by functions.
  return (
    ["22", "23", "54", "P0", "2F", "38", "39", "DR", "44", "27", "09"].includes(state.slice(0, 2)) || state === "428C9"
  );
}

function routineOf(error: unknown): string | undefined {
  for (let e = error; e instanceof Error; e = e.cause) {
    const { routine } = e as Error & { routine?: unknown };
    if (typeof routine === "string") return routine;
  }
  return undefined;
}

const byState: Readonly<Record<string, ErrorCode>> = {
  "28P01": "WAREHOUSE_PASSWORD",
  "28000": "WAREHOUSE_PASSWORD",
  "3D000": "WAREHOUSE_DATABASE_MISSING",
  "42501": "WAREHOUSE_PRIVILEGE",
  "25006": "WAREHOUSE_READ_ONLY",
  "55P03": "WAREHOUSE_LOCKED",
  "40P01": "WAREHOUSE_LOCKED",
  "40001": "WAREHOUSE_LOCKED",
  "53300": "WAREHOUSE_UNREACHABLE",
  "53100": "WAREHOUSE_DISK_FULL",
  "53200": "WAREHOUSE_DISK_FULL",
  "57P03": "WAREHOUSE_UNREACHABLE",
};

const unreachableErrnos = new Set([
  "ECONNREFUSED",
  "ENOTFOUND",
  "EHOSTUNREACH",
  "ENETUNREACH",
  "EAI_AGAIN",
  "ETIMEDOUT",
  "ENOENT",
]);
const lostErrnos = new Set(["ECONNRESET", "EPIPE"]);
const tlsErrnos = /^(ERR_TLS|ERR_SSL|CERT_|DEPTH_ZERO|SELF_SIGNED|UNABLE_TO_|ERR_OSSL)/;

function networkErrno(error: Error): string | undefined {
  const inner = error instanceof AggregateError && error.errors[0] instanceof Error ? error.errors[0] : error;
  const code = (inner as NodeJS.ErrnoException).code;
  return typeof code === "string" && (unreachableErrnos.has(code) || lostErrnos.has(code)) ? code : undefined;
}

/**
 * The DrayageError for anything that a session threw. The server's own message stays in `cause` alone: it may carry cell
 * values. `doing` says what was tried: "connect to db.internal:5432", "create the state schema".
 */
export function warehouseError(error: unknown, doing: string, place: Place = {}): DrayageError {
  if (error instanceof DrayageError) return error;
  const fault = serverFault(error);
  if (fault !== undefined) {
    const code = byState[fault.sqlstate] ?? (isConnectionLost(error) ? "WAREHOUSE_LOST" : "WAREHOUSE_FAILED");
    const names = [
      fault.relation === undefined ? "" : `, table ${fault.relation}`,
      fault.column === undefined ? "" : `, column ${fault.column}`,
      fault.constraint === undefined ? "" : `, constraint ${fault.constraint}`,
    ].join("");
    const said = code === "WAREHOUSE_PRIVILEGE" ? privilegeSubject(error) : "";
    return new DrayageError(code, {
      message: `Could not ${doing}: ${summaryOf(code)} (SQLSTATE ${fault.sqlstate}${names})${said}`,
      place,
      cause: error,
    });
  }
  if (error instanceof Error) {
    const inner = error instanceof AggregateError && error.errors[0] instanceof Error ? error.errors[0] : error;
    const errno = (inner as NodeJS.ErrnoException).code ?? "";
    if (tlsErrnos.test(errno) || error.message === "The server does not support SSL connections") {
      return new DrayageError("WAREHOUSE_TLS", {
        message: `Could not ${doing}: ${tlsText(errno)}`,
        place,
        ...(tlsNexts[errno] === undefined ? {} : { next: tlsNexts[errno] }),
        cause: error,
      });
    }
    if (unreachableErrnos.has(errno) || error.message === "timeout expired") {
      return new DrayageError("WAREHOUSE_UNREACHABLE", {
        message: `Could not ${doing} (${errno || "no answer in time"})`,
        place,
        cause: error,
      });
    }
    if (isConnectionLost(error))
      return new DrayageError("WAREHOUSE_LOST", {
        message: `Could not ${doing}: the connection broke`,
        place,
        cause: error,
      });
  }
  return new DrayageError("INTERNAL", { message: `Could not ${doing}`, place, cause: error });
}

function tlsText(errno: string): string {
  if (errno === "") return "the server offers no TLS";
  return errno === "ERR_TLS_CERT_ALTNAME_INVALID" ? `the certificate is made for another name (${errno})` : errno;
}

/** By errno; "" is a server without TLS. Else it is the CA. */
const tlsNexts: Readonly<Record<string, string>> = {
  "": "Turn TLS on at the server, or set warehouse.tls: off where the way there is safe.",
  ERR_TLS_CERT_ALTNAME_INVALID:
    "Put the name that the certificate is made for into warehouse.url (RDS: the cluster's own endpoint, no alias and no address).",
  CERT_HAS_EXPIRED: "Renew the server's certificate; or set this machine's clock, if it is wrong.",
  CERT_NOT_YET_VALID: "Set this machine's clock.",
};

/** "permission denied for table x" names an object, never a cell: the one server message that is worth repeating. */
function privilegeSubject(error: unknown): string {
  return error instanceof Error && /^[a-z ]+ for [a-z ]+ \S+$/i.test(error.message) ? `: ${error.message}` : "";
}

function summaryOf(code: ErrorCode): string {
  const said: Partial<Record<ErrorCode, string>> = {
    WAREHOUSE_PASSWORD: "the user or the password was refused",
    WAREHOUSE_DATABASE_MISSING: "the database does not exist",
    WAREHOUSE_PRIVILEGE: "the role lacks a privilege",
    WAREHOUSE_READ_ONLY: "the server accepts no writes",
    WAREHOUSE_LOCKED: "a lock was not had in time",
    WAREHOUSE_DISK_FULL: "the server ran out of disk or memory",
    WAREHOUSE_UNREACHABLE: "the server takes no connections now",
    WAREHOUSE_LOST: "the connection broke",
  };
  return said[code] ?? "the server refused a statement";
}
