/** An HTTP server of this process that keeps what it was called with: where alerts and heartbeats go. */
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";

export interface HookCall {
  /** By performance.now(). */
  readonly at: number;
  readonly method: string;
  readonly path: string;
  readonly body: HookBody | undefined;
}

export interface HookBody {
  readonly text: string;
  readonly drayage: {
    readonly format: number;
    readonly event: string;
    readonly event_id: string;
    readonly cause?: string;
    readonly code?: string;
    readonly count: number;
    readonly subjects: readonly Readonly<Record<string, string>>[];
    readonly [name: string]: unknown;
  };
}

export interface HookServer {
  /** Without a path. */
  readonly url: string;
  readonly calls: HookCall[];
  /** Of the calls with a body, in short: `raised failed NOT_CSV 2`. */
  told(): string[];
  /** The HTTP status of the answers to come; `silent`: none comes. */
  answer: number | "silent";
  /** Before each answer. */
  delayMs: number;
  close(): Promise<void>;
}

export async function startHooks(): Promise<HookServer> {
  const calls: HookCall[] = [];
  const server = createServer((request, response) => {
    let text = "";
    request.on("data", (chunk: Buffer) => {
      text += chunk.toString("utf8");
    });
    request.on("end", () => {
      const body = text === "" ? undefined : (JSON.parse(text) as HookBody);
      calls.push({ at: performance.now(), method: request.method ?? "", path: request.url ?? "", body });
      const { answer } = hooks;
      if (answer !== "silent") setTimeout(() => response.writeHead(answer).end(), hooks.delayMs);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const hooks: HookServer = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    calls,
    told: () =>
      calls.flatMap(({ body }) => {
        if (body === undefined) return [];
        const { event, cause, code, count } = body.drayage;
        return [[event, cause, code, count].filter((part) => part !== undefined).join(" ")];
      }),
    answer: 200,
    delayMs: 0,
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
  return hooks;
}
