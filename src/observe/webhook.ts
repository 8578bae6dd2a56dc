/** One HTTP call to an address that may hold a secret: what went wrong is said in words that hold neither the address nor a message about it. */

export interface WebhookCall {
  readonly url: string;
  /** POSTed as JSON; undefined: a GET. */
  readonly body?: unknown;
  readonly timeoutMs: number;
  readonly signal?: AbortSignal | undefined;
}

/** undefined: answered with 2xx. Else what happened, as the end of a sentence. Never rejects. */
export async function callWebhook({ url, body, timeoutMs, signal }: WebhookCall): Promise<string | undefined> {
  const timeout = AbortSignal.timeout(timeoutMs);
  try {
    const response = await fetch(url, {
      ...(body === undefined ? { method: "GET" } : post(body)),
      signal: signal === undefined ? timeout : AbortSignal.any([signal, timeout]),
    });
    await response.body?.cancel();
    return response.ok ? undefined : `was answered with HTTP status ${response.status}`;
  } catch (error) {
    // The message of fetch may hold the address, and the address a secret.
    const cause = (error as Error).cause as NodeJS.ErrnoException | undefined;
    return `was not answered (${cause?.code ?? (error as Error).name})`;
  }
}

function post(body: unknown): RequestInit {
  return {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(body),
    // Followed, most redirects make a GET of a POST, and the page that answers it is taken for a delivery.
    redirect: "manual",
  };
}
