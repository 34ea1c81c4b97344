import { laneOf } from '../config/lane-of.ts';
import type { ReceivedSourceConfig } from '../config/schema.ts';
import { buildFrames } from '../domain/build-frames.ts';
import { TransientError } from '../domain/errors.ts';
import { DIGEST_BYTES, FINGERPRINT_BYTES } from '../domain/idempotency-key.ts';
import type { FrameRecord } from '../domain/frame.ts';
import type { Source } from '../domain/source.ts';
import { violation } from '../domain/violation.ts';
import type { Violation } from '../domain/contract.ts';
import type { FrameBus, FramePlace, OutgoingFrame } from '../ports/frame-bus.ts';

/** What became of one record of a request. */
export interface RecordOutcome {
  /**
   * `accepted`: meets its contract. `duplicate`: the same as an earlier record of the request. `quarantined`: violates
   * its contract and is kept with the reason. `rejected`: nothing is kept.
   */
  readonly status: 'accepted' | 'duplicate' | 'quarantined' | 'rejected';
  /** The key's parts for people, if the record has them. */
  readonly id: string | undefined;
  readonly violations: readonly Violation[];
}

/** Checked records, and those of them that are to be made durable. */
export interface CheckedBatch {
  /** One per record, in order. */
  readonly outcomes: readonly RecordOutcome[];
  /** What goes into frames. */
  readonly kept: readonly { readonly index: number; readonly record: FrameRecord }[];
}

/** Bounds that apply to every record before it is looked at. */
export interface CheckOptions {
  readonly receivedAtMs: number;
  readonly maxRecordBytes: number;
  /** What must hold of a record whatever its contract says: a record with violations is rejected. */
  readonly refuse?: ((bytes: Uint8Array) => readonly Violation[]) | undefined;
}

function tooLong(bytes: number, maxBytes: number): RecordOutcome {
  const problem = `has ${String(bytes)} bytes; at most ${String(maxBytes)} are allowed: split it or keep large parts elsewhere`;
  return { status: 'rejected', id: undefined, violations: [violation([], 'record-size', problem)] };
}

/** Checks the records of a request. Duplicates within the request are marked; they are kept all the same. */
export function checkRecords(
  source: Source,
  records: readonly Uint8Array[],
  options: CheckOptions,
): CheckedBatch {
  const kept: { index: number; record: FrameRecord }[] = [];
  const seen = source.config.dedupe === 'record' ? new Set<string>() : undefined;
  const identity = Buffer.alloc(FINGERPRINT_BYTES + DIGEST_BYTES);
  const outcomes = records.map((bytes, index): RecordOutcome => {
    if (bytes.length > options.maxRecordBytes) return tooLong(bytes.length, options.maxRecordBytes);
    const refused = options.refuse?.(bytes) ?? [];
    if (refused.length > 0) return { status: 'rejected', id: undefined, violations: refused };
    const checked = source.check(bytes, options.receivedAtMs);
    const { id, violations } = checked;
    if (checked.status === 'rejected') return { status: 'rejected', id, violations };
    const { record } = checked;
    kept.push({ index, record });
    if (checked.status === 'quarantined') return { status: 'quarantined', id, violations };
    if (seen === undefined) return { status: 'accepted', id, violations };
    // The same key with another payload is no duplicate: the engine decides it, and keeps both.
    identity.set(record.fingerprint);
    identity.set(record.digest, FINGERPRINT_BYTES);
    const known = seen.size;
    seen.add(identity.toString('latin1'));
    return { status: seen.size > known ? 'accepted' : 'duplicate', id, violations };
  });
  return { outcomes, kept };
}

/** What sending the records of a request came to. */
export interface SentRecords {
  /** One per record, in order; records that fit no frame are rejected. */
  readonly outcomes: readonly RecordOutcome[];
  /** Where their frames stand. */
  readonly places: readonly FramePlace[];
}

/**
 * Makes checked records durable: puts them into frames and sends them. Records with an order have frames of their own
 * for each group of them, and all frames of a group have one partition key.
 *
 * @param frameId id of the request; a repeated request should have the same
 * @throws TransientError when not every frame is durable; those that are do no harm, because the repeated request's
 *   records are recognised by their keys
 */
export async function sendRecords(
  bus: FrameBus,
  source: Source<ReceivedSourceConfig>,
  batch: CheckedBatch,
  { frameId, receivedAtMs }: { readonly frameId: string; readonly receivedAtMs: number },
): Promise<SentRecords> {
  const header = { source: source.name, frameId, contractVersion: source.contract.version, receivedAtMs };
  const outcomes = [...batch.outcomes];
  const frames: OutgoingFrame[] = [];
  for (const [orderGroup, kept] of byOrderGroup(batch.kept)) {
    const group = orderGroup === undefined ? undefined : `${source.name}-${String(orderGroup)}`;
    const built = buildFrames(
      group === undefined ? header : { ...header, frameId: `${frameId}-${group}` },
      kept.map(({ record }) => record),
      source.config.partition,
    );
    for (const { frameId: ownKey, bytes } of built.frames) {
      frames.push({ bytes, partitionKey: group ?? ownKey });
    }
    for (const at of built.tooLarge) {
      const entry = kept[at];
      if (entry === undefined) continue;
      const problem = 'does not compress enough to be carried; split it or keep large parts elsewhere';
      outcomes[entry.index] = {
        status: 'rejected',
        id: outcomes[entry.index]?.id,
        violations: [violation([], 'record-size', problem)],
      };
    }
  }
  if (frames.length === 0) return { outcomes, places: [] };
  const { durable, places, error } = await bus.send(frames);
  if (durable.length < frames.length) {
    throw new TransientError(
      laneOf(source.config) === 'stream' ? 'STREAM_REFUSED' : 'LANDING_REFUSED',
      `${String(durable.length)} of ${String(frames.length)} frames are stored: ${error ?? 'no reason was given'}`,
    );
  }
  return { outcomes, places };
}

type Kept = CheckedBatch['kept'];

/** Records by their order group, each group in the order of the request. */
function byOrderGroup(kept: Kept): ReadonlyMap<number | undefined, Kept> {
  const groups = new Map<number | undefined, Kept[number][]>();
  for (const entry of kept) {
    const { orderGroup } = entry.record;
    const group = groups.get(orderGroup);
    if (group === undefined) groups.set(orderGroup, [entry]);
    else group.push(entry);
  }
  return groups;
}
