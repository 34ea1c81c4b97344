import { RecordFlag, writeFrame } from '../../shared/domain/frame.ts';
import { payloadDigest } from '../../shared/domain/idempotency-key.ts';
import { kinesisOrigin, recordIdentity } from '../../shared/domain/identity.ts';
import type { StreamRecord } from '../../shared/domain/stream-batch.ts';
import {
  keyOf,
  meets,
  WINDOW_MS,
  type Body,
  type ContractVersion,
  type Dedupe,
  type Nature,
  type SourceShape,
} from './declare-source.ts';
import type { Profile } from './profile.ts';
import type { Rng } from './rng.ts';

export const STREAM = 'ingest';
export const START_MS = Date.UTC(2026, 0, 20);
/** Between two phases all claims expire. */
export const PHASE_MS = 2 * WINDOW_MS;
const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

/** One record that a producer sent, and where it first stood. */
export interface SentRecord {
  readonly id: string;
  /** Records of one group are the same to the deduplication of their source: one of them lands. */
  readonly group: string;
  readonly source: string;
  readonly receivedAtMs: number;
  readonly dedupe: Dedupe;
  readonly raw: string;
  readonly nature: Nature;
  readonly shardId: string;
  readonly sequenceNumber: string;
}

/** One shard with everything that is put on it until it is closed. */
export interface Shard {
  readonly id: string;
  /** Shards that it came from by a split or a merge; they are read to their end before it is read. */
  readonly parents: readonly Shard[];
  readonly records: StreamRecord[];
  /** Whether its records were put there by a replay of the wrong kind. */
  readonly isAgain: boolean;
}

export interface Produced {
  readonly shards: readonly Shard[];
  readonly sent: readonly SentRecord[];
}

/** Records that travel together. */
interface Request {
  readonly source: SourceShape;
  readonly id: string;
  readonly bodies: readonly Body[];
}

/**
 * Producers: keys are sent one to three times in any order over shards that are split and merged meanwhile, now and then
 * with another payload, now and then as a violation, with event times of many days.
 */
export function produce(rng: Rng, profile: Profile, phase: number): Produced {
  const startMs = START_MS + phase * PHASE_MS;
  const requests = rng.shuffle(profile.sources.flatMap((source) => requestsOf(rng, profile, source, phase)));
  const shards: Shard[] = [];
  const addShard = (parents: readonly Shard[]): Shard => {
    const shard = {
      id: `shardId-${String(phase)}${String(shards.length)}`,
      parents,
      records: [],
      isAgain: false,
    };
    shards.push(shard);
    return shard;
  };
  let open = Array.from({ length: profile.shards }, () => addShard([]));
  let reshards = profile.reshards;
  let sequence = 1;
  const sent: SentRecord[] = [];
  for (const request of requests) {
    if (reshards > 0 && rng.chance(0.25)) {
      reshards--;
      open = reshard(rng, open, addShard);
    }
    const shard = rng.pick(open);
    // Lengths differ on purpose: as text, "9" comes after "10".
    sequence += 1 + rng.int(3);
    const sequenceNumber = String(sequence);
    const receivedAtMs = startMs - rng.int(3) * HOUR_MS;
    shard.records.push({
      sequenceNumber,
      data: encode(rng, profile, request, receivedAtMs),
      arrivedAtMs: startMs,
    });
    const origin = kinesisOrigin(STREAM, shard.id, sequenceNumber);
    request.bodies.forEach((body, index) => {
      const id = recordIdentity(origin, index);
      sent.push({
        id,
        group: groupOf(request, body, index, id),
        source: request.source.name,
        receivedAtMs,
        dedupe: request.source.dedupe,
        raw: JSON.stringify(body),
        nature: body.n,
        shardId: shard.id,
        sequenceNumber,
      });
    });
  }
  return { shards, sent };
}

function groupOf({ source, id }: Request, body: Body, index: number, identity: string): string {
  switch (source.dedupe) {
    case 'record':
      return `${source.name}/${body.k}${source.timeInKey ? `/${String(body.t)}` : ''}`;
    case 'request':
      return `${source.name}/${id}/${String(index)}`;
    case 'none':
      return identity;
  }
}

/** Closes one shard for two, or two for one. */
function reshard(rng: Rng, open: readonly Shard[], addShard: (parents: readonly Shard[]) => Shard): Shard[] {
  const [first, second, ...others] = rng.shuffle([...open]);
  if (first === undefined) return [...open];
  if (second !== undefined && rng.chance(0.5)) return [...others, addShard([first, second])];
  return [...(second === undefined ? [] : [second]), ...others, addShard([first]), addShard([first])];
}

function requestsOf(rng: Rng, profile: Profile, source: SourceShape, phase: number): Request[] {
  const bodies: Body[] = [];
  for (let key = 0; key < profile.keys; key++) {
    const k = `p${String(phase)}k${String(key)}`;
    const t = START_MS - rng.int(profile.lateDays) * DAY_MS + rng.int(24) * HOUR_MS;
    const copies = source.dedupe === 'record' ? 1 + rng.int(3) : 1;
    const isUnwritable = rng.chance(0.04);
    for (let copy = 0; copy < copies; copy++) {
      bodies.push({
        k,
        t: !source.timeInKey && rng.chance(0.05) ? t + DAY_MS : t,
        p: rng.chance(0.1) ? 'other' : 'same',
        n: isUnwritable ? 'unwritable' : natureOf(rng, profile),
      });
    }
  }
  rng.shuffle(bodies);
  const requests: Request[] = [];
  while (bodies.length > 0) {
    const request = {
      source,
      id: `${source.name}-${String(phase)}-${String(requests.length)}`,
      bodies: bodies.splice(0, 1 + rng.int(3)),
    };
    requests.push(request);
    if (source.dedupe !== 'request') continue;
    for (let repeats = rng.int(3); repeats > 0; repeats--) requests.push(request);
  }
  return requests;
}

function natureOf(rng: Rng, { changesContract }: Profile): Nature {
  const dice = rng.next();
  if (dice < 0.08) return 'violation';
  if (changesContract && dice < 0.18) return dice < 0.13 ? 'loosened' : 'tightened';
  return 'valid';
}

/** A frame, as the edge that had one or the other contract deployed has written it. */
function encode(
  rng: Rng,
  { changesContract }: Profile,
  { source, id, bodies }: Request,
  receivedAtMs: number,
): Uint8Array {
  const contractVersion: ContractVersion = changesContract && rng.chance(0.5) ? 'c2' : 'c1';
  return writeFrame(
    { source: source.name, frameId: id, contractVersion, receivedAtMs },
    bodies.map((body) => {
      const bytes = Buffer.from(JSON.stringify(body));
      const isValid = meets(body.n, contractVersion);
      return {
        bytes,
        flag: isValid ? RecordFlag.valid : RecordFlag.violation,
        fingerprint: isValid ? keyOf(source, body) : new Uint8Array(16),
        digest: payloadDigest(bytes),
        eventTimeMs: body.t,
      };
    }),
  );
}
