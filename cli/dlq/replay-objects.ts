import { randomUUID } from 'node:crypto';
import { HeadgateError, RejectedError } from '../../shared/domain/errors.ts';
import type { AuditOutcome } from '../../shared/domain/audit-entry.ts';
import { forEachLimited } from '../../shared/domain/for-each-limited.ts';
import { parseParkedDelivery } from '../../shared/domain/parked-delivery.ts';
import type { StayingRow } from '../../shared/pipeline/replay/quarantine-candidates.ts';
import { discardQuarantine } from '../../shared/pipeline/replay/discard-quarantine.ts';
import { replayDelivery } from '../../shared/pipeline/replay/replay-delivery.ts';
import {
  replayQuarantine,
  type ReplayQuarantineOptions,
} from '../../shared/pipeline/replay/replay-quarantine.ts';
import type { OpenReplay } from '../open-replay.ts';
import type { Progress } from '../progress.ts';
import { PARKED_PREFIX } from './find-objects.ts';

/** What became of one object. */
export interface ReplayedObject {
  readonly key: string;
  /** `done`: nothing that was meant is left. `left`: rows stay, see `problems`. `failed`: see `problems`. */
  readonly status: 'done' | 'left' | 'failed';
  readonly landed: number;
  readonly duplicates: number;
  /** Records that went to a new quarantine file. */
  readonly quarantined: number;
  /** Rows that were given up. */
  readonly discarded: number;
  /** Stream records, or rows, that were in the lake or done before. */
  readonly alreadyDone: number;
  /** Rows that stay in quarantine. */
  readonly staying: number;
  readonly problems: readonly string[];
}

/** Files that are worked on at once: each has a lane of its own. */
const PARALLEL_FILES = 8;

/** What is done with an object. */
export type ObjectWork = (lake: OpenReplay, key: string, owner: string) => Promise<ReplayedObject>;

/**
 * Works on objects. One that is refused does not keep the others back.
 *
 * @returns what became of each, in their order
 * @throws HeadgateError when a store fails: whatever is denied or down is so for the other objects too
 */
export async function workOnObjects(
  lake: OpenReplay,
  keys: readonly string[],
  progress: Progress,
  work: ObjectWork,
): Promise<readonly ReplayedObject[]> {
  const results: ReplayedObject[] = [];
  let ended = 0;
  const step = async ([at, key]: readonly [number, string]): Promise<void> => {
    progress.update(ended, keys.length, key);
    results[at] = await work(lake, key, `operator ${randomUUID()}`).catch((error: unknown) => {
      if (!(error instanceof HeadgateError) || error.disposition !== 'reject') throw error;
      return { ...NOTHING, key, status: 'failed' as const, problems: [error.message] };
    });
    ended++;
  };
  const all = [...keys.entries()];
  // Deliveries of one shard share a lane; files of the quarantine share nothing.
  await forEachLimited(
    all.filter(([, key]) => key.startsWith(PARKED_PREFIX)),
    1,
    step,
  );
  await forEachLimited(
    all.filter(([, key]) => !key.startsWith(PARKED_PREFIX)),
    PARALLEL_FILES,
    step,
  );
  progress.stop();
  return results;
}

const NOTHING = {
  landed: 0,
  duplicates: 0,
  quarantined: 0,
  discarded: 0,
  alreadyDone: 0,
  staying: 0,
  problems: [],
};

const deadlineMs = Number.MAX_SAFE_INTEGER;

/** Lands what an object holds. */
export const replayWith =
  (options: Pick<ReplayQuarantineOptions, 'select' | 'edit' | 'source'>): ObjectWork =>
  async (lake, key, owner) => {
    if (key.startsWith(PARKED_PREFIX)) {
      const delivery = parseParkedDelivery((await lake.read(key)) ?? new Uint8Array());
      assertOwnFunction(delivery.functionArn, lake.streamFunction);
      const { alreadyLanded, counts } = await replayDelivery(lake.engine, delivery, { owner, deadlineMs });
      return toResult(key, counts, alreadyLanded, []);
    }
    const { alreadyDone, stillViolating, counts } = await replayQuarantine(lake.engine, key, {
      owner,
      deadlineMs,
      ...options,
    });
    return toResult(key, counts, alreadyDone, stillViolating);
  };

/** Gives up what an object holds. */
export const discardWith =
  (options: Pick<ReplayQuarantineOptions, 'select'>): ObjectWork =>
  async (lake, key, owner) => {
    const { discarded, alreadyDone } = await discardQuarantine(lake.engine, key, {
      owner,
      deadlineMs,
      ...options,
    });
    return { ...NOTHING, key, status: 'done', discarded, alreadyDone };
  };

/** A delivery of another function says nothing about what this deployment has landed. */
function assertOwnFunction(functionArn: string, streamFunction: string | undefined): void {
  const name = functionArn.split(':')[6];
  if (name !== undefined && name === streamFunction) return;
  throw new RejectedError(
    'REPLAY_FOREIGN',
    `the delivery was given up by function ${functionArn}, and this deployment's is ` +
      `${streamFunction ?? 'none, because no source has a stream'}; replay it with the configuration (--config) that it belongs to`,
  );
}

function toResult(
  key: string,
  counts: Awaited<ReturnType<typeof replayDelivery>>['counts'],
  alreadyDone: number,
  staying: readonly StayingRow[],
): ReplayedObject {
  const sum = (name: 'landed' | 'duplicates' | 'quarantined'): number =>
    [...counts.values()].reduce((total, count) => total + count[name], 0);
  return {
    ...NOTHING,
    key,
    status: staying.length === 0 ? 'done' : 'left',
    landed: sum('landed'),
    duplicates: sum('duplicates'),
    quarantined: sum('quarantined'),
    alreadyDone,
    staying: staying.length,
    problems: staying.map(({ number, problems }) => `row ${String(number)}: ${problems.join('; ')}`),
  };
}

/** The sums of all objects. */
export function toOutcome(results: readonly ReplayedObject[]): AuditOutcome {
  const sum = (name: Exclude<keyof AuditOutcome, 'failed'>): number =>
    results.reduce((total, result) => total + result[name], 0);
  return {
    landed: sum('landed'),
    duplicates: sum('duplicates'),
    quarantined: sum('quarantined'),
    discarded: sum('discarded'),
    alreadyDone: sum('alreadyDone'),
    staying: sum('staying'),
    failed: results.filter(({ status }) => status === 'failed').length,
  };
}
