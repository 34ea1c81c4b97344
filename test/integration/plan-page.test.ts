import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { execa } from 'execa';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { planPage } from '../../cli/plan/plan-page.ts';
import { planDeployment } from '../../shared/config/plan/plan-deployment.ts';
import { findBrowser } from '../support/browser.ts';
import { configOf, declare } from '../support/declare-plan.ts';

/*
 * The page of `headgate plan --html` in a real browser, without a network. What is drawn is read from the canvas: where
 * the chart says that a point is, there must be ink of its colour.
 */

const browser = findBrowser();

/** Names may contain what HTML and scripts give a meaning. */
const config = configOf({
  orders: declare.push({ description: '</script><b>' }),
  reports: declare.push({ freshness: '10 minutes', volume: { gbPerDay: 1 } }),
  // By hand, next to a stream that is there anyway: it could be had for less.
  hand: declare.push({ freshness: '10 minutes', pattern: 'micro-batch', volume: { gbPerDay: 1 } }),
  tables: declare.table({ changes: 'upserts', incremental: { cursor: 'updated_at' } }),
});
const plan = planDeployment(config);

/** Runs in the page, once the charts are drawn: what stands where a point should be. */
const PROBE = `
addEventListener('load', () => setTimeout(() => {
  const found = window.charts.map((chart) => {
    const context = chart.ctx;
    const ink = (x, y) => [...context.getImageData(Math.round(x), Math.round(y), 1, 1).data].slice(0, 3).join();
    const at = (series, i) => [chart.valToPos(chart.data[0][i], 'x', true), chart.valToPos(chart.data[series][i], 'y', true)];
    const points = chart.data[0].flatMap((seconds, i) => (chart.data[1][i] == null ? [] : [{ seconds, usdPerGb: chart.data[1][i], place: at(1, i) }]));
    const planned = chart.data[2].findIndex((value) => value != null);
    const pixels = context.getImageData(0, 0, context.canvas.width, context.canvas.height).data;
    let drawn = 0;
    for (let i = 3; i < pixels.length; i += 4) if (pixels[i] > 0) drawn += 1;
    // Between two points that are apart: on the line.
    const line = points.slice(1).map(({ place }, i) => {
      const before = points[i].place;
      const [x, y] = [(before[0] + place[0]) / 2, (before[1] + place[1]) / 2];
      // The edges of a line are mixed with what is beneath it.
      const near = [-2, -1, 0, 1, 2].flatMap((dx) => [-2, -1, 0, 1, 2].map((dy) => ink(x + dx, y + dy)));
      return near.includes('42,93,176');
    });
    return { points, planned: { seconds: chart.data[0][planned], usdPerGb: chart.data[2][planned], ink: ink(...at(2, planned)) }, line, drawn, labels: chart.root.textContent };
  });
  const out = document.createElement('pre');
  out.id = 'probe';
  out.textContent = JSON.stringify({ found, errors: window.errors });
  document.body.append(out);
}, 50));`;

interface Drawn {
  readonly points: readonly {
    readonly seconds: number;
    readonly usdPerGb: number;
    readonly place: readonly number[];
  }[];
  readonly planned: { readonly seconds: number; readonly usdPerGb: number; readonly ink: string };
  readonly line: readonly boolean[];
  readonly drawn: number;
}

/** #b3400e of the page; the line is #2a5db0. */
const PLANNED_INK = '179,64,14';

describe.skipIf(browser === undefined)('the page of a plan in a browser', () => {
  let folder: string;
  let found: readonly Drawn[];
  let errors: readonly string[];

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'headgate-plan-page-'));
    const file = join(folder, 'plan.html');
    const page = planPage(plan, plan.sources)
      .replace(
        '<head>',
        "<head><script>window.errors = []; addEventListener('error', (event) => errors.push(event.message));</script>",
      )
      .replace('</body>', `<script>${PROBE}</script></body>`);
    await writeFile(file, page);
    const { stdout } = await execa(browser ?? '', [
      '--headless=new',
      '--no-sandbox',
      '--disable-gpu',
      '--disable-dev-shm-usage',
      '--no-first-run',
      `--user-data-dir=${join(folder, 'profile')}`,
      '--host-resolver-rules=MAP * ~NOTFOUND',
      '--window-size=1000,900',
      '--virtual-time-budget=2000',
      '--dump-dom',
      pathToFileURL(file).href,
    ]);
    const [, text = ''] = /<pre id="probe">(.*)<\/pre>/.exec(stdout) ?? [];
    ({ found, errors } = JSON.parse(
      text.replaceAll('&lt;', '<').replaceAll('&gt;', '>').replaceAll('&amp;', '&'),
    ) as {
      found: Drawn[];
      errors: string[];
    });
  }, 60_000);
  afterAll(async () => {
    await rm(folder, { recursive: true, force: true, maxRetries: 10 });
  });

  test('has no errors, and a chart for each source', () => {
    expect(errors).toEqual([]);
    expect(found).toHaveLength(plan.sources.length);
    for (const { drawn } of found) expect(drawn).toBeGreaterThan(2_000);
  });

  test('draws what is planned where it is', () => {
    for (const [at, { planned }] of found.entries()) {
      expect(planned.usdPerGb).toBeCloseTo(plan.sources[at]?.usdPerGb ?? 0, 9);
      expect(planned.seconds).toBeCloseTo((plan.sources[at]?.freshness.p99Ms ?? 0) / 1000, 6);
      expect(planned.ink).toBe(PLANNED_INK);
    }
  });

  test('says which pattern was set by hand, and what the next choices are', () => {
    const page = planPage(plan, plan.sources);
    expect(page.match(/The pattern is set by hand/g)).toHaveLength(1);
    expect(page).toContain('"planned (by hand): 10 minutes"');
    expect(page).toMatch(/"text":"cheaper: \d+ \w+"/);
    expect(page).toMatch(/"text":"faster: \d+ \w+"/);
  });

  test('draws a line through the options of every source, from fresh to old', () => {
    for (const { points, line } of found) {
      expect(points.length).toBeGreaterThan(2);
      const seconds = points.map((point) => point.seconds);
      expect(seconds).toEqual([...seconds].sort((a, b) => a - b));
      expect(line).toEqual(line.map(() => true));
    }
  });

  test('draws what costs more higher up', () => {
    for (const { points } of found) {
      for (const one of points)
        for (const other of points)
          if (one.usdPerGb > other.usdPerGb * 1.05) expect(one.place[1]).toBeLessThan(other.place[1] ?? 0);
    }
  });
});
