import { DAYS_PER_MONTH, dynamoReadUnits, dynamoWriteUnits, toBilledGb } from './metering.ts';
import { addUsage, scaleUsage, type Usage } from './usage.ts';
import type { Workload, WorkSpeed } from './workload.ts';

/** Memory with which a function has one vCPU; Headgate's functions keep no more than one at work. */
const ONE_VCPU_MIB = 1769;

/** Milliseconds that CPU time, measured on the core of the benchmarks, takes in a function of so much memory. */
export function functionMs(cpuMs: number, memoryMiB: number, { vcpu }: WorkSpeed): number {
  return cpuMs / (Math.min(1, memoryMiB / ONE_VCPU_MIB) * vcpu);
}

/** So many invocations of so many milliseconds. */
export function invocations(count: number, ms: number, memoryMiB: number): Usage {
  // Whole milliseconds are what one invocation is billed as; the mean of many lies half of one above their own.
  const gbSeconds = ((ms + 0.5) / 1000) * (memoryMiB / 1024);
  return { lambdaRequest: count, lambdaArmGbSecond: count * gbSeconds };
}

/** What an item of the ledger or of the claims has besides its content: names, key, token, time to live. */
const ITEM_OVERHEAD_BYTES = 150;
/** A packed claim: 12 bytes of key, 4 of digest, and what says whose it is, see claims.ts. */
const CLAIM_BYTES = 17;
/** Claims of one stored item, see claim-keys.ts. */
const CLAIMS_PER_ITEM = 10_000;
/** Entries that refer to claims that are stored apart are this small. */
const ENTRY_UNITS = 1;
/** From this size on claims are an object: alone in a bucket, and among others; see dynamo-claim-log.ts. */
const OBJECT_FROM_BYTES = { alone: 9 * 1024, among: 128 * 1024 } as const;
/** How many claims a bucket holds until the next one is begun, see claim-bucket.ts; its first writer does not know that it is alone. */
const CLAIMS_PER_BUCKET = 500_000;
/** Claims stay a day longer than the window, see dynamo-claim-log.ts. */
const EXTRA_CLAIM_DAYS = 1;
/** Objects are kept for a week and some days, by the classes of claim-objects.ts. */
const EXTRA_OBJECT_DAYS = 3;

/** What the claims of one commit are billed as. */
export interface ClaimedCommit {
  /** Keys that are claimed. */
  readonly claims: number;
  /** Consumers that claim in the same bucket, this one included. */
  readonly writers: number;
}

/** Claiming keys: writing them, and reading what the others have claimed. */
export function claimUsage(commit: ClaimedCommit): Usage {
  const { claims, writers } = commit;
  if (claims <= 0) return {};
  const inTable = claimsInTable(commit);
  const alone = claimsInObject(commit);
  // Who begins a bucket puts its claims where they are put among others.
  const isFirst = writers > 1 ? 1 : Math.min(1, claims / CLAIMS_PER_BUCKET);
  const bytes = claims * CLAIM_BYTES;
  if (bytes >= OBJECT_FROM_BYTES.among) return alone;
  if (writers > 1 || bytes < OBJECT_FROM_BYTES.alone) return inTable;
  return addUsage(scaleUsage(inTable, isFirst), scaleUsage(alone, 1 - isFirst));
}

function claimsInObject({ writers }: ClaimedCommit): Usage {
  return {
    s3Put: 1,
    s3Get: writers - 1,
    dynamoWriteUnit: ENTRY_UNITS,
    dynamoReadUnit: writers > 1 ? 0.5 : 0,
  };
}

function claimsInTable({ claims, writers }: ClaimedCommit): Usage {
  const items = Math.ceil(claims / CLAIMS_PER_ITEM);
  const isApart = items > 1 || writers > 1;
  const bytes = (claims / items) * CLAIM_BYTES + ITEM_OVERHEAD_BYTES;
  return {
    dynamoWriteUnit: items * dynamoWriteUnits(bytes) + (isApart ? ENTRY_UNITS : 0),
    // Whoever else claims here reads it once, eventually consistent.
    dynamoReadUnit: writers > 1 ? 0.5 + (writers - 1) * items * dynamoReadUnits(bytes, 'eventual') : 0,
  };
}

/** So many commits of a month that claim: the claims, and keeping them until they expire, as items or objects. */
export function claimedCommits(count: number, commit: ClaimedCommit, dedupeDays: number): Usage {
  const usage = claimUsage(commit);
  const bytes = count * commit.claims * CLAIM_BYTES;
  const days = dedupeDays + EXTRA_CLAIM_DAYS;
  const inObjects = Math.min(1, usage.s3Put ?? 0);
  const objectGb = toBilledGb((bytes * (days + EXTRA_OBJECT_DAYS)) / DAYS_PER_MONTH);
  return addUsage(
    scaleUsage(usage, count),
    scaleUsage(kept(bytes, days), 1 - inObjects),
    scaleUsage({ s3GbMonth: objectGb }, inObjects),
  );
}

/** Bytes of items that are written in a month and kept for some days. */
export function kept(bytesPerMonth: number, days: number): Usage {
  const gb = toBilledGb((bytesPerMonth * days) / DAYS_PER_MONTH);
  return { dynamoGbMonth: gb, dynamoBackupGbMonth: gb };
}

/**
 * Writes of the ledger for one commit of records: the announcement, and the commit itself. That is a transaction, in which
 * writes count twice: of the position, of the range where ranges are listed, as of a stream, and of the counts of each
 * source, see `COUNT_USAGE`.
 */
export function ledgerUsage(hasRanges: boolean): Usage {
  return { dynamoWriteUnit: 1 + 2 * (hasRanges ? 2 : 1) };
}

/** Counting what a commit has settled of one source, received in one hour. */
export const COUNT_USAGE: Usage = { dynamoWriteUnit: 2 };

/** Keys that a commit claims. */
export function claimsOf(
  { recordBytes, recordsPerRequest }: Workload,
  dedupe: 'record' | 'request' | 'none',
  rawBytes: number,
): number {
  const records = rawBytes / recordBytes;
  if (dedupe === 'none') return 0;
  return dedupe === 'record' ? records : records / recordsPerRequest;
}

/** CPU time of landing so many bytes in so many files, with claims and ledger, in ms. */
export function landingCpuMs({ speed }: Workload, rawBytes: number, files: number): number {
  return (files * speed.landMsPerFile + (rawBytes / 1e6) * speed.landMsPerMb) * speed.claimsCpuRatio;
}

/** Usages of one thing that happens so often. */
export const times = (count: number, ...usages: readonly Usage[]): Usage =>
  scaleUsage(addUsage(...usages), count);
