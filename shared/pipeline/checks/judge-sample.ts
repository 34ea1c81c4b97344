import { findingOf, type Finding } from '../../domain/checks/finding.ts';
import { toSchemaNode } from '../../domain/schema-node.ts';
import type { Source } from '../../domain/source.ts';
import { showPath } from '../../domain/violation.ts';

/** A record of a sample; `problem` where the format already says that it is none. */
export interface SampleRecord {
  readonly bytes: Uint8Array;
  readonly problem?: string | undefined;
}

/** Kinds of violations that are shown; more of them would not be read. */
const MAX_KINDS = 10;
/** In fewer records a field that is often left out may be missing by chance. */
const LEAST_FOR_ABSENCE = 10;

/**
 * What the contract says of some records of a source.
 *
 * @param place where they are from, such as `on the first page`
 */
export function judgeSample(
  source: Source,
  records: readonly SampleRecord[],
  { place, nowMs }: { readonly place: string; readonly nowMs: number },
): readonly Finding[] {
  if (records.length === 0)
    return [
      findingOf('SAMPLE_EMPTY', `there are no records ${place}: nothing could be compared with the contract`),
    ];
  const kinds = new Map<string, { message: string; first: number; count: number }>();
  let refused = 0;
  records.forEach(({ bytes, problem }, i) => {
    const checked = source.check(bytes, nowMs);
    if (checked.status === 'accepted') return;
    refused++;
    const [violation] = checked.violations;
    const message = problem ?? violation?.message ?? 'it violates the contract';
    const kind = problem ?? `${violation?.field ?? ''} ${violation?.rule ?? ''}`;
    const known = kinds.get(kind);
    if (known === undefined) kinds.set(kind, { message, first: i + 1, count: 1 });
    else known.count++;
  });
  const isHopeless = refused === records.length;
  const code = isHopeless ? 'SAMPLE_REFUSED' : 'SAMPLE_VIOLATION';
  const all = String(records.length);
  return [
    ...[...kinds.values()]
      .slice(0, MAX_KINDS)
      .map(({ message, first, count }) =>
        findingOf(
          code,
          `${String(count)} of ${all} records ${place} would go to quarantine, the first is number ${String(first)}: ` +
            `${message}. Mend the contract, or have the source mend its records`,
        ),
      ),
    ...(isHopeless ? [] : findAbsent(source, records, place)),
  ];
}

/** Fields of the contract that no record has: they were renamed, or never written like that. */
function findAbsent(source: Source, records: readonly SampleRecord[], place: string): readonly Finding[] {
  if (records.length < LEAST_FOR_ABSENCE) return [];
  const absent = new Set(toSchemaNode(source.contract.schema, source.contract.schema).properties.keys());
  for (const { bytes } of records)
    for (const name of namesOf(bytes)) {
      absent.delete(name);
      if (absent.size === 0) return [];
    }
  return [
    findingOf(
      'SAMPLE_FIELD_ABSENT',
      `none of ${String(records.length)} records ${place} has ${[...absent].map((name) => `"${showPath([name])}"`).join(', ')}: ` +
        'its column would be empty. Check how the source writes the name',
    ),
  ];
}

function namesOf(bytes: Uint8Array): readonly string[] {
  try {
    const value: unknown = JSON.parse(Buffer.from(bytes).toString('utf8'));
    return typeof value === 'object' && value !== null ? Object.keys(value) : [];
  } catch {
    return [];
  }
}
