import { CLAIM_LIMITS, claimBucket } from '../../shared/domain/claim-bucket.ts';
import { ClaimList } from '../../shared/domain/claims.ts';
import { TransientError } from '../../shared/domain/errors.ts';
import {
  readFrame,
  RecordFlag,
  recordBytes,
  writeFrame,
  type FrameRecord,
} from '../../shared/domain/frame.ts';
import { MARK_BYTES } from '../../shared/domain/files/object-set.ts';
import { fingerprint } from '../../shared/domain/idempotency-key.ts';
import { kinesisOrigin, toClaimant } from '../../shared/domain/identity.ts';
import {
  formatLandingPosition,
  parseLandingPosition,
  type LandingPosition,
} from '../../shared/domain/landing-position.ts';
import { SettledTally, type SettledHour } from '../../shared/domain/record-counts.ts';
import { readStagedBatch, writeStagedBatch } from '../../shared/domain/staged-batch.ts';
import type { SourceCount } from '../../shared/domain/source-count.ts';
import { countOf, formatTablePosition, parseTablePosition } from '../../shared/domain/table-position.ts';
import { claimKeys } from '../../shared/pipeline/claim-keys.ts';
import type { LandDeps } from '../../shared/pipeline/land.ts';
import type { LaneBatch, LaneReader } from '../../shared/pipeline/lane.ts';
import type { LedgerState } from '../../shared/ports/ledger-store.ts';
import {
  appendAnywhere,
  CLAIMANT_WORD,
  INDEX_WORD,
  replace,
  rewrite,
  rewriteClaims,
  type ClaimChange,
} from './break-stores.ts';
import { keyOf, WINDOW_MS, type Body } from './declare-source.ts';
import { HARSH_RATES } from './faults.ts';
import type { Delivery, Mutant, Sabotage } from './mutant.ts';
import { STREAM } from './produce.ts';
import type { Profile } from './profile.ts';

/** Sources whose records claim a key each. */
const byRecord = ({ sources }: Profile): Partial<Profile> => ({
  sources: sources.map((source) => ({ ...source, dedupe: 'record' })),
});
const byRecordWithoutTime = ({ sources }: Profile): Partial<Profile> => ({
  sources: sources.map((source) => ({ ...source, dedupe: 'record', timeInKey: false })),
});
const harsh = (): Partial<Profile> => ({ rates: HARSH_RATES, zombie: 0.4 });
const withReplays = (): Partial<Profile> => ({
  rates: HARSH_RATES,
  zombie: 0.4,
  maxAttempts: 2,
  operators: 3,
});
const withCuration = (): Partial<Profile> => ({
  rates: HARSH_RATES,
  zombie: 0.4,
  quarantineReplays: 6,
  operators: 3,
});
const all =
  (...parts: ((profile: Profile) => Partial<Profile>)[]) =>
  (profile: Profile): Partial<Profile> =>
    Object.assign({}, ...parts.map((part) => part(profile))) as Partial<Profile>;

const LOSS = 'loss or duplicates';
const MISCOUNT = 'wrong counts';

/** A mutant that needs no state. */
const breaking =
  (stores: NonNullable<Sabotage['stores']>, others: Omit<Sabotage, 'stores'> = {}) =>
  (): Sabotage => ({ stores, ...others });

const isReplay = (lane: string): boolean => lane.startsWith('replay/');

/** The position moves, then the files are written. */
const COMMIT_FIRST = breaking(({ lake, ledger, ...others }) => {
  const late: (() => Promise<unknown>)[] = [];
  return {
    ...others,
    lake: replace(lake, {
      putIfAbsent: async (key, object) => {
        if (object.kind === 'tombstone') return lake.putIfAbsent(key, object);
        late.push(() => lake.putIfAbsent(key, object));
        return 'created';
      },
    }),
    ledger: replace(ledger, {
      commit: async (...args) => {
        const outcome = await ledger.commit(...args);
        for (const put of late.splice(0)) await put();
        return outcome;
      },
    }),
  };
});

/** The ledger compares nothing. */
const ANY_VERSION = breaking(({ ledger, ...others }) => ({
  ...others,
  ledger: replace(ledger, {
    announce: async (lane, _version, ...rest) =>
      ledger.announce(lane, (await ledger.read(lane)).version, ...rest),
    commit: async (lane, _version, ...rest) =>
      ledger.commit(lane, (await ledger.read(lane)).version, ...rest),
    abort: async (lane, _version, ...rest) => ledger.abort(lane, (await ledger.read(lane)).version, ...rest),
  }),
}));

/** Times of deletes are an hour apart at least. */
const RECONCILE_MS = 3_600_000;

/** Commits of deletes take the lane as it is by then. */
const DELETES_BESIDE = breaking(({ ledger, ...others }) => {
  const isDelete = (objects: readonly { readonly key: string }[]): boolean =>
    objects.some(({ key }) => key.includes('/keys-'));
  let announced: { readonly to: string } | undefined;
  /** Their `done`, and how far rows have come by then. */
  const merge = async (lane: string, to: string): Promise<{ to: string; version: number }> => {
    const { position, version } = await ledger.read(lane);
    const now = parseTablePosition('rows', 'cursor', position);
    const keys = parseTablePosition('rows', 'cursor', to)?.keys;
    return { to: now === undefined ? to : formatTablePosition({ ...now, keys }), version };
  };
  return {
    ...others,
    ledger: replace(ledger, {
      announce: async (lane, version, intent, writer) => {
        if (!isDelete(intent.objects)) return ledger.announce(lane, version, intent, writer);
        const merged = await merge(lane, intent.to);
        announced = { to: intent.to };
        return ledger.announce(lane, merged.version, { ...intent, to: merged.to }, writer);
      },
      commit: async (lane, version, commit, writer) => {
        if (announced?.to !== commit.to) return ledger.commit(lane, version, commit, writer);
        const merged = await merge(lane, commit.to);
        return ledger.commit(lane, merged.version, { ...commit, to: merged.to }, writer);
      },
    }),
  };
});

/** Whoever stages second goes on with its own batch. */
const UNDECIDED = breaking(({ stage, ...others }) => ({
  ...others,
  stage: replace(stage, {
    decide: async (lane, number, bytes) => {
      await stage.decide(lane, number, bytes);
      return bytes;
    },
  }),
}));

const UNSTAGED = breaking(({ stage, ...others }) => ({
  ...others,
  stage: replace(stage, {
    find: () => Promise.resolve(undefined),
    decide: (_lane, _number, bytes) => Promise.resolve(bytes),
  }),
}));

const isLandedList = (lane: string): boolean => lane.startsWith('files/');

/** What is staged of a batch, lists of landed objects apart, is of no effect. */
const UNSTAGED_OBJECTS = breaking(({ stage, ...others }) => ({
  ...others,
  stage: replace(stage, {
    find: (lane, number) => (isLandedList(lane) ? stage.find(lane, number) : Promise.resolve(undefined)),
    decide: (lane, number, bytes) =>
      isLandedList(lane) ? stage.decide(lane, number, bytes) : Promise.resolve(bytes),
  }),
}));

/** Lists of landed objects are written after the commit, and one that is missing counts as empty. */
const LIST_AFTER_COMMIT = breaking(({ stage, ledger, ...others }) => {
  const late: (() => Promise<unknown>)[] = [];
  return {
    ...others,
    stage: replace(stage, {
      find: async (lane, number) =>
        (await stage.find(lane, number)) ?? (isLandedList(lane) ? Buffer.alloc(0) : undefined),
      decide: async (lane, number, bytes) => {
        if (!isLandedList(lane)) return stage.decide(lane, number, bytes);
        late.push(() => stage.decide(lane, number, bytes));
        return bytes;
      },
    }),
    ledger: replace(ledger, {
      commit: async (...args) => {
        const outcome = await ledger.commit(...args);
        for (const keep of late.splice(0)) await keep();
        return outcome;
      },
    }),
  };
});

/** Lists of landed objects as they are read. */
const rereadLists = (change: (marks: Uint8Array) => Uint8Array): (() => Sabotage) =>
  breaking(({ stage, ...others }) => ({
    ...others,
    stage: replace(stage, {
      find: async (lane, number) => {
        const found = await stage.find(lane, number);
        return found === undefined || !isLandedList(lane) ? found : change(found);
      },
    }),
  }));

/** Announcements do not say what they settle: whoever commits on behalf of another counts nothing. */
const COUNTED_BY_OWNER = breaking(({ ledger, ...others }) => ({
  ...others,
  ledger: replace(ledger, {
    announce: (lane, version, intent, writer) =>
      ledger.announce(lane, version, { ...intent, settled: [] }, writer),
  }),
}));

/** What is settled is added up when it is announced. */
function countAttempts(): Sabotage {
  const attempts = new Map<string, readonly SettledHour[]>();
  return {
    stores: ({ ledger, ...others }) => ({
      ...others,
      ledger: replace(ledger, {
        announce: async (lane, version, intent, writer) => {
          const outcome = await ledger.announce(lane, version, intent, writer);
          if (outcome === 'ok')
            attempts.set(lane, sumOf([...(attempts.get(lane) ?? []), ...(intent.settled ?? [])]));
          return outcome;
        },
        commit: async (lane, version, commit, writer) => {
          const settled = attempts.get(lane) ?? commit.settled ?? [];
          const outcome = await ledger.commit(lane, version, { ...commit, settled }, writer);
          if (outcome === 'ok') attempts.delete(lane);
          return outcome;
        },
      }),
    }),
  };
}

function sumOf(hours: readonly SettledHour[]): readonly SettledHour[] {
  const tally = new SettledTally();
  for (const { source, hour, ...counts } of hours) tally.add(source, hour, counts);
  return tally.toHours();
}

/** What is settled is written after the commit, with one of its own. */
const COUNTED_AFTERWARDS = breaking(({ ledger, ...others }) => ({
  ...others,
  ledger: replace(ledger, {
    commit: async (lane, version, { settled = [], ...commit }, writer) => {
      const outcome = await ledger.commit(lane, version, commit, writer);
      if (outcome === 'conflict' || settled.length === 0) return outcome;
      const beside = `beside/${lane}`;
      const { version: next } = await ledger.read(beside);
      const counted = { from: '', to: commit.to, records: 0, keys: 0, settled };
      await ledger.commit(beside, next, counted, writer);
      return outcome;
    },
  }),
}));

/** What is replayed from quarantine is counted there for ever. */
const COUNTED_TWICE = breaking(({ stage, ...others }) => {
  const strip = (bytes: Uint8Array): Uint8Array =>
    writeStagedBatch({ ...readStagedBatch(bytes), settled: undefined });
  return {
    ...others,
    stage: replace(stage, {
      find: async (lane, number) => {
        const found = await stage.find(lane, number);
        return found && strip(found);
      },
      decide: async (...args) => strip(await stage.decide(...args)),
    }),
  };
});

/** A staged batch whose rows claim their key and cursor alone. */
function claimByPlace(bytes: Uint8Array): Uint8Array {
  const { to, parts } = readStagedBatch(bytes);
  return writeStagedBatch({
    to,
    parts: parts.map((part) => {
      const frame = readFrame(part.bytes);
      const records = Array.from({ length: frame.count }, (_, index): FrameRecord => {
        const record = recordBytes(frame, index);
        const { id, at } = JSON.parse(record.toString()) as { id: number; at: string };
        return {
          bytes: record,
          flag: RecordFlag.valid,
          fingerprint: fingerprint('rows', [id, at]),
          digest: new Uint8Array(4),
          eventTimeMs: frame.eventTimesMs[index] ?? 0,
        };
      });
      return { ...part, bytes: writeFrame(frame.header, records) };
    }),
  });
}

export const MUTANTS: readonly Mutant[] = [
  {
    name: 'counts: by the owner only',
    breaks: 'whoever commits on behalf of another does not know what to count',
    harm: MISCOUNT,
    lane: 'stream',
    under: harsh,
    sabotage: COUNTED_BY_OWNER,
  },
  {
    name: 'counts: every attempt',
    breaks: 'what is announced is counted, also when it is withdrawn',
    harm: MISCOUNT,
    lane: 'stream',
    under: harsh,
    sabotage: countAttempts,
  },
  {
    name: 'counts: after the commit',
    breaks: 'counts are written by themselves, when the commit is through',
    harm: MISCOUNT,
    lane: 'stream',
    under: harsh,
    sabotage: COUNTED_AFTERWARDS,
  },
  {
    name: 'counts: replays take nothing away',
    breaks: 'what is replayed from quarantine still counts as being there',
    harm: MISCOUNT,
    lane: 'stream',
    under: withCuration,
    sabotage: COUNTED_TWICE,
  },
  {
    name: 'landing: counts by the owner only',
    breaks: 'whoever commits on behalf of another does not know what to count',
    harm: MISCOUNT,
    lane: 'landing',
    sabotage: COUNTED_BY_OWNER,
  },
  {
    name: 'tables: counts after the commit',
    breaks: 'counts are written by themselves, when the commit is through',
    harm: MISCOUNT,
    lane: 'table',
    sabotage: COUNTED_AFTERWARDS,
  },
  {
    name: 'no claimant',
    breaks: 'a redelivered record does not recognise its own claim',
    harm: LOSS,
    lane: 'stream',
    under: byRecord,
    sabotage: breaking(
      (stores) => ({
        ...stores,
        claimLog: rewriteClaims(stores.claimLog, {
          read: (words, at) => {
            words[at + CLAIMANT_WORD] = 0;
          },
        }),
      }),
      { forgetsClaims: true },
    ),
  },
  {
    name: 'invocation as claimant',
    breaks: 'a claim belongs to the invocation, not to the record',
    harm: LOSS,
    lane: 'stream',
    under: byRecord,
    sabotage: breaking(
      (stores, { number }) => {
        const mask = (words: Uint32Array, at: number): void => {
          words[at + CLAIMANT_WORD] = (words[at + CLAIMANT_WORD] ?? 0) ^ (number + 1);
        };
        return { ...stores, claimLog: rewriteClaims(stores.claimLog, { write: mask, read: mask }) };
      },
      { forgetsClaims: true },
    ),
  },
  {
    name: 'no index in the claim',
    breaks: 'claims name the frame, not the record in it',
    harm: LOSS,
    lane: 'stream',
    under: byRecord,
    sabotage: breaking(
      (stores) => ({
        ...stores,
        claimLog: rewriteClaims(stores.claimLog, {
          write: (words, at) => {
            words[at + INDEX_WORD] = 0;
          },
        }),
      }),
      { forgetsClaims: true },
    ),
  },
  {
    name: 'claim before validation',
    breaks: 'a record that violates its contract claims its key',
    harm: LOSS,
    lane: 'stream',
    under: byRecord,
    sabotage: () => ({
      reader: (delivery) => {
        const reader = delivery.createReader(delivery.records);
        return {
          lane: reader.lane,
          read: async (state, maxBytes) => {
            const batch = await reader.read(state, maxBytes);
            if (batch !== undefined) await claimViolations(delivery.deps, batch);
            return batch;
          },
        };
      },
    }),
  },
  {
    name: 'bucket by arrival',
    breaks: 'the bucket of a key depends on when the record is delivered',
    harm: LOSS,
    lane: 'stream',
    under: byRecord,
    sabotage: breaking(
      ({ claimLog, ...others }, { number }) => {
        const at = (bucket: string): string => `${bucket}@${String(Math.floor(number / 4))}`;
        return {
          ...others,
          claimLog: replace(claimLog, {
            read: (bucket, after) => claimLog.read(at(bucket), after),
            append: (bucket, ...rest) => claimLog.append(at(bucket), ...rest),
            claimKey: (bucket, ...rest) => claimLog.claimKey(at(bucket), ...rest),
          }),
        };
      },
      { forgetsClaims: true },
    ),
  },
  {
    name: 'stale reads of claims',
    breaks: 'the newest entry of a claim log is not seen, and others are not in the way',
    harm: LOSS,
    lane: 'stream',
    under: byRecord,
    sabotage: breaking(({ claimLog, ...others }) => ({
      ...others,
      claimLog: replace(claimLog, {
        read: async (bucket, after) => (await claimLog.read(bucket, after)).slice(0, -1),
        append: appendAnywhere(claimLog),
      }),
    })),
  },
  {
    name: 'refused claims count',
    breaks: 'an append whose number is taken counts as done',
    harm: LOSS,
    lane: 'stream',
    under: byRecord,
    sabotage: breaking(({ claimLog, ...others }) => ({
      ...others,
      claimLog: replace(claimLog, {
        append: async (...args) => {
          await claimLog.append(...args);
          return 'ok';
        },
      }),
    })),
  },
  {
    name: 'order without content',
    breaks: 'claims are put in order before they are stored',
    harm: LOSS,
    lane: 'stream',
    under: byRecord,
    sabotage: breaking(
      ({ claimLog, ...others }) => {
        const late: (() => Promise<unknown>)[] = [];
        return {
          ...others,
          claimLog: replace(claimLog, {
            store: (packed, expiresAtMs, isAlone) => {
              if (isAlone === true) return claimLog.store(packed, expiresAtMs, isAlone);
              late.push(() => claimLog.store(packed, expiresAtMs));
              return Promise.resolve({ kind: 'stored', id: 'not there yet', items: packed.length });
            },
            append: async (...args) => {
              const outcome = await claimLog.append(...args);
              for (const store of late.splice(0)) await store();
              return outcome;
            },
          }),
        };
      },
      { forgetsClaims: true },
    ),
  },
  {
    name: 'claims expire early',
    breaks: 'the window runs from the event, not from the arrival',
    harm: LOSS,
    lane: 'stream',
    under: all(byRecord, () => ({ lateDays: 40 })),
    sabotage: breaking(
      ({ claimLog, ...others }) => {
        const early = (expiresAtMs: number): number => expiresAtMs - WINDOW_MS + 500;
        return {
          ...others,
          claimLog: replace(claimLog, {
            store: (packed, expiresAtMs, isAlone) => claimLog.store(packed, early(expiresAtMs), isAlone),
            append: (bucket, number, entry) =>
              claimLog.append(
                bucket,
                number,
                entry.kind === 'closed'
                  ? { ...entry, follows: undefined }
                  : { ...entry, follows: undefined, expiresAtMs: early(entry.expiresAtMs) },
              ),
            claimKey: (bucket, key, packed, expiresAtMs) =>
              claimLog.claimKey(bucket, key, packed, early(expiresAtMs)),
          }),
        };
      },
      { forgetsClaims: true },
    ),
  },
  {
    name: 'split ignored',
    breaks: 'some consumers go on in a bucket that others have closed',
    harm: LOSS,
    lane: 'stream',
    under: all(byRecord, () => ({ maxClaims: 2, keys: 12 })),
    sabotage: breaking(
      ({ claimLog, ...others }, { number: invocation }) => {
        if (invocation % 2 === 0) return { ...others, claimLog };
        return {
          ...others,
          claimLog: replace(claimLog, {
            read: async (bucket, after) =>
              (await claimLog.read(bucket, after)).filter(({ kind }) => kind === 'claims'),
            append: async (bucket, number, entry) =>
              entry.kind === 'closed' ? 'ok' : await appendAnywhere(claimLog)(bucket, number, entry),
          }),
        };
      },
      { forgetsClaims: true },
    ),
  },
  {
    name: 'split forgets',
    breaks: 'what was claimed before a bucket was closed is not looked up',
    harm: LOSS,
    lane: 'stream',
    under: all(byRecord, () => ({ maxClaims: 2, keys: 12 })),
    sabotage: breaking(
      ({ claimLog, ...others }) => ({
        ...others,
        claimLog: replace(claimLog, {
          read: async (bucket, after) => {
            const entries = await claimLog.read(bucket, after);
            const closed = entries.filter(({ kind }) => kind === 'closed');
            return closed.length > 0 ? closed : entries;
          },
        }),
      }),
      { forgetsClaims: true },
    ),
  },
  {
    name: 'last claim of a key wins',
    breaks: 'a key that is claimed by itself goes to whoever asks last',
    harm: LOSS,
    lane: 'stream',
    under: all(byRecordWithoutTime, () => ({ maxClaims: 2, keys: 12 })),
    sabotage: breaking(({ claimLog, ...others }) => ({
      ...others,
      claimLog: replace(claimLog, {
        claimKey: async (bucket, key, packed, expiresAtMs) => {
          await claimLog.claimKey(bucket, key, packed, expiresAtMs);
          return packed;
        },
      }),
    })),
  },
  {
    name: 'two runs in one view',
    breaks: 'two invocations of one process decide over one view of the claims',
    harm: LOSS,
    lane: 'stream',
    under: all(byRecord, () => ({ shards: 4, reshards: 0, consumers: Infinity })),
    sabotage: () => ({ sharesViews: true }),
  },
  {
    name: 'no condition on create',
    breaks: 'an object is overwritten instead of created',
    harm: LOSS,
    lane: 'stream',
    under: harsh,
    sabotage: breaking(({ lake, ...others }) => ({
      ...others,
      lake: replace(lake, {
        putIfAbsent: async (key, object) => {
          await lake.overwrite(key, object);
          return 'created';
        },
      }),
    })),
  },
  {
    name: 'no tombstone',
    breaks: 'whoever resolves an intent looks, and leaves nothing',
    harm: LOSS,
    lane: 'stream',
    under: harsh,
    sabotage: breaking(({ lake, ...others }) => ({
      ...others,
      lake: replace(lake, {
        putIfAbsent: async (key, object) => {
          if (object.kind === 'data') return lake.putIfAbsent(key, object);
          return (await lake.kindOf(key)) === undefined ? 'created' : 'exists';
        },
      }),
    })),
  },
  {
    name: 'no withdrawal',
    breaks: 'files of an aborted intent stay visible',
    harm: LOSS,
    lane: 'stream',
    under: harsh,
    sabotage: breaking(({ lake, ...others }) => ({
      ...others,
      lake: replace(lake, { overwrite: () => Promise.resolve() }),
    })),
  },
  {
    name: 'withdrawal after the abort',
    breaks: 'the intent is removed before its files are withdrawn',
    harm: LOSS,
    lane: 'stream',
    under: harsh,
    sabotage: breaking(({ lake, ledger, ...others }) => {
      const late: (() => Promise<void>)[] = [];
      return {
        ...others,
        lake: replace(lake, {
          overwrite: (key, object) => {
            late.push(() => lake.overwrite(key, object));
            return Promise.resolve();
          },
        }),
        ledger: replace(ledger, {
          abort: async (...args) => {
            const outcome = await ledger.abort(...args);
            for (const overwrite of late.splice(0)) await overwrite();
            return outcome;
          },
        }),
      };
    }),
  },
  {
    name: 'key without version',
    breaks: 'a later attempt writes under the same key as an earlier one',
    harm: 'no end',
    lane: 'stream',
    under: harsh,
    sabotage: breaking(({ lake, ...others }) => {
      const plain = (key: string): string => key.replace(/-v\d+\.parquet$/, '.parquet');
      return {
        ...others,
        lake: replace(lake, {
          putIfAbsent: (key, object) => lake.putIfAbsent(plain(key), object),
          overwrite: (key, object) => lake.overwrite(plain(key), object),
          kindOf: (key) => lake.kindOf(plain(key)),
        }),
      };
    }),
  },
  {
    name: 'tombstone taken for data',
    breaks: 'what stands at a taken key is not looked at',
    harm: LOSS,
    lane: 'stream',
    under: harsh,
    sabotage: breaking(({ lake, ...others }) => ({
      ...others,
      lake: replace(lake, { kindOf: () => Promise.resolve('data') }),
    })),
  },
  {
    name: 'intent names one file',
    breaks: 'whoever resolves an intent sees the first of its files only',
    harm: LOSS,
    lane: 'stream',
    under: all(harsh, () => ({ lateDays: 40 })),
    sabotage: breaking(({ ledger, ...others }) => ({
      ...others,
      ledger: replace(ledger, {
        announce: (lane, version, intent, writer) =>
          ledger.announce(lane, version, { ...intent, objects: intent.objects.slice(0, 1) }, writer),
      }),
    })),
  },
  {
    name: 'commit before the files',
    breaks: 'the position moves, then the files are written',
    harm: LOSS,
    lane: 'stream',
    sabotage: COMMIT_FIRST,
  },
  {
    name: 'writes of any version',
    breaks: 'the ledger compares nothing',
    harm: LOSS,
    lane: 'stream',
    under: harsh,
    sabotage: ANY_VERSION,
  },
  {
    name: 'no ledger',
    breaks: 'an invocation knows only what it has committed itself',
    harm: LOSS,
    lane: 'stream',
    sabotage: breaking(({ ledger, ...others }) => {
      const own = new Set<string>();
      return {
        ...others,
        ledger: replace(ledger, {
          read: async (lane) => {
            const state = await ledger.read(lane);
            return own.has(lane) || isReplay(lane) ? state : { ...state, position: undefined };
          },
          commit: async (lane, ...rest) => {
            const outcome = await ledger.commit(lane, ...rest);
            if (outcome === 'ok') own.add(lane);
            return outcome;
          },
          cede: (lane, ...rest) =>
            ledger.cede(lane, ...rest).catch((error: unknown) => {
              if (error instanceof RangeError) return 'ok' as const;
              throw error;
            }),
        }),
      };
    }),
  },
  {
    name: 'sequence numbers as text',
    breaks: 'positions are compared as text: "9" comes after "10"',
    harm: LOSS,
    lane: 'stream',
    under: () => ({ keys: 12, shards: 1, reshards: 0 }),
    sabotage: () => ({ reader: readAsText }),
  },
  {
    name: 'acknowledged before the commit',
    breaks: 'the function answers, then it works',
    harm: LOSS,
    lane: 'stream',
    sabotage: () => ({ acknowledgesEarly: true }),
  },
  {
    name: 'two lanes of one shard',
    breaks: 'two invocations at a time work on one shard (parallelization factor 2)',
    harm: LOSS,
    lane: 'stream',
    sabotage: () => ({ splitsShards: true }),
  },
  {
    name: 'replay by putting again',
    breaks: 'parked records are put on the stream again',
    harm: LOSS,
    lane: 'stream',
    under: all(byRecord, withReplays),
    sabotage: () => ({ replay: 're-put' }),
  },
  {
    name: 'replay by putting again under the old identity',
    breaks: 'parked records are put on the stream again, and their first identity is kept',
    harm: LOSS,
    lane: 'stream',
    under: all(byRecord, withReplays),
    sabotage: () => ({ replay: 're-put with identity' }),
  },
  {
    name: 'replay behind the position',
    breaks: "a replay goes by the lane's position, which has passed what was parked",
    harm: LOSS,
    lane: 'stream',
    under: withReplays,
    sabotage: () => ({ replay: 'high-water mark' }),
  },
  {
    name: 'replay without ceding',
    breaks: 'the lane of the shard may still write what is replayed',
    harm: LOSS,
    lane: 'stream',
    under: withReplays,
    sabotage: breaking(({ ledger, ...others }) => ({
      ...others,
      ledger: replace(ledger, { cede: () => Promise.resolve('ok') }),
    })),
  },
  {
    name: 'no ranges',
    breaks: 'commits of a shard leave no range for replays to see',
    harm: LOSS,
    lane: 'stream',
    under: withReplays,
    sabotage: breaking(({ ledger, ...others }) => ({
      ...others,
      ledger: replace(ledger, {
        rangesOverlapping: async (lane, ...rest) =>
          isReplay(lane) ? ledger.rangesOverlapping(lane, ...rest) : [],
      }),
    })),
  },
  {
    name: 'ranges that cover gaps',
    breaks: 'a replay records the whole delivery as one range, whatever it has landed of it',
    harm: LOSS,
    lane: 'stream',
    under: withReplays,
    sabotage: breaking(({ ledger, ...others }) => {
      let hull = { from: '', to: '' };
      return {
        ...others,
        ledger: replace(ledger, {
          rangesOverlapping: (lane, from, to) => {
            hull = { from, to };
            return ledger.rangesOverlapping(lane, from, to);
          },
          commit: (lane, version, commit, writer) =>
            ledger.commit(lane, version, isReplay(lane) ? { ...commit, ...hull } : commit, writer),
        }),
      };
    }),
  },
  {
    name: 'claims dropped when parked',
    breaks: 'whoever parks a delivery takes back its claims',
    harm: LOSS,
    lane: 'stream',
    under: all(byRecord, withReplays),
    sabotage: dropClaims,
  },
  {
    name: 'replay of a withdrawn file',
    breaks: 'a file of the quarantine is replayed while its announcement is pending',
    harm: LOSS,
    lane: 'stream',
    under: withCuration,
    sabotage: breaking(({ quarantine, ...others }) => ({
      ...others,
      quarantine: replace(quarantine, {
        read: async (key) => {
          const file = await quarantine.read(key);
          return file && { ...file, lane: 'nobody' };
        },
      }),
    })),
  },
  {
    name: 'replay forgets its rows',
    breaks: 'a replay of a quarantine file does not know which of its rows are done',
    harm: LOSS,
    lane: 'stream',
    under: withCuration,
    sabotage: breaking(({ ledger, ...others }) => {
      const own = new Set<string>();
      return {
        ...others,
        ledger: replace(ledger, {
          read: async (lane) => {
            const state = await ledger.read(lane);
            const isForgotten = lane.startsWith('replay/quarantine/') && !own.has(lane);
            return isForgotten ? { ...state, position: undefined } : state;
          },
          commit: async (lane, ...rest) => {
            const outcome = await ledger.commit(lane, ...rest);
            if (outcome === 'ok') own.add(lane);
            return outcome;
          },
        }),
      };
    }),
  },
  {
    name: 'staging does not decide',
    breaks: 'a run that comes second stages its own pages all the same',
    harm: LOSS,
    lane: 'pull',
    sabotage: UNDECIDED,
  },
  {
    name: 'nothing is staged',
    breaks: 'a run after a crash reads other pages for the same commit',
    harm: LOSS,
    lane: 'pull',
    sabotage: UNSTAGED,
  },
  {
    name: 'pull: commit before the files',
    breaks: 'the cursor moves, then the files are written',
    harm: LOSS,
    lane: 'pull',
    sabotage: COMMIT_FIRST,
  },
  {
    name: 'pull: writes of any version',
    breaks: 'of two runs both move the cursor',
    harm: LOSS,
    lane: 'pull',
    sabotage: ANY_VERSION,
  },
  {
    name: 'files: staging does not decide',
    breaks: 'a run that comes second stages its own objects all the same',
    harm: LOSS,
    lane: 'files',
    sabotage: UNDECIDED,
  },
  {
    name: 'files: nothing is staged',
    breaks: 'a run after a crash reads other versions for the same commit',
    harm: LOSS,
    lane: 'files',
    sabotage: UNSTAGED_OBJECTS,
  },
  {
    name: 'files: commit before the files',
    breaks: 'the position moves, then the files are written',
    harm: LOSS,
    lane: 'files',
    sabotage: COMMIT_FIRST,
  },
  {
    name: 'files: writes of any version',
    breaks: 'of two runs both move the position',
    harm: LOSS,
    lane: 'files',
    sabotage: ANY_VERSION,
  },
  {
    name: 'files: list after the commit',
    breaks: 'what has landed is written down after the commit, and is empty if that never came to be',
    harm: LOSS,
    lane: 'files',
    sabotage: LIST_AFTER_COMMIT,
  },
  {
    name: 'files: lists are dropped',
    breaks: 'nobody knows what has landed',
    harm: LOSS,
    lane: 'files',
    sabotage: rereadLists(() => Buffer.alloc(0)),
  },
  {
    name: 'files: lists lose their last object',
    breaks: 'a list of what has landed lacks the last object',
    harm: LOSS,
    lane: 'files',
    sabotage: rereadLists((marks) => marks.subarray(0, Math.max(0, marks.length - MARK_BYTES))),
  },
  {
    name: 'files: versions are ignored',
    breaks: 'an object that is replaced is taken for the one that has landed',
    harm: LOSS,
    lane: 'files',
    sabotage: () => ({
      objects: (objects, _invocation, bucket) => ({
        list: async (after, deadlineMs) => {
          const page = await objects.list(after, deadlineMs);
          return { ...page, objects: page.objects.map((object) => ({ ...object, tag: 'any' })) };
        },
        open: (object, offset, deadlineMs) =>
          objects.open(bucket.current(object.name) ?? object, offset, deadlineMs),
      }),
    }),
  },
  {
    name: 'files: reads of any version',
    breaks: 'what is read of an object is not pinned to the version that was listed',
    harm: LOSS,
    lane: 'files',
    sabotage: () => ({
      objects: (objects, _invocation, bucket) => ({
        list: (after, deadlineMs) => objects.list(after, deadlineMs),
        async *open(object, offset, deadlineMs) {
          for (let at = offset; ;) {
            const current = bucket.current(object.name) ?? object;
            // A range at a time, of whatever is there then.
            let isEnd = true;
            for await (const chunk of objects.open(current, at, deadlineMs)) {
              yield chunk;
              at += chunk.length;
              isEnd = false;
              break;
            }
            if (isEnd) return;
          }
        },
      }),
    }),
  },
  {
    name: 'files: stale listings',
    breaks: 'a listing does not show an object that is there',
    harm: LOSS,
    lane: 'files',
    sabotage: () => ({
      objects: (objects, { number }) => ({
        open: (object, offset, deadlineMs) => objects.open(object, offset, deadlineMs),
        list: async (after, deadlineMs) => {
          const page = await objects.list(after, deadlineMs);
          return number % 2 === 0 ? { ...page, objects: page.objects.slice(1) } : page;
        },
      }),
    }),
  },
  {
    name: 'files: listings that repeat',
    breaks: 'a listing shows every object twice',
    harm: 'nothing',
    lane: 'files',
    sabotage: () => ({
      objects: (objects) => ({
        open: (object, offset, deadlineMs) => objects.open(object, offset, deadlineMs),
        list: async (after, deadlineMs) => {
          const page = await objects.list(after, deadlineMs);
          return { ...page, objects: page.objects.flatMap((object) => [object, object]) };
        },
      }),
    }),
  },
  {
    name: 'table: cursor without key',
    breaks: 'reading goes on behind the cursor, not behind the row',
    harm: LOSS,
    lane: 'table',
    tables: ['transaction', 'statement'],
    sabotage: () => ({ quirks: { ignoresKeys: true } }),
  },
  {
    name: 'table: no horizon',
    breaks: 'transactions that are open are not waited for',
    harm: LOSS,
    lane: 'table',
    tables: ['transaction', 'statement', 'sequence', 'log'],
    sabotage: () => ({ quirks: { hasNoHorizon: true } }),
  },
  {
    name: 'table: horizon after the rows',
    breaks: 'the horizon is read after the rows, when some have become visible below it',
    harm: LOSS,
    lane: 'table',
    tables: ['transaction', 'statement', 'sequence', 'log'],
    sabotage: () => ({ quirks: { readsBeforeHorizon: true } }),
  },
  {
    name: 'table: horizon inclusive',
    breaks: 'rows at the horizon are read, and others with the same cursor come later',
    harm: LOSS,
    lane: 'table',
    tables: ['transaction', 'statement'],
    sabotage: () => ({ quirks: { includesUntil: true } }),
  },
  {
    name: 'table: counts beyond what was read',
    breaks: 'rows are counted at the source that were not read yet',
    harm: LOSS,
    lane: 'table',
    tables: ['transaction', 'sequence', 'log', 'lookback'],
    sabotage: () => ({ quirks: { countsBeyond: true } }),
  },
  {
    name: 'table: rows that are withdrawn are counted as read',
    breaks: 'the number of rows in the position goes on when an intent is withdrawn',
    harm: LOSS,
    lane: 'table',
    tables: ['sequence', 'log'],
    sabotage: breaking(({ ledger, ...others }) => {
      let withdrawn: SourceCount | undefined;
      return {
        ...others,
        ledger: replace(ledger, {
          read: async (lane) => {
            const state = await ledger.read(lane);
            const before = parseTablePosition('rows', 'cursor', state.position);
            if (withdrawn === undefined || before === undefined) return state;
            return { ...state, position: formatTablePosition({ ...before, count: withdrawn }) };
          },
          abort: async (lane, version, writer) => {
            withdrawn = countOf((await ledger.read(lane)).intent?.to);
            return ledger.abort(lane, version, writer);
          },
          commit: (lane, version, commit, writer) => {
            withdrawn = undefined;
            return ledger.commit(lane, version, commit, writer);
          },
        }),
      };
    }),
  },
  {
    name: 'table: cursor moves without its rows',
    breaks: 'an intent that is withdrawn moves the position all the same',
    harm: LOSS,
    lane: 'table',
    tables: ['transaction', 'statement', 'sequence', 'log'],
    sabotage: breaking(({ ledger, ...others }) => ({
      ...others,
      ledger: replace(ledger, {
        abort: async (lane, version, writer) => {
          const { intent } = await ledger.read(lane);
          if (intent === undefined) return ledger.abort(lane, version, writer);
          return ledger.commit(lane, version, { ...intent, keys: 0 }, writer);
        },
      }),
    })),
  },
  {
    name: 'table: commit before the files',
    breaks: 'the cursor moves, then the files are written',
    harm: LOSS,
    lane: 'table',
    sabotage: COMMIT_FIRST,
  },
  {
    name: 'table: writes of any version',
    breaks: 'of two runs both move the cursor',
    harm: LOSS,
    lane: 'table',
    tables: ['transaction', 'sequence', 'processed'],
    sabotage: ANY_VERSION,
  },
  {
    name: 'table: marks before the commit',
    breaks: 'entries of a change log are marked as they are read',
    harm: LOSS,
    lane: 'table',
    tables: ['processed'],
    sabotage: () => ({ quirks: { marksAtOnce: true } }),
  },
  {
    name: 'table: landed entries are forgotten',
    breaks: 'entries that have landed and are not marked yet are taken for new ones',
    harm: LOSS,
    lane: 'table',
    tables: ['processed'],
    sabotage: breaking(({ ledger, ...others }) => ({
      ...others,
      ledger: replace(ledger, {
        read: async (lane) => {
          const state = await ledger.read(lane);
          const position = parseTablePosition('rows', 'processed', state.position);
          return position === undefined
            ? state
            : { ...state, position: formatTablePosition({ ...position, landed: '' }) };
        },
      }),
    })),
  },
  {
    name: 'table: claims without content',
    breaks: 'a row that was changed under its cursor is taken for the one that has landed',
    harm: LOSS,
    lane: 'table',
    tables: ['lookback'],
    sabotage: breaking(({ stage, ...others }) => ({
      ...others,
      stage: replace(stage, {
        decide: (lane, number, bytes) => stage.decide(lane, number, claimByPlace(bytes)),
      }),
    })),
  },
  {
    name: 'table: staging does not decide',
    breaks: 'a run that comes second stages its own rows all the same',
    harm: LOSS,
    lane: 'table',
    tables: ['lookback'],
    sabotage: UNDECIDED,
  },
  {
    name: 'table: nothing is staged',
    breaks: 'a run after a crash reads other rows for the same commit',
    harm: LOSS,
    lane: 'table',
    tables: ['lookback'],
    sabotage: UNSTAGED,
  },
  {
    name: 'table: plans are not decided',
    breaks: 'every run divides the table as it finds it, and takes the splits of others for its own',
    harm: LOSS,
    lane: 'table',
    tables: ['extract'],
    sabotage: breaking(({ stage, files, ...others }) => {
      const plans = new Map<number, Uint8Array>();
      const isPlan = (lane: string): boolean => lane.endsWith('/extract');
      return {
        ...others,
        files: replace(files, {
          put: (name, bytes) => files.put(withoutTime(name), bytes),
          read: (name) => files.read(withoutTime(name)),
        }),
        stage: replace(stage, {
          find: (lane, number) =>
            isPlan(lane) ? Promise.resolve(plans.get(number)) : stage.find(withoutTime(lane), number),
          decide: (lane, number, bytes) => {
            if (!isPlan(lane)) return stage.decide(withoutTime(lane), number, bytes);
            plans.set(number, bytes);
            return Promise.resolve(bytes);
          },
        }),
      };
    }),
  },
  {
    name: 'table: an announced extract is taken for put',
    breaks: 'whoever finds it commits it without a look at its files',
    harm: LOSS,
    lane: 'table',
    tables: ['extract'],
    sabotage: breaking(({ lake, ...others }) => ({
      ...others,
      lake: replace(lake, { kindOf: async (key) => (await lake.kindOf(key)) ?? 'data' }),
    })),
  },
  {
    name: 'table: an extract goes on over tombstones',
    breaks: 'files that somebody withdraws are taken for put',
    harm: LOSS,
    lane: 'table',
    tables: ['extract'],
    sabotage: breaking(({ lake, ...others }) => ({
      ...others,
      lake: replace(lake, {
        kindOf: async (key) => ((await lake.kindOf(key)) === undefined ? undefined : 'data'),
      }),
    })),
  },
  {
    name: 'table: ranges overlap',
    breaks: 'the row at a boundary belongs to the ranges on both sides of it',
    harm: LOSS,
    lane: 'table',
    tables: ['extract'],
    sabotage: () => ({ quirks: { includesFrom: true } }),
  },
  {
    name: 'table: ranges leave gaps',
    breaks: 'the row at a boundary belongs to neither of the ranges beside it',
    harm: LOSS,
    lane: 'table',
    tables: ['extract'],
    sabotage: () => ({ quirks: { excludesTo: true } }),
  },
  {
    name: 'table: attempts of a split are mixed',
    breaks: 'files of different attempts have the same names',
    harm: LOSS,
    lane: 'table',
    tables: ['extract'],
    sabotage: breaking(({ files, ...others }) => {
      const plain = (name: string): string => name.replace(/\/[^/]+(\/\d+)$/, '$1');
      return {
        ...others,
        files: replace(files, {
          put: (name, bytes) => files.put(plain(name), bytes),
          read: (name) => files.read(plain(name)),
        }),
      };
    }),
  },
  {
    name: 'keys: only the last inventory is compared',
    breaks: 'rows that came and went between two inventories are in neither',
    harm: LOSS,
    lane: 'table',
    tables: ['reconciled', 'reconciled-lookback'],
    sabotage: () => ({
      keys: (keys) => {
        let all = 0;
        return {
          ...keys,
          list: async (source) => {
            const names = await keys.list(source);
            all = names.length;
            return names;
          },
          // Files since the last inventory are fewer than all.
          gather: async (source, names, untilMs) => {
            const gathered = await keys.gather(source, names, untilMs);
            return names.length < all ? { ...gathered, rows: 0 } : gathered;
          },
        };
      },
    }),
  },
  {
    name: 'keys: rows that land meanwhile are not looked at',
    breaks: 'a row that came back after its key was looked for, and has landed, is marked as deleted',
    harm: LOSS,
    lane: 'table',
    tables: ['reconciled', 'reconciled-lookback'],
    sabotage: () => ({
      keys: (keys) => ({
        ...keys,
        rowsOf: (source, { keys: file }) => keys.rowsOf(source, { keys: file, without: [] }),
      }),
    }),
  },
  {
    name: 'keys: deletes are committed beside the rows',
    breaks: 'rows that land between the comparison and its commit do not stop it, as in a lane of its own',
    harm: LOSS,
    lane: 'table',
    tables: ['reconciled'],
    sabotage: DELETES_BESIDE,
  },
  {
    name: 'keys: deletes are not staged in turn',
    breaks: 'deletes are committed in place of a batch that was decided, whose rows have claimed their keys',
    harm: LOSS,
    lane: 'table',
    tables: ['reconciled-lookback'],
    sabotage: UNDECIDED,
  },
  {
    name: 'keys: deletes are as old as can be',
    breaks: 'a delete is older than the row that it is about',
    harm: LOSS,
    lane: 'table',
    tables: ['reconciled', 'reconciled-lookback'],
    sabotage: () => ({
      columns: (columns) => ({
        open: (source, lake) => columns.open(source, lake.op === 'd' ? { ...lake, receivedAtMs: 0 } : lake),
      }),
    }),
  },
  {
    name: 'keys: deletes are of a clock that is behind',
    breaks: 'a delete has the time of the process that finds it, whatever time the row has',
    harm: LOSS,
    lane: 'table',
    tables: ['reconciled', 'reconciled-lookback'],
    sabotage: () => ({
      columns: (columns) => ({
        open: (source, lake) =>
          columns.open(
            source,
            lake.op === 'd' ? { ...lake, receivedAtMs: lake.receivedAtMs - RECONCILE_MS } : lake,
          ),
      }),
    }),
  },
  {
    name: 'keys: rows do not mind the deletes before them',
    breaks:
      'a row that came back has the time of the process that reads it, and may be older than the delete',
    harm: LOSS,
    lane: 'table',
    tables: ['reconciled'],
    sabotage: breaking(({ ledger, ...others }) => ({
      ...others,
      ledger: replace(ledger, {
        read: async (lane) => {
          const state = await ledger.read(lane);
          const position = parseTablePosition('rows', 'cursor', state.position);
          const done = position?.keys?.done;
          if (position === undefined || done === undefined) return state;
          const keys = { ...position.keys, done: { ...done, landedAtMs: 0 } };
          return { ...state, position: formatTablePosition({ ...position, keys }) };
        },
      }),
    })),
  },
  {
    name: 'keys: the table is read from a replica that is behind',
    breaks: 'rows that have landed are not there yet where their keys are looked for',
    harm: LOSS,
    lane: 'table',
    tables: ['reconciled', 'reconciled-lookback'],
    sabotage: () => ({ quirks: { readsOldKeys: true } }),
  },
  {
    name: 'keys: files are listed after the table was read',
    breaks: 'rows that came after their key was looked for are taken for rows that are gone',
    harm: LOSS,
    lane: 'table',
    tables: ['reconciled', 'reconciled-lookback'],
    sabotage: () => ({
      keys: (keys) => ({
        ...keys,
        // Whoever compares finds files that were not there when the inventory was begun.
        gather: async (source, names, untilMs) => {
          const all = await keys.list(source);
          return {
            ...(await keys.gather(source, [...all].reverse().slice(0, 3), untilMs)),
            files: Math.min(3, names.length),
          };
        },
        rowsOf: (source, { keys: file }) => keys.rowsOf(source, { keys: file, without: [] }),
      }),
    }),
  },
  {
    name: 'landing: manifests are not read',
    breaks: 'a frame that is still there, or there again, is taken for a new one',
    harm: LOSS,
    lane: 'landing',
    sabotage: breaking(
      ({ stage, ...others }) => ({
        ...others,
        stage: replace(stage, { find: () => Promise.resolve(undefined) }),
      }),
      { isAlwaysCold: true },
    ),
  },
  {
    name: 'landing: manifests are forgotten early',
    breaks: 'only what was landed by the last commit is known',
    harm: LOSS,
    lane: 'landing',
    sabotage: breaking(({ ledger, ...others }) => ({
      ...others,
      ledger: replace(ledger, {
        read: async (lane) => {
          const state = await ledger.read(lane);
          return atLanding(state, (position) => ({ ...position, first: Math.max(0, state.commits - 1) }));
        },
      }),
    })),
  },
  {
    name: 'landing: staging does not decide',
    breaks: 'a run that comes second lands its own frames all the same',
    harm: LOSS,
    lane: 'landing',
    sabotage: breaking(
      ({ stage, ...others }) => ({
        ...others,
        stage: replace(stage, {
          decide: async (lane, number, bytes) => {
            await stage.decide(lane, number, bytes);
            return bytes;
          },
        }),
      }),
      { isAlwaysCold: true },
    ),
  },
  {
    name: 'landing: removed before the commit',
    breaks: 'a frame is removed when it is read',
    harm: LOSS,
    lane: 'landing',
    sabotage: breaking(({ zone, ...others }) => ({
      ...others,
      zone: replace(zone, {
        read: async (source, name) => {
          const bytes = await zone.read(source, name);
          await zone.remove(source, [name]);
          return bytes;
        },
      }),
    })),
  },
  {
    name: 'landing: the floor follows what has landed',
    breaks: 'a frame with an earlier name than one that has landed is not looked for',
    harm: LOSS,
    lane: 'landing',
    sabotage: breaking(({ ledger, ...others }) => ({
      ...others,
      ledger: replace(ledger, {
        read: async (lane) =>
          atLanding(await ledger.read(lane), (position) => ({ ...position, floor: position.newest })),
      }),
    })),
  },
  {
    name: 'landing: the floor is too young',
    breaks: 'the floor is not an hour behind, but at most a minute',
    harm: LOSS,
    lane: 'landing',
    sabotage: () => ({ readersAheadMs: 59 * 60_000 }),
  },
  {
    name: 'landing: frames come at any time',
    breaks: 'the landing zone takes frames that were named hours ago',
    harm: LOSS,
    lane: 'landing',
    sabotage: () => ({ takesLateFrames: true, writersBehindMs: 3 * 3_600_000 }),
  },
  {
    name: 'landing: commit before the files',
    breaks: 'the position moves, then the files are written',
    harm: LOSS,
    lane: 'landing',
    sabotage: COMMIT_FIRST,
  },
  {
    name: 'landing: writes of any version',
    breaks: 'of two runs both move the position',
    harm: LOSS,
    lane: 'landing',
    sabotage: ANY_VERSION,
  },
  {
    name: 'landing: nothing is removed',
    breaks: 'frames stay where they are when they have landed',
    harm: 'no end',
    lane: 'landing',
    sabotage: breaking(({ zone, ...others }) => ({
      ...others,
      zone: replace(zone, { remove: () => Promise.resolve() }),
    })),
  },
  {
    name: 'landing: stale listings',
    breaks: 'a listing does not show the last frame that was put',
    harm: 'nothing',
    lane: 'landing',
    sabotage: breaking(({ zone, ...others }, { number }) => ({
      ...others,
      zone: replace(zone, {
        list: async (source, after) => {
          const page = await zone.list(source, after);
          return page.isLast && number % 2 === 0 ? { ...page, frames: page.frames.slice(0, -1) } : page;
        },
      }),
    })),
  },
  {
    name: 'refused create is a failure',
    breaks: 'a file that is there already makes the invocation fail',
    harm: 'nothing',
    lane: 'stream',
    under: harsh,
    sabotage: breaking(({ lake, ...others }) => ({
      ...others,
      lake: replace(lake, {
        putIfAbsent: async (key, object) => {
          const outcome = await lake.putIfAbsent(key, object);
          if (outcome === 'exists' && object.kind === 'data') throw new TransientError('FAULT', '412');
          return outcome;
        },
      }),
    })),
  },
];

/** Name of a split, or of a file of one, without the time of its plan. */
const withoutTime = (name: string): string => name.replace(/(\/extract\/\d+)-\d+/, '$1');

/** A state whose position on the landing lane is another one. */
function atLanding(state: LedgerState, change: (position: LandingPosition) => LandingPosition): LedgerState {
  if (state.position === undefined) return state;
  return { ...state, position: formatLandingPosition(change(parseLandingPosition('', state.position))) };
}

async function claimViolations(deps: LandDeps, batch: LaneBatch): Promise<void> {
  for (const entry of batch.entries) {
    if (entry.kind !== 'frame') continue;
    const { source, frame, origin } = entry;
    for (let index = 0; index < frame.count; index++) {
      if (frame.flags[index] !== RecordFlag.violation) continue;
      const body = JSON.parse(recordBytes(frame, index).toString()) as Body;
      const key = keyOf({ name: source.name, timeInKey: source.config.key.includes('t') }, body);
      const candidates = new ClaimList();
      candidates.add(toClaimant(origin), key, 0, frame.digests.readUInt32LE(index * 4), index);
      await claimKeys(
        {
          claimLog: deps.claimLog,
          clock: deps.clock,
          newToken: deps.newToken,
          cache: deps.claimCache,
          limits: deps.claimLimits ?? CLAIM_LIMITS,
          probe: () => undefined,
        },
        [
          {
            source: source.name,
            bucket: claimBucket(source.name, source.config, body.t),
            windowMs: WINDOW_MS,
            candidates,
            eventTimesMs: () => [body.t],
          },
        ],
      );
    }
  }
}

function readAsText({ records, createReader }: Delivery): LaneReader {
  const { lane } = createReader(records);
  return {
    lane,
    read: (state, maxBytes) => {
      const { position } = state;
      const todo = records.filter(
        ({ sequenceNumber }) => position === undefined || sequenceNumber > position,
      );
      return createReader(todo).read({ ...state, position: undefined }, maxBytes);
    },
  };
}

function dropClaims(): Sabotage {
  /** When claims were taken back, by the first word of their claimant. */
  const dropped = new Map<number, number>();
  return {
    forgetsClaims: true,
    onPark: (shardId, records, nowMs) => {
      for (const { sequenceNumber } of records) {
        dropped.set(toClaimant(kinesisOrigin(STREAM, shardId, sequenceNumber)).readUInt32LE(0), nowMs);
      }
    },
    stores: ({ claimLog, ...others }) => ({
      ...others,
      claimLog: replace(claimLog, {
        read: async (bucket, after) =>
          (await claimLog.read(bucket, after)).map((entry) => {
            if (entry.kind === 'closed') return entry;
            const claimedAtMs = entry.expiresAtMs - WINDOW_MS;
            const isDropped = (claimant: number): boolean => (dropped.get(claimant) ?? 0) > claimedAtMs;
            // A key that nobody asks for: the claim is gone.
            const drop: ClaimChange = (words, at) => {
              if (isDropped(words[at + CLAIMANT_WORD] ?? 0)) words[at] = 0;
            };
            return { ...entry, packed: entry.packed.map((packed) => rewrite(packed, drop)) };
          }),
      }),
    }),
  };
}
