import { hourOf, settledOf } from '../../shared/domain/record-counts.ts';
import { parseRowSet } from '../../shared/domain/row-set.ts';
import { quarantineLane } from '../../shared/pipeline/replay/quarantine-file.ts';
import type { SimulatedTables } from './simulated-tables.ts';
import type { MemoryStores } from './stores.ts';

/** What was offered to the engine, by `countName`; each must be settled once. */
export type OfferedCounts = ReadonlyMap<string, number>;

export const countName = (source: string, receivedAtMs: number): string =>
  `${source}/${String(hourOf(receivedAtMs))}`;

/**
 * Compares what commits have counted with what stands in the lake and in quarantine when nothing is on its way any more.
 *
 * @param offered records by source and hour of receipt, where it is known which are settled
 * @returns the first difference; undefined where there is none
 */
export function findMiscount(
  { lake, ledger }: Pick<MemoryStores, 'lake' | 'ledger'>,
  tables: SimulatedTables,
  offered?: OfferedCounts,
): string | undefined {
  const landed = new Map<string, number>();
  const quarantined = new Map<string, number>();
  for (const { key, bytes } of lake.list('raw/')) {
    const source = key.split('/')[1] ?? '';
    for (const { receivedAtMs = Number.NaN } of tables.rowsOf(bytes))
      add(landed, countName(source, receivedAtMs));
  }
  for (const { key, bytes } of lake.list('quarantine/')) {
    if (bytes.length === 0) continue;
    const done = parseRowSet(ledger.peek(quarantineLane(key)).position);
    for (const [number, { source, receivedAtMs }] of tables.quarantineOf(bytes).entries()) {
      if (!done.has(number)) add(quarantined, countName(source, receivedAtMs));
    }
  }
  const names = new Set([...landed.keys(), ...quarantined.keys(), ...(offered?.keys() ?? [])]);
  for (const source of ledger.counts.sources()) {
    for (const counts of ledger.counts.peek(source)) {
      const name = `${source}/${String(counts.hour)}`;
      names.delete(name);
      const problem =
        difference('landed', counts.landed, landed.get(name)) ??
        difference('quarantined', counts.quarantined, quarantined.get(name)) ??
        (offered && difference('settled', settledOf(counts), offered.get(name)));
      if (problem !== undefined) return `${name}: ${problem}`;
    }
  }
  const [missing] = names;
  return missing === undefined ? undefined : `${missing} was never counted`;
}

function add(counts: Map<string, number>, name: string): void {
  counts.set(name, (counts.get(name) ?? 0) + 1);
}

function difference(what: string, counted: number, found = 0): string | undefined {
  return counted === found ? undefined : `${String(counted)} are counted as ${what}, ${String(found)} are`;
}
