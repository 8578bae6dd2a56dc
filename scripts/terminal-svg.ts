/** Draws what commands printed as a terminal that plays by itself: plain SVG, one screen after another. */

export interface Step {
  readonly command: string;
  /** With the escape sequences of its colours. */
  readonly output: string;
}

/** Lines that the terminal shows; of a longer output the last ones stay, as in any terminal. */
const height = 30;
const lineHeight = 18;
const charWidth = 8.4;
const padding = 16;
/** Seconds: a command alone, then with its output. */
const typing = 1.5;
const reading = 6;

const colours: Readonly<Record<string, string>> = { "31": "#ff7b72", "32": "#7ee787", "33": "#e3b341" };

interface Span {
  readonly text: string;
  readonly colour: string | undefined;
  readonly bold: boolean;
  readonly dim: boolean;
}

export function terminalSvg(steps: readonly Step[], columns: number): string {
  const screens: { readonly lines: readonly string[]; readonly seconds: number }[] = [];
  for (const { command, output } of steps) {
    const prompt = `\u001b[32m$\u001b[0m ${command}`;
    const lines = [prompt, ...output.trimEnd().split("\n")];
    screens.push({ lines: [prompt], seconds: typing });
    for (let at = 0; at < lines.length; at += height - 2)
      screens.push({ lines: lines.slice(at, at + height), seconds: reading });
  }
  const total = screens.reduce((sum, { seconds }) => sum + seconds, 0);
  const [width, tall] = [Math.ceil(columns * charWidth + 2 * padding), height * lineHeight + 2 * padding];
  let began = 0;
  const drawn = screens.map(({ lines, seconds }, i) => {
    const [from, to] = [percent(began / total), percent((began + seconds) / total)];
    began += seconds;
    // Where nothing moves (a printout, a reader who wants no motion) the last screen stands still.
    const still = i === screens.length - 1 ? "" : ' visibility="hidden"';
    const frames = `@keyframes s${i}{0%,${from}{visibility:hidden}${from},${to}{visibility:visible}${to},100%{visibility:hidden}}`;
    const style = `${frames}@media (prefers-reduced-motion:no-preference){#s${i}{animation:s${i} ${total}s step-end infinite}}`;
    return { style, screen: `<g id="s${i}"${still}>${lines.map(lineSvg).join("")}</g>` };
  });
  return `<svg xmlns="http://www.w3.org/2000/svg" xml:space="preserve" width="${width}" height="${tall}" viewBox="0 0 ${width} ${tall}" role="img" aria-label="drayage in a terminal: ${steps.map(({ command }) => escaped(command)).join(", ")}">
<style>text{font:14px ui-monospace,SFMono-Regular,Menlo,Consolas,monospace;fill:#c9d1d9;white-space:pre}${drawn.map(({ style }) => style).join("")}</style>
<rect width="${width}" height="${tall}" rx="8" fill="#0d1117"/>
${drawn.map(({ screen }) => screen).join("\n")}
</svg>
`;
}

function percent(share: number): string {
  return `${(share * 100).toFixed(3)}%`;
}

function lineSvg(line: string, i: number): string {
  let at = 0;
  const y = padding + (i + 1) * lineHeight - 5;
  return spansOf(line)
    .map(({ text, colour, bold, dim }) => {
      const x = padding + at * charWidth;
      at += text.length;
      if (text.trim() === "") return "";
      const fill = colour === undefined ? "" : ` fill="${colour}" style="fill:${colour}"`;
      const width = ` textLength="${(text.length * charWidth).toFixed(1)}"`;
      return `<text x="${x.toFixed(1)}" y="${y}"${width}${fill}${bold ? ' font-weight="bold"' : ""}${dim ? ' opacity="0.6"' : ""}>${escaped(text)}</text>`;
    })
    .join("");
}

/** By the few sequences that `util.styleText` writes. */
function spansOf(line: string): Span[] {
  const spans: Span[] = [];
  let [colour, bold, dim]: [string | undefined, boolean, boolean] = [undefined, false, false];
  for (const [i, part] of line.split("\u001b[").entries()) {
    const [sequence, code = ""] = i === 0 ? [] : (/^(\d*)m/.exec(part) ?? []);
    if (sequence !== undefined) {
      if (code === "1") bold = true;
      else if (code === "2") dim = true;
      else if (code === "22") [bold, dim] = [false, false];
      else if (code === "39") colour = undefined;
      else if (code === "0" || code === "") [colour, bold, dim] = [undefined, false, false];
      else colour = colours[code];
    }
    spans.push({ text: part.slice(sequence?.length ?? 0), colour, bold, dim });
  }
  return spans;
}

function escaped(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;").replaceAll('"', "&quot;");
}
