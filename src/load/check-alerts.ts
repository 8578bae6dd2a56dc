/** Whether somebody would hear of it: the webhook, tried on request, and the heartbeat whose silence tells that nothing runs. */
import type { Config } from "../config/config.ts";
import { callWebhook } from "../observe/webhook.ts";
import { type Finding, good, note } from "./finding.ts";

/** What a test alert needs to be told from others. */
export interface TestAlert {
  readonly newId: () => string;
  readonly now: Date;
}

const timeoutMs = 10_000;

export async function checkAlerts({ alerts, source }: Config, test: TestAlert | undefined): Promise<Finding[]> {
  const found: Finding[] = [];
  if (alerts.webhook !== undefined && test === undefined)
    found.push(good("alerts", "A webhook is set; --send-test-alert tries it"));
  else if (alerts.webhook !== undefined && test !== undefined)
    found.push(await sendTest(alerts.webhook, source.url, test));
  else if (test !== undefined)
    found.push(note("alerts", "There is no alerts.webhook to send a test to", "Set alerts.webhook."));
  found.push(
    alerts.heartbeat === undefined
      ? note(
          "heartbeat",
          "None is set: nobody is told when the loads themselves stop",
          "Set alerts.heartbeat to the URL of a dead man's switch.",
        )
      : good("heartbeat", "Called after every good run of the whole source"),
  );
  return found;
}

async function sendTest(url: string, source: string, { newId, now }: TestAlert): Promise<Finding> {
  const text = `drayage test: this is how an alert arrives\n${source}\nNext: nothing to do`;
  const drayage = {
    format: 1,
    event: "test",
    event_id: newId(),
    at: now.toISOString(),
    source,
    count: 0,
    subjects: [],
  };
  const failure = await callWebhook({ url, body: { text, drayage }, timeoutMs });
  return failure === undefined
    ? good("alerts", "A test alert was posted to alerts.webhook and taken")
    : {
        check: "alerts",
        level: "bad",
        text: `The test alert ${failure}`,
        fix: "Check alerts.webhook, and the network from this machine.",
      };
}
