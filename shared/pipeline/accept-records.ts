import { buildFrames } from '../domain/build-frames.ts';
import { TransientError } from '../domain/errors.ts';
import type { FrameRecord } from '../domain/frame.ts';
import type { Source } from '../domain/source.ts';
import { violation } from '../domain/violation.ts';
import type { Violation } from '../domain/contract.ts';
import type { FrameBus } from '../ports/frame-bus.ts';

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
  const outcomes = records.map((bytes, index): RecordOutcome => {
    if (bytes.length > options.maxRecordBytes) return tooLong(bytes.length, options.maxRecordBytes);
    const checked = source.check(bytes, options.receivedAtMs);
    const { id, violations } = checked;
    if (checked.status === 'rejected') return { status: 'rejected', id, violations };
    const { record } = checked;
    kept.push({ index, record });
    if (checked.status === 'quarantined') return { status: 'quarantined', id, violations };
    if (seen === undefined) return { status: 'accepted', id, violations };
    // The same key with another payload is no duplicate: the engine decides it, and keeps both.
    const identity = `${Buffer.from(record.fingerprint).toString('latin1')}${Buffer.from(record.digest).toString('latin1')}`;
    const isNew = !seen.has(identity);
    if (isNew) seen.add(identity);
    return { status: isNew ? 'accepted' : 'duplicate', id, violations };
  });
  return { outcomes, kept };
}

/**
 * Makes checked records durable: puts them into frames and sends them.
 *
 * @param frameId id of the request; a repeated request should have the same
 * @returns the outcomes, with records that fit no frame as rejected
 * @throws TransientError when not every frame is durable; those that are do no harm, because the repeated request's
 *   records are recognised by their keys
 */
export async function sendRecords(
  bus: FrameBus,
  source: Source,
  batch: CheckedBatch,
  { frameId, receivedAtMs }: { readonly frameId: string; readonly receivedAtMs: number },
): Promise<readonly RecordOutcome[]> {
  const header = { source: source.name, frameId, contractVersion: source.contract.version, receivedAtMs };
  const built = buildFrames(
    header,
    batch.kept.map(({ record }) => record),
    source.config.partition,
  );
  if (built.frames.length > 0) {
    const sent = await bus.send(
      built.frames.map(({ frameId: partitionKey, bytes }) => ({ bytes, partitionKey })),
    );
    if (sent.durable.length < built.frames.length) {
      throw new TransientError(
        'FRAMES_REFUSED',
        `${String(sent.durable.length)} of ${String(built.frames.length)} frames are stored: ${sent.error ?? 'no reason was given'}`,
      );
    }
  }
  const outcomes = [...batch.outcomes];
  for (const at of built.tooLarge) {
    const entry = batch.kept[at];
    if (entry === undefined) continue;
    const problem = 'does not compress enough to be carried; split it or keep large parts elsewhere';
    outcomes[entry.index] = {
      status: 'rejected',
      id: outcomes[entry.index]?.id,
      violations: [violation([], 'record-size', problem)],
    };
  }
  return outcomes;
}
