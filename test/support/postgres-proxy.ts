/** A TCP proxy before PostgreSQL that reads what the client sends, and breaks or holds the connection where it is told to. */
import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";

/** A message of the frontend protocol, without the startup packet. */
export interface FrontendMessage {
  /** From 1, in the order of connecting. */
  readonly connection: number;
  /** `Q` simple query, `P` parse, `S` sync, `d` COPY's bytes, ... */
  readonly type: string;
  /** Of `Q` and `P`; of the others the connection's last one. */
  readonly sql: string;
}

export type Verdict =
  | "pass"
  /** The server never gets it; both ends are closed. */
  | "drop"
  /** The server gets it, the client's connection is closed before the answer comes. */
  | "cut"
  /** The client's connection is closed at once, the server gets the message half a second later: it was still at work. */
  | "cut, late";

export interface PostgresProxy {
  readonly url: string;
  stop(): Promise<void>;
}

const lateMs = 500;

/** `decide` sees each message before the server does; while its promise is open, the connection is held. */
export async function startPostgresProxy(
  upstream: string,
  decide: (message: FrontendMessage) => Verdict | Promise<Verdict>,
): Promise<PostgresProxy> {
  const target = new URL(upstream);
  const sockets = new Set<Socket>();
  let connections = 0;
  const server = createServer((client) => {
    const backend = connect(Number(target.port), target.hostname);
    for (const socket of [client, backend]) {
      sockets.add(socket);
      socket.setNoDelay(true);
      socket.on("error", () => undefined);
      socket.on("close", () => sockets.delete(socket));
    }
    backend.on("data", (bytes) => client.write(bytes));
    backend.on("close", () => client.destroy());
    connections += 1;
    void pump(client, backend, connections, decide);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const url = new URL(upstream);
  url.hostname = "127.0.0.1";
  url.port = String((server.address() as AddressInfo).port);
  return {
    url: url.href,
    async stop() {
      const closed = once(server, "close");
      server.close();
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  };
}

async function pump(
  client: Socket,
  backend: Socket,
  connection: number,
  decide: (message: FrontendMessage) => Verdict | Promise<Verdict>,
): Promise<void> {
  const statement = { sql: "" };
  try {
    for await (const bytes of messages(client)) {
      const message = describe(bytes, connection, statement);
      const verdict = message === undefined ? "pass" : await decide(message);
      if (verdict === "pass") {
        if (!backend.write(bytes)) await Promise.race([once(backend, "drain"), once(backend, "close")]);
        continue;
      }
      // What the server still answers must not reach the client any more.
      client.destroy();
      if (verdict === "cut, late") await sleep(lateMs);
      if (verdict === "drop") backend.destroy();
      else backend.end(bytes);
      return;
    }
    backend.end();
  } catch {
    // The client was killed: the server learns it as it would from the network.
    backend.end();
  }
}

/** Whole messages, the startup packet (which has no type) first. */
async function* messages(client: Socket): AsyncGenerator<Buffer> {
  let pending: Buffer = Buffer.alloc(0);
  let started = false;
  for await (const chunk of client as AsyncIterable<Buffer>) {
    pending = pending.length === 0 ? chunk : Buffer.concat([pending, chunk]);
    for (;;) {
      const at = started ? 1 : 0;
      if (pending.length < at + 4) break;
      const length = at + pending.readInt32BE(at);
      if (pending.length < length) break;
      const message = pending.subarray(0, length);
      pending = pending.subarray(length);
      started = true;
      yield message;
    }
  }
}

function describe(bytes: Buffer, connection: number, statement: { sql: string }): FrontendMessage | undefined {
  const type = String.fromCharCode(bytes[0] ?? 0);
  // The startup packet begins with its length, of which the first byte is zero.
  if (type === "\0") return undefined;
  if (type === "Q") statement.sql = bytes.toString("utf8", 5, bytes.length - 1);
  else if (type === "P") {
    const name = bytes.indexOf(0, 5);
    statement.sql = bytes.toString("utf8", name + 1, bytes.indexOf(0, name + 1));
  }
  return { connection, type, sql: statement.sql };
}

/** Tells the COMMIT of a merge transaction from the others: it is the one after the fence. */
export function mergeCommits(): (message: FrontendMessage) => boolean {
  const fenced = new Set<number>();
  return ({ connection, type, sql }) => {
    if (type === "Q" && sql.startsWith("begin")) fenced.delete(connection);
    if (type === "P" && isFence(sql)) fenced.add(connection);
    return type === "Q" && sql === "commit" && fenced.has(connection);
  };
}

export function isFence(sql: string): boolean {
  return sql.includes("load_history") && sql.trimEnd().endsWith("for update");
}
