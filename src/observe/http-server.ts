/** Health and metrics over HTTP: GET alone, and to strangers only what the token opens. */
import { createHash, timingSafeEqual } from "node:crypto";
import { once } from "node:events";
import type { Server } from "node:http";
import type { AddressInfo } from "node:net";
import { createAdaptorServer } from "@hono/node-server";
import { Hono } from "hono";
import { DrayageError } from "../errors.ts";

export interface Readiness {
  readonly ready: boolean;
  /** Why not, in a sentence. */
  readonly reason?: string | undefined;
  readonly code?: string | undefined;
}

export interface HttpSettings {
  /** 0: any that is free. */
  readonly port: number;
  readonly bind: string;
  readonly token: string | undefined;
  readonly ready: () => Promise<Readiness>;
  readonly metrics: () => Promise<string>;
  readonly metricsType: string;
}

export interface HttpServer {
  readonly port: number;
  /** Ends connections too: a scraper that keeps its own open would hold the process. */
  close(): Promise<void>;
}

/** Resolves when it listens. Throws DrayageError HTTP_LISTEN. */
export async function startHttp(settings: HttpSettings): Promise<HttpServer> {
  const server = createAdaptorServer({
    fetch: routes(settings).fetch,
    // The AWS SDK and fetch go on using Node's own.
    overrideGlobalObjects: false,
    serverOptions: { headersTimeout: 5_000, requestTimeout: 10_000, maxHeaderSize: 8_192 },
  }) as Server;
  server.listen(settings.port, settings.bind);
  try {
    await once(server, "listening");
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    throw new DrayageError("HTTP_LISTEN", {
      message: `Port ${settings.port} of ${settings.bind} cannot be listened on (${code ?? "unknown"})`,
      cause,
    });
  }
  return {
    port: (server.address() as AddressInfo).port,
    async close() {
      const closed = once(server, "close");
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}

function routes(settings: HttpSettings): Hono {
  const app = new Hono();
  app.use(async (context, next) => {
    if (context.req.method !== "GET") return context.text("GET alone\n", 405, { Allow: "GET" });
    // That the process lives is no secret, and the probes of most platforms can send no token.
    const open = settings.token === undefined || context.req.path === "/healthz";
    if (!open && !isToken(context.req.header("authorization"), settings.token))
      return context.text("A bearer token is needed\n", 401, { "WWW-Authenticate": "Bearer" });
    await next();
    context.header("Cache-Control", "no-store");
    return undefined;
  });
  app.get("/healthz", (context) => context.json({ format: 1, alive: true }));
  app.get("/readyz", async (context) => {
    const readiness = await settings.ready();
    return context.json({ format: 1, ...readiness }, readiness.ready ? 200 : 503);
  });
  app.get("/metrics", async (context) =>
    context.body(await settings.metrics(), 200, { "Content-Type": settings.metricsType }),
  );
  app.notFound((context) => context.text("There are /healthz, /readyz and /metrics\n", 404));
  // What was thrown may name hosts; the log has it, a caller does not need it.
  app.onError((_, context) => context.text("failed\n", 500));
  return app;
}

/** In the same time for every guess: digests are compared, so that not even the length shows. */
function isToken(header: string | undefined, token: string): boolean {
  const given = /^bearer +(\S+)$/i.exec(header ?? "")?.[1];
  const digest = (text: string) => createHash("sha256").update(text).digest();
  return given !== undefined && timingSafeEqual(digest(given), digest(token));
}
