/** Makes the section of docs/state.md about an object's life from the table that the program uses. */
import {
  afterEvent,
  type LifeEvent,
  type LifeState,
  lifeEvents,
  lifeStates,
  type StateFacts,
  stateFacts,
} from "../src/warehouse/object-life.ts";

const begin = "<!-- Made by `npm run docs` from src/warehouse/object-life.ts. -->";
const end = "<!-- End. -->";

const loads: Readonly<Record<StateFacts["load"], string>> = {
  takes: "takes it",
  waits: "leaves it: it waits for somebody",
  held: "waits for that run, up to `lock_wait`",
  final: "does not read it",
};

/** The page with the section made anew. */
export function withLife(page: string): string {
  const [from, to] = [page.indexOf(begin), page.indexOf(end)];
  if (from < 0 || to < from) throw new Error("docs/state.md has lost the marks of its generated section");
  return `${page.slice(0, from)}${begin}\n\n${[statesTable(), eventsTable()].join("\n\n")}\n\n${page.slice(to)}`;
}

function statesTable(): string {
  const rows = lifeStates.map((state) => {
    const { status, retry, load, says, means } = stateFacts[state];
    const column =
      status === undefined ? "(no entry)" : `\`${status}\`${retry === undefined ? "" : `, retry \`${retry}\``}`;
    return `| ${nameOf(state)} | ${column} | ${means} | ${loads[load]} | ${says ?? ""} |`;
  });
  return ["| state | status | means | `load` | attention |", "|---|---|---|---|---|", ...rows].join("\n");
}

/** Only what changes: from states that are not named an event leads nowhere. */
function eventsTable(): string {
  const rows = Object.entries(lifeEvents).map(([event, text]) => {
    const targets = new Map<LifeState, LifeState[]>();
    for (const state of lifeStates) {
      const next = afterEvent(state, event as LifeEvent);
      if (next !== state) targets.set(next, [...(targets.get(next) ?? []), state]);
    }
    const moves = [...targets].map(([next, states]) => `${states.map(nameOf).join(", ")} → **${nameOf(next)}**`);
    return `| ${text} | ${moves.length === 0 ? "nothing changes" : moves.join("; ")} |`;
  });
  return ["| event | from → to |", "|---|---|", ...rows].join("\n");
}

function nameOf(state: LifeState): string {
  return state.replaceAll("_", " ");
}
