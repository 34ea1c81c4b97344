import { usesLanding } from '../config/lane-of.ts';
import type { SourceConfig } from '../config/schema.ts';
import { toMs } from '../config/units.ts';
import {
  CLAIM_LIMITS,
  claimBucket,
  requestBucket,
  type ClaimBucket,
  type ClaimLimits,
} from '../domain/claim-bucket.ts';
import { ClaimList, Verdict } from '../domain/claims.ts';
import type { Frame } from '../domain/frame.ts';
import { DIGEST_BYTES, FINGERPRINT_BYTES, fingerprint } from '../domain/idempotency-key.ts';
import { toClaimant, type Origin } from '../domain/identity.ts';
import type { Source } from '../domain/source.ts';
import { claimKeys, peekKeys, type BucketCandidates, type ClaimCache, type ClaimDeps } from './claim-keys.ts';
import type { LaneBatch } from './lane.ts';
import type { BatchPlan, PartitionPlan } from './plan-batch.ts';
import { probeNothing, type Probe } from './probe.ts';

/** What claiming needs of the engine. */
export interface ClaimBatchDeps extends Pick<ClaimDeps, 'claimLog' | 'clock' | 'newToken'> {
  readonly claimCache: ClaimCache;
  /** When buckets of claims are closed; `CLAIM_LIMITS` by default. */
  readonly claimLimits?: ClaimLimits;
  readonly probe?: Probe;
}

/** What the claims say of the records of each frame, by index; a frame that is not there keeps all its records. */
export type Verdicts = ReadonlyMap<Frame, Uint8Array>;

/** The records of a slice that stand together among the candidates, or a frame that stands there as a whole. */
interface Subject {
  readonly frame: Frame;
  readonly indices: readonly number[] | undefined;
}

interface Bucket extends BucketCandidates {
  readonly subjects: Subject[];
}

/**
 * Claims the keys of all records that go to a data file. A record that goes to quarantine claims nothing: a malformed
 * record that claims would suppress its corrected resend. Where requests are claimed as a whole, a repeated request is
 * a duplicate with everything in it.
 */
export async function claimBatch(deps: ClaimBatchDeps, batch: LaneBatch, plan: BatchPlan): Promise<Verdicts> {
  const buckets = toBuckets(batch, plan);
  const verdicts = await claimKeys(
    {
      claimLog: deps.claimLog,
      clock: deps.clock,
      newToken: deps.newToken,
      cache: deps.claimCache,
      limits: deps.claimLimits ?? CLAIM_LIMITS,
      probe: deps.probe ?? probeNothing,
    },
    buckets,
  );
  return toVerdicts(buckets, verdicts);
}

/** What `claimBatch` would say now, without claiming anything; see `peekKeys`. */
export async function peekBatch(
  deps: Pick<ClaimBatchDeps, 'claimLog'>,
  batch: LaneBatch,
  plan: BatchPlan,
): Promise<Verdicts> {
  const buckets = toBuckets(batch, plan);
  return toVerdicts(buckets, await peekKeys(deps, buckets));
}

function toBuckets(batch: LaneBatch, plan: BatchPlan): readonly Bucket[] {
  const buckets = new Map<string, Bucket>();
  collectRecords(buckets, plan.partitions);
  collectRequests(buckets, batch);
  return [...buckets.values()];
}

function toVerdicts(buckets: readonly Bucket[], ofBuckets: readonly Uint8Array[]): Verdicts {
  const verdicts = new Map<Frame, Uint8Array>();
  buckets.forEach(({ subjects }, b) => {
    const ofBucket = ofBuckets[b];
    if (ofBucket?.some((verdict) => verdict !== Verdict.own) !== true) return;
    let at = 0;
    for (const { frame, indices } of subjects) {
      let ofFrame = verdicts.get(frame);
      if (ofFrame === undefined) verdicts.set(frame, (ofFrame = new Uint8Array(frame.count)));
      if (indices === undefined) ofFrame.fill(ofBucket[at++] ?? Verdict.own);
      else for (const index of indices) ofFrame[index] = ofBucket[at++] ?? Verdict.own;
    }
  });
  return verdicts;
}

/**
 * Claims count from when a record lands. Of two that arrive together in the landing zone one may land a run later, or
 * days later behind a backlog.
 */
const LANDING_WAIT_MS = 86_400_000;

function claimWindowMs(config: SourceConfig): number {
  const windowMs = toMs(config.dedupeWindow);
  const mayWait = (config.type === 'push' || config.type === 'webhook') && usesLanding(config);
  return mayWait ? windowMs + LANDING_WAIT_MS : windowMs;
}

function bucketFor(buckets: Map<string, Bucket>, source: Source, bucket: ClaimBucket): Bucket {
  let found = buckets.get(bucket.name);
  if (found === undefined) {
    const subjects: Subject[] = [];
    found = {
      source: source.name,
      bucket,
      windowMs: claimWindowMs(source.config),
      candidates: new ClaimList(),
      eventTimesMs: () =>
        subjects.flatMap(({ frame, indices }) =>
          (indices ?? [0]).map((index) => frame.eventTimesMs[index] ?? 0),
        ),
      subjects,
    };
    buckets.set(bucket.name, found);
  }
  return found;
}

/** Every record claims its key. */
function collectRecords(buckets: Map<string, Bucket>, partitions: readonly PartitionPlan[]): void {
  for (const { source, slices } of partitions) {
    const [first] = slices;
    if (first === undefined || source.config.dedupe !== 'record') continue;
    // All records of a partition, an hour or a day, are in one bucket.
    const eventTimeMs = first.frame.eventTimesMs[first.indices[0] ?? 0] ?? 0;
    const bucket = bucketFor(buckets, source, claimBucket(source.name, source.config, eventTimeMs));
    bucket.candidates.reserve(slices.reduce((sum, { indices }) => sum + indices.length, 0));
    for (const { frame, origin, firstIndex, indices } of slices) {
      const claimant = toClaimant(origin);
      const { fingerprints, digests } = frame;
      for (const index of indices) {
        const digest = digests.readUInt32LE(index * DIGEST_BYTES);
        bucket.candidates.add(claimant, fingerprints, index * FINGERPRINT_BYTES, digest, firstIndex + index);
      }
      bucket.subjects.push({ frame, indices });
    }
  }
}

/** Every frame claims the id of its request, whatever became of its records. */
function collectRequests(buckets: Map<string, Bucket>, batch: LaneBatch): void {
  for (const entry of batch.entries) {
    if (entry.kind !== 'frame' || entry.source.config.dedupe !== 'request') continue;
    if (entry.claims === 'none') continue;
    const { source, origin, frame }: { source: Source; origin: Origin; frame: Frame } = entry;
    const bucket = bucketFor(buckets, source, requestBucket(source.name));
    bucket.candidates.add(toClaimant(origin), fingerprint(source.name, [frame.header.frameId]), 0, 0, 0);
    bucket.subjects.push({ frame, indices: undefined });
  }
}
