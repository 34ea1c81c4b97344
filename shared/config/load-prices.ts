import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import * as z from 'zod';
import { PRICES, type Price, type PriceName, type PriceTable } from '../domain/cost/prices.ts';
import { ConfigError } from './define-config.ts';

const usd = z.number({ error: 'must be US dollars, a number from 0 on' }).min(0, {
  error: 'must be US dollars, a number from 0 on',
});

/** A price of another region or contract, in place of one of `PRICES`. */
const override = z
  .strictObject(
    {
      usd: usd.optional(),
      per: z.number().positive({ error: 'must be above 0' }).optional(),
      tiers: z
        .array(z.strictObject({ above: z.number().positive({ error: 'must be above 0' }), usd }))
        .refine((tiers) => tiers.every(({ above }, i) => above > (tiers[i - 1]?.above ?? 0)), {
          error: 'must be in ascending order of `above`',
        })
        .optional(),
      source: z.string().min(1).optional(),
      asOf: z
        .string()
        .regex(/^\d{4}-(0[1-9]|1[0-2])$/, { error: 'must be a year and a month, such as "2026-09"' })
        .optional(),
      verified: z.boolean().optional(),
    },
    {
      error: (issue) =>
        issue.code === 'invalid_type' ? 'must be an object such as { "usd": 0.4 }' : undefined,
    },
  )
  .refine(({ usd: price, tiers }) => tiers === undefined || price !== undefined, {
    path: ['usd'],
    error: 'is required with `tiers`: it is the price up to the first of them',
  });

const NAMES = Object.keys(PRICES) as PriceName[];
const isPriceName = (name: string): name is PriceName => name in PRICES;

/**
 * The prices of `PRICES`, with those replaced that a JSON file names: `{ "s3Put": { "usd": 5.4 } }`. A `usd` replaces the
 * tiers as well, so give them too where there are any.
 *
 * @param file path relative to the working directory
 * @throws ConfigError when there is no such file, or what is in it is wrong: every finding, each with its place
 */
export function loadPrices(file: string): PriceTable {
  const path = resolve(file);
  return toPriceTable(readJson(path), path);
}

function readJson(path: string): unknown {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    throw new ConfigError([
      `${path}: cannot be read: ${error instanceof Error ? error.message : String(error)}; name a JSON file of prices`,
    ]);
  }
  try {
    return JSON.parse(text) as unknown;
  } catch (error) {
    throw new ConfigError([`${path}: is no JSON: ${error instanceof Error ? error.message : String(error)}`]);
  }
}

function toPriceTable(input: unknown, path: string): PriceTable {
  if (typeof input !== 'object' || input === null || Array.isArray(input)) {
    throw new ConfigError([`${path}: must be an object of prices, such as { "s3Put": { "usd": 5.4 } }`]);
  }
  const problems: string[] = [];
  const table: Record<PriceName, Price> = { ...PRICES };
  for (const [name, value] of Object.entries(input)) {
    if (!isPriceName(name)) {
      problems.push(`${path}: ${name}: is no price; there are: ${NAMES.join(', ')}`);
      continue;
    }
    const parsed = override.safeParse(value);
    if (!parsed.success) {
      for (const issue of parsed.error.issues) {
        problems.push(`${path}: ${[name, ...issue.path.map(String)].join('.')}: ${issue.message}`);
      }
      continue;
    }
    table[name] = merge(PRICES[name], parsed.data, path);
  }
  if (problems.length > 0) throw new ConfigError(problems);
  return table;
}

/** A replaced price is nobody's word but that of who replaced it, unless it says so itself. */
function merge(price: Price, given: z.output<typeof override>, path: string): Price {
  const { tiers: formerTiers, ...former } = price;
  const { tiers = given.usd === undefined ? formerTiers : undefined, ...fields } = given;
  return {
    ...former,
    source: path,
    verified: false,
    ...fields,
    ...(tiers !== undefined && { tiers }),
  };
}
