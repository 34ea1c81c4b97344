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
function toCurve({ source, curve, freshness, usdPerGb }: SourcePlan): Curve {
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
  best.set(plannedSeconds, {
    seconds: plannedSeconds,
    usdPerGb,
    label: `planned: ${toTime(freshness.askedMs)} asked, ${toTime(freshness.p99Ms)} p99`,
  });
  const points = [...best.values()].sort((a, b) => a.seconds - b.seconds);
  return { source, points, planned: points.findIndex(({ seconds }) => seconds === plannedSeconds) };
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
<div class="chart" id="chart-${String(at)}" role="img" aria-label="Cost against freshness of ${escape(source.source)}; the table below has the same figures"></div>
<table><thead><tr><th>asked</th><th>pattern</th><th>p50</th><th>p99</th><th>$/GB</th><th>$/month</th></tr></thead><tbody>
${rows}
</tbody></table>
${source.findings.map(({ level, field, says, next }) => `<p class="${level}"><strong>${level}</strong> ${escape(field)}: ${escape(says)}. ${escape(next)}.</p>`).join('\n')}
</section>`;
}

const escape = (text: string): string =>
  text.replace(/[&<>"']/g, (character) => `&#${String(character.charCodeAt(0))};`);

/** JSON within a script: nothing in it ends the script. */
const toScript = (value: unknown): string => JSON.stringify(value).replaceAll('<', '\\u003c');

const STYLE = `
body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 60rem; padding: 0 1rem; color: #1a2330; background: #fff; }
h1 { font-size: 1.5rem; } h2 { font-size: 1.2rem; margin: 2.5rem 0 0; } p { margin: .4rem 0; }
.chart { margin: 1rem 0; }
section > table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
section > table th, section > table td { text-align: right; padding: .15rem .9rem .15rem 0; }
section > table th:nth-child(2), section > table td:nth-child(2) { text-align: left; }
section > table th { font-weight: 600; border-bottom: 1px solid #c5ccd6; } .planned { font-weight: 600; color: #b3400e; }
.error { color: #a11; } .warning { color: #7a5200; }
`;

/** Draws the curves; both axes are logarithmic, as times and prices span orders of magnitude. */
const DRAW = `
const time = (s) => s == null ? '' : s >= 86400 ? +(s / 86400).toPrecision(2) + ' d' : s >= 3600 ? +(s / 3600).toPrecision(2) + ' h'
  : s >= 60 ? +(s / 60).toPrecision(2) + ' min' : +s.toPrecision(2) + ' s';
const usd = (v) => v == null ? '' : '$' + +v.toPrecision(3);
window.charts = CURVES.map((curve, at) => {
  const x = curve.points.map((p) => p.seconds);
  const y = curve.points.map((p) => p.usdPerGb);
  const planned = curve.points.map((p, i) => (i === curve.planned ? p.usdPerGb : null));
  const low = Math.min(...y), high = Math.max(...y);
  const target = document.getElementById('chart-' + at);
  return new uPlot({
    width: Math.min(900, target.clientWidth || 900), height: 280,
    scales: {
      x: { time: false, distr: 3, range: (u, min, max) => [min / 1.3, max * 1.3] },
      y: { distr: 3, range: () => [low / 1.25, high * 1.25] },
    },
    axes: [
      { label: 'age of the slowest 1 % in the lake', filter: (u, splits) => splits, values: (u, splits) => splits.map(time),
        splits: () => [1, 2, 5, 10, 30, 60, 120, 300, 900, 1800, 3600, 10800, 21600, 86400, 604800].filter((s) => s >= x[0] / 1.3 && s <= x[x.length - 1] * 1.3) },
      { label: 'US dollars per GB', size: 80, filter: (u, splits) => splits, values: (u, splits) => splits.map(usd),
        splits: () => (high > low * 1.6 ? [0, 1, 2, 3, 4].map((i) => low * Math.pow(high / low, i / 4)) : high > low * 1.01 ? [low, high] : [low]) },
    ],
    series: [
      { label: 'p99', value: (u, v) => (v == null ? '' : time(v)) },
      { label: '$/GB', stroke: '#2a5db0', width: 2, points: { show: true, size: 6 }, value: (u, v) => usd(v) },
      { label: 'planned', stroke: '#b3400e', fill: '#b3400e', paths: () => null, points: { show: true, size: 12, fill: '#b3400e' }, value: (u, v) => usd(v) },
    ],
  }, [x, y, planned], target);
});
`;
