/** An HTTP server before another one that breaks the answers it is told to break, on real connections. */
import { once } from "node:events";
import { createServer, type IncomingMessage, type RequestListener, request, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

export type Fault =
  /** The upstream's answer, whole. */
  | { readonly kind: "pass" }
  /** RST after that many bytes of the body. */
  | { readonly kind: "reset"; readonly after: number }
  /** FIN after that many bytes, before the announced length. */
  | { readonly kind: "end"; readonly after: number }
  /** No byte more after that many, on an open connection. */
  | { readonly kind: "stall"; readonly after: number }
  /** This instead of the upstream's answer. */
  | {
      readonly kind: "answer";
      readonly status: number;
      readonly body?: string;
      readonly headers?: Record<string, string>;
    }
  /** The connection is closed without an answer. */
  | { readonly kind: "hang up" };

export interface SeenRequest {
  /** Path with its query. */
  readonly url: string;
  readonly range: string | undefined;
}

export interface FaultProxy {
  readonly url: string;
  /** Since the start or the last `forget`. */
  readonly seen: readonly SeenRequest[];
  /** One fault for each of the next requests, in order; then everything passes. */
  next(...faults: readonly Fault[]): void;
  /** For every request that no `next` covers. */
  always(fault: Fault): void;
  /** Drops faults and seen requests. */
  forget(): void;
  stop(): Promise<void>;
}

/** `upstream`: a URL without a path; not needed when every request is answered here. */
export async function startFaultProxy(upstream = "http://127.0.0.1:1"): Promise<FaultProxy> {
  const planned: Fault[] = [];
  const seen: SeenRequest[] = [];
  let otherwise: Fault = { kind: "pass" };
  const server = await listenLocally((req, res) => {
    seen.push({ url: req.url ?? "", range: req.headers.range });
    serve(upstream, planned.shift() ?? otherwise, req, res);
  });
  return {
    url: server.url,
    seen,
    next: (...faults) => void planned.push(...faults),
    always: (fault) => {
      otherwise = fault;
    },
    forget: () => {
      planned.length = 0;
      seen.length = 0;
      otherwise = { kind: "pass" };
    },
    stop: server.stop,
  };
}

export interface LocalServer {
  readonly url: string;
  stop(): Promise<void>;
}

/** On a free port of the loopback address; `stop` closes what is still connected. */
export async function listenLocally(listener: RequestListener): Promise<LocalServer> {
  const server = createServer(listener);
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    async stop() {
      const closed = once(server, "close");
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}

function serve(upstream: string, fault: Fault, req: IncomingMessage, res: ServerResponse): void {
  if (fault.kind === "hang up") {
    req.socket.destroy();
    return;
  }
  if (fault.kind === "answer") {
    req.resume();
    res.writeHead(fault.status, fault.headers).end(fault.body ?? "");
    return;
  }
  const forward = request(`${upstream}${req.url}`, { method: req.method, headers: req.headers }, (answer) => {
    res.writeHead(answer.statusCode ?? 502, answer.rawHeaders);
    if (fault.kind === "pass") answer.pipe(res);
    else breakOff(fault, answer, res);
  });
  forward.on("error", () => req.socket.destroy());
  // What the client gives up, the upstream need not send.
  res.on("close", () => forward.destroy());
  req.pipe(forward);
}

type Break = Exclude<Fault, { readonly kind: "pass" | "answer" | "hang up" }>;

function breakOff(fault: Break, answer: IncomingMessage, res: ServerResponse): void {
  const { socket } = res;
  res.flushHeaders();
  let left = fault.after;
  let broken = false;
  const finish = () => {
    if (broken) return;
    broken = true;
    answer.pause();
    if (fault.kind === "reset") socket?.resetAndDestroy();
    else if (fault.kind === "end") socket?.end();
  };
  answer.on("error", () => undefined);
  // A body that is shorter than `after` is whole; left open, it would hold up the connection's next request.
  answer.on("end", () => {
    if (left > 0) res.end();
  });
  answer.on("data", (chunk: Buffer) => {
    if (broken) return;
    const part = chunk.subarray(0, left);
    left -= part.length;
    // The write must reach the wire before the connection goes.
    res.write(part, () => {
      if (left === 0) setTimeout(finish, 5);
    });
    if (left === 0) answer.pause();
  });
}
