import { LRUCache } from 'lru-cache';
import type { PagedSourceConfig } from '../../config/schema.ts';
import { RecordFlag } from '../../domain/frame.ts';
import { FINGERPRINT_BYTES } from '../../domain/idempotency-key.ts';
import { partitionNumber } from '../../domain/object-key.ts';
import type { Source } from '../../domain/source.ts';
import { toLandedKey, type LandedKeys } from '../../ports/landed-keys.ts';
import type { PullScope } from '../pull/pull-scope.ts';

/** Keys that are held at a time: about 60 bytes each. */
const MAX_HELD_KEYS = 3_000_000;

/**
 * Tells which records are in the lake, by their keys. Claims say that too, until they expire, and of what lands at this
 * very moment: they are asked after this.
 *
 * A record of a source with an event time is looked up among those of its day. One whose key is that of a record of
 * another day is another record, as it is for the claims of keys that hold the time.
 *
 * @param lookUpUntilMs when the last answer must be there, ms since the epoch
 */
export function createKnownRecords(
  landed: LandedKeys,
  source: Source<PagedSourceConfig>,
  lookUpUntilMs: number,
): Required<Pick<PullScope, 'known' | 'offers'>> {
  const hasTime = source.config.eventTime !== undefined;
  const days = new LRUCache<number, Set<string>>({
    maxSize: MAX_HELD_KEYS,
    sizeCalculation: ({ size }) => size + 1,
  });
  let quarantined: ReadonlySet<string> | undefined;

  const dayOf = (eventTimeMs: number): number => (hasTime ? partitionNumber('day', eventTimeMs) : 0);

  async function keysOf(day: number): Promise<ReadonlySet<string>> {
    let keys = days.get(day);
    if (keys === undefined) {
      keys = await landed.ofDay(source, hasTime ? day : undefined, lookUpUntilMs);
      days.set(day, keys);
    }
    return keys;
  }

  return {
    async known(records) {
      const answers: boolean[] = [];
      for (const { mark, record } of records) {
        if (record.flag === RecordFlag.violation) {
          quarantined ??= await landed.inQuarantine(source, lookUpUntilMs);
          answers.push(quarantined.has(mark));
        } else {
          const keys = await keysOf(dayOf(record.eventTimeMs));
          answers.push(keys.has(toLandedKey(record.fingerprint)));
        }
      }
      return answers;
    },
    offers(frames) {
      for (const { count, flags, fingerprints, eventTimesMs } of frames) {
        for (let i = 0; i < count; i++) {
          if (flags[i] === RecordFlag.violation) continue;
          const at = i * FINGERPRINT_BYTES;
          const key = toLandedKey(fingerprints.subarray(at, at + FINGERPRINT_BYTES));
          days.peek(dayOf(eventTimesMs[i] ?? 0))?.add(key);
        }
      }
    },
  };
}
