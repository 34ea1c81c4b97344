import type { Source } from '../domain/source.ts';
import type { StagedPart } from '../domain/staged-batch.ts';
import { decodeStreamRecord } from './decode-stream-record.ts';
import type { RecordEntry } from './lane.ts';

/** Partitions, and so files, of one staged batch; about as many as one intent can name without being large. */
export const MAX_STAGED_PARTITIONS = 500;

/** What a staged batch offers, as the contracts that are deployed now judge it. */
export function toLaneEntries(
  sources: ReadonlyMap<string, Source>,
  parts: readonly StagedPart[],
): readonly RecordEntry[] {
  return parts.flatMap(({ claims, source, bytes, replayed, ...place }) =>
    decodeStreamRecord(sources, source, { ...place, data: bytes }).map((entry) =>
      entry.kind === 'frame'
        ? { ...entry, ...(claims !== undefined && { claims }), ...(replayed !== undefined && { replayed }) }
        : entry,
    ),
  );
}
