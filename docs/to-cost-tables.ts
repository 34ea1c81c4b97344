import { OTHER_TOOLS, quoteTool, type OtherToolName } from '../shared/domain/cost/other-tools.ts';
import { PRICES, type Price } from '../shared/domain/cost/prices.ts';
import { workloadOf } from '../shared/domain/cost/workload.ts';
import { SHOWN_DESIGNS } from './cost-designs.ts';

const VOLUMES_GB_PER_DAY = [1, 100, 5_000] as const;

const usd = (amount: number): string => `$${String(Number(amount.toPrecision(amount < 1e-4 ? 6 : 9)))}`;
const amountOf = (amount: number): string => amount.toLocaleString('en-US');
/** Two digits that count. */
const perGb = (amount: number): string => {
  const digits = Math.max(0, 1 - Math.floor(Math.log10(amount)));
  return amount.toFixed(Math.min(4, digits));
};
const seconds = (ms: number): string =>
  ms < 120_000 ? `${String(Math.round(ms / 1000))} s` : `${String(Math.round(ms / 60_000))} min`;

function priceRow(
  name: string,
  { service, usd: first, per, unit, tiers = [], source, asOf, verified }: Price,
): string {
  const counted = per === 1 ? unit : `${amountOf(per)} ${unit}`;
  const later = tiers.map(({ above, usd: each }) => `${usd(each)} above ${amountOf(above)}`);
  const read = `[${asOf}](${source})${verified ? '' : ' ✻'}`;
  return `\`${name}\` | ${service} | ${[usd(first), ...later].join(', ')} | ${counted} | ${read}`;
}

/** Rows of the tables on the page of costs, each with its head. */
export const COST_TABLES = {
  prices: () => ({
    head: 'Price | Service | US dollars | For | Read',
    rows: Object.entries(PRICES).map(([name, price]) => priceRow(name, price)),
  }),
  designs: () => ({
    head: 'Design | p50, p99 at 100 GB a day | 1 GB a day | 100 GB a day | 5 TB a day',
    rows: Object.values(SHOWN_DESIGNS).map(({ name, at }) => {
      const { p50Ms, p99Ms } = at(100).freshness;
      const costs = VOLUMES_GB_PER_DAY.map((volume) => perGb(at(volume).usdPerGb));
      return [name, `${seconds(p50Ms)}, ${seconds(p99Ms)}`, ...costs].join(' | ');
    }),
  }),
  'other-tools': () => ({
    head: 'Tool | Billed by | 1 GB a day | 100 GB a day | 5 TB a day | Taken for granted | The right one for',
    rows: (Object.keys(OTHER_TOOLS) as OtherToolName[]).map((tool) => {
      const { name, billedBy, assumes, suits } = OTHER_TOOLS[tool];
      const quotes = VOLUMES_GB_PER_DAY.map((volume) => quoteTool(tool, workloadOf(volume)));
      const mark = quotes.every(({ verified }) => verified) ? '' : ' ✻';
      const costs = quotes.map(({ usdPerGb }) => perGb(usdPerGb));
      return [`${name}${mark}`, billedBy, ...costs, assumes, suits].join(' | ');
    }),
  }),
} as const satisfies Readonly<Record<string, () => { head: string; rows: readonly string[] }>>;
