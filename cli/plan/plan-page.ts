import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import type { DeploymentPlan } from '../../shared/config/plan/plan-deployment.ts';
import type { SourcePlan } from '../../shared/config/plan/source-plan.ts';
import { PATTERN_NAMES } from '../../shared/domain/plan/answers.ts';
import { toTime, toUsd } from '../../shared/domain/plan/words.ts';

const require = createRequire(import.meta.url);
/** The charting library, which is put into the page: it needs no network. */
const library = {
  style: () => readFileSync(require.resolve('uplot/dist/uPlot.min.css'), 'utf8'),
  script: () => readFileSync(require.resolve('uplot/dist/uPlot.iife.min.js'), 'utf8'),
};

/** One point of a curve. */
interface Point {
  readonly seconds: number;
  readonly usdPerGb: number;
  readonly label: string;
}

/** A curve as the page draws it. */
interface Curve {
  readonly source: string;
  readonly points: readonly Point[];
  /** The point that is planned. */
  readonly planned: number;
  /** $/GB of the line there: of a pattern that was set by hand the point may stand above it, or be the only one. */
  readonly lineUsdPerGb: number | null;
  /** What stands beside points. */
  readonly marks: readonly { readonly at: number; readonly text: string }[];
}

/** A page of its own with what each source costs at other freshness, drawn. */
export function planPage(plan: DeploymentPlan, sources: readonly SourcePlan[]): string {
  const curves = sources.map(toCurve);
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escape(plan.name)}: plan</title>
<style>${library.style()}</style>
<style>${STYLE}</style>
</head>
<body>
<h1>${escape(plan.name)}: cost against freshness</h1>
<p>All together <strong>${toUsd(plan.usdPerMonth)}</strong> a month, ${toUsd(plan.usdPerGb)} per GB of raw JSON. The dot is what is planned; list prices, without free tiers.</p>
${sources.map((source, at) => sectionOf(source, at)).join('\n')}
<script>${library.script()}</script>
<script>const CURVES = ${toScript(curves)};
${DRAW}</script>
</body>
</html>
`;
}

/** Options that are as fresh cost the same or less with the older answer: of those the cheapest is drawn. */
function toCurve({
  source,
  curve,
  freshness,
  usdPerGb,
  isByHand,
  nextCheaper,
  nextFaster,
}: SourcePlan): Curve {
  const best = new Map<number, Point>();
  for (const option of curve) {
    const seconds = option.freshness.p99Ms / 1000;
    const known = best.get(seconds);
    if (known !== undefined && known.usdPerGb <= option.usdPerGb) continue;
    best.set(seconds, {
      seconds,
      usdPerGb: option.usdPerGb,
      label: `${toTime(option.askedMs)} asked, ${toTime(option.freshness.p99Ms)} p99, ${PATTERN_NAMES[option.pattern]}`,
    });
  }
  const plannedSeconds = freshness.p99Ms / 1000;
  const lineUsdPerGb = isByHand ? (best.get(plannedSeconds)?.usdPerGb ?? null) : usdPerGb;
  best.set(plannedSeconds, {
    seconds: plannedSeconds,
    usdPerGb,
    label: `planned: ${toTime(freshness.askedMs)} asked, ${toTime(freshness.p99Ms)} p99`,
  });
  const points = [...best.values()].sort((a, b) => a.seconds - b.seconds);
  const indexOf = (p99Ms: number): number => points.findIndex(({ seconds }) => seconds === p99Ms / 1000);
  const planned = indexOf(freshness.p99Ms);
  const marks = [
    { at: planned, text: `planned${isByHand ? ' (by hand)' : ''}: ${toTime(freshness.askedMs)}` },
    ...[nextCheaper, nextFaster].flatMap((choice, which) => {
      const at = choice === undefined ? -1 : indexOf(choice.freshness.p99Ms);
      if (choice === undefined || at === -1 || at === planned) return [];
      return [{ at, text: `${which === 0 ? 'cheaper' : 'faster'}: ${toTime(choice.askedMs)}` }];
    }),
  ];
  return { source, points, planned, lineUsdPerGb, marks };
}

function sectionOf(source: SourcePlan, at: number): string {
  const rows = source.curve
    .map((option) => {
      const isPlanned = option.askedMs === source.freshness.askedMs;
      return `<tr${isPlanned ? ' class="planned"' : ''}><td>${toTime(option.askedMs)}</td><td>${PATTERN_NAMES[option.pattern]}</td><td>${toTime(option.freshness.p50Ms)}</td><td>${toTime(option.freshness.p99Ms)}</td><td>${toUsd(option.usdPerGb)}</td><td>${toUsd(option.usdPerMonth)}</td></tr>`;
    })
    .join('\n');
  return `<section>
<h2>${escape(source.source)}</h2>
<p>${PATTERN_NAMES[source.pattern]}: ${toUsd(source.usdPerGb)} per GB, ${toUsd(source.usdPerMonth)} a month, fresh within ${toTime(source.freshness.p99Ms)} (p99).</p>
${source.isByHand ? '<p class="note">The pattern is set by hand. The line is the cheapest way for each freshness, so the dot may stand above it.</p>\n' : ''}<div class="chart" id="chart-${String(at)}" role="img" aria-label="Cost against freshness of ${escape(source.source)}; the table below has the same figures"></div>
<div class="scroll"><table><thead><tr><th>asked</th><th>pattern</th><th>p50</th><th>p99</th><th>$/GB</th><th>$/month</th></tr></thead><tbody>
${rows}
</tbody></table></div>
${source.findings.map(({ level, field, says, next }) => `<p class="${level}"><strong>${level}</strong> ${escape(field)}: ${escape(says)}. ${escape(next)}.</p>`).join('\n')}
</section>`;
}

const escape = (text: string): string =>
  text.replace(/[&<>"']/g, (character) => `&#${String(character.charCodeAt(0))};`);

/** JSON within a script: nothing in it ends the script. */
const toScript = (value: unknown): string => JSON.stringify(value).replaceAll('<', '\\u003c');

const STYLE = `
:root { color-scheme: light dark; --ink: #1a2330; --paper: #fff; --muted: #5b6675; --rule: #d5dae1; --line: #2a5db0; --planned: #b3400e; --error: #a11; --warning: #7a5200; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e4e8ee; --paper: #14181f; --muted: #9aa5b4; --rule: #333c48; --line: #7fa9ee; --planned: #f0905c; --error: #ff8a80; --warning: #e3b341; }
}
body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 60rem; padding: 0 1rem; color: var(--ink); background: var(--paper); }
h1 { font-size: 1.5rem; } h2 { font-size: 1.2rem; margin: 0; } p { margin: .4rem 0; } .note { color: var(--muted); }
section { margin: 2.5rem 0 0; padding-top: 1.2rem; border-top: 1px solid var(--rule); }
.chart { margin: 1rem 0; min-height: 330px; } .scroll { overflow-x: auto; }
.uplot, .u-legend { font: inherit; color: inherit; } .u-legend { font-size: 13px; color: var(--muted); } .u-legend .u-marker { border-radius: 50%; }
.scroll > table { border-collapse: collapse; font-variant-numeric: tabular-nums; white-space: nowrap; }
.scroll th, .scroll td { text-align: right; padding: .15rem .9rem .15rem 0; }
.scroll th:nth-child(2), .scroll td:nth-child(2) { text-align: left; }
.scroll th { font-weight: 600; border-bottom: 1px solid var(--rule); } .planned { font-weight: 600; color: var(--planned); }
.error { color: var(--error); } .warning { color: var(--warning); }
`;

/** Draws the curves; both axes are logarithmic, as times and prices span orders of magnitude. */
const DRAW = `
const time = (s) => s == null ? '' : s >= 86400 ? +(s / 86400).toPrecision(2) + ' d' : s >= 3600 ? +(s / 3600).toPrecision(2) + ' h'
  : s >= 60 ? +(s / 60).toPrecision(2) + ' min' : +s.toPrecision(2) + ' s';
const usd = (v) => v == null ? '' : '$' + +v.toPrecision(3);
const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue('--' + name).trim();
const TIMES = [1, 2, 5, 10, 30, 60, 120, 300, 900, 1800, 3600, 10800, 21600, 86400, 259200, 604800];
/** Three round amounts and more within a range; where there are fewer, the ends of it. */
const amounts = (low, high) => {
  for (const digits of [[1, 2, 5], [1, 1.5, 2, 3, 4, 5, 7]]) {
    const found = [];
    for (let power = Math.floor(Math.log10(low)); power <= Math.ceil(Math.log10(high)); power += 1)
      for (const digit of digits) {
        const amount = digit * 10 ** power;
        if (amount >= low && amount <= high) found.push(+amount.toPrecision(2));
      }
    if (found.length > 2) return found;
  }
  return high > low * 1.01 ? [low, high] : [low];
};
const draw = (curve, at) => {
  const x = curve.points.map((p) => p.seconds);
  const y = curve.points.map((p) => p.usdPerGb);
  const planned = curve.points.map((p, i) => (i === curve.planned ? p.usdPerGb : null));
  const line = y.map((v, i) => (i === curve.planned ? curve.lineUsdPerGb : v));
  const low = Math.min(...y) / 1.35, high = Math.max(...y) * 1.35;
  const target = document.getElementById('chart-' + at);
  target.replaceChildren();
  const [ink, rule] = [colour('muted'), colour('rule')];
  const axis = { stroke: ink, grid: { stroke: rule, width: 1 }, ticks: { stroke: rule, width: 1 }, font: '12px system-ui, sans-serif', labelFont: '12px system-ui, sans-serif', filter: (u, splits) => splits };
  const label = (u) => {
    const { ctx } = u, ratio = devicePixelRatio || 1;
    ctx.save();
    ctx.textAlign = 'left';
    ctx.textBaseline = 'alphabetic';
    ctx.font = 600 + ' ' + 12 * ratio + 'px system-ui, sans-serif';
    for (const { at, text } of curve.marks) {
      const [left, top] = [u.valToPos(x[at], 'x', true), u.valToPos(y[at], 'y', true)];
      const width = ctx.measureText(text).width, gap = 10 * ratio, box = u.bbox;
      // Beside the right edge it stands to the left of its point, elsewhere to the right, and always above the line.
      const from = left + gap + width > box.left + box.width ? left - gap - width : left + gap;
      ctx.fillStyle = colour(at === curve.planned ? 'planned' : 'ink');
      ctx.fillText(text, Math.max(box.left, from), Math.max(box.top + 12 * ratio, top - gap));
    }
    ctx.restore();
  };
  return new uPlot({
    width: Math.min(900, target.clientWidth || 900), height: 280,
    scales: {
      x: { time: false, distr: 3, range: (u, min, max) => [min / 1.3, max * 1.3] },
      y: { distr: 3, range: () => [low, high] },
    },
    axes: [
      { ...axis, label: 'age of the slowest 1 % in the lake', values: (u, splits) => splits.map(time),
        splits: () => TIMES.filter((s) => s >= x[0] / 1.3 && s <= x[x.length - 1] * 1.3) },
      { ...axis, label: 'US dollars per GB', size: 70, values: (u, splits) => splits.map(usd), splits: () => amounts(low, high) },
    ],
    series: [
      { label: 'option', value: (u, v, series, i) => (i == null ? 'point at one' : curve.points[i].label) },
      { label: '$/GB', stroke: colour('line'), width: 2, spanGaps: true, points: { show: true, size: 6, fill: colour('line') }, value: (u, v) => usd(v) || '–' },
      { label: 'planned', stroke: colour('planned'), fill: colour('planned'), paths: () => null, points: { show: true, size: 12, fill: colour('planned') }, value: (u, v) => usd(v) || '–' },
    ],
    hooks: { draw: [label] },
  }, [x, line, planned], target);
};
window.charts = CURVES.map(draw);
const again = () => { for (const chart of window.charts) chart.destroy(); window.charts = CURVES.map(draw); };
matchMedia('(prefers-color-scheme: dark)').addEventListener('change', again);
let resizing;
addEventListener('resize', () => { clearTimeout(resizing); resizing = setTimeout(again, 100); });
`;
