import { writeFrame, RecordFlag } from '../../shared/domain/frame.ts';
import { FINGERPRINT_BYTES, payloadDigest } from '../../shared/domain/idempotency-key.ts';
import type { QuarantineReason } from '../../shared/domain/quarantine.ts';
import { createSeededRandom } from '../../shared/domain/seeded-random.ts';
import type { SoakSource } from './declare-config.ts';

/** Who sends records. Record `n` of a writer follows from the seed alone, so that nobody has to remember it. */
export interface Writer {
  /** `<what it writes to>-<number>`. */
  readonly name: string;
  /** `strangers` puts on the shared stream what does not belong there. */
  readonly source: SoakSource | 'strangers';
  readonly index: number;
  readonly recordsPerSecond: number;
}

/** What all records of a run follow from. */
export interface Plan {
  readonly seed: number;
  /** Event time of the first record of every writer, ms since the epoch. */
  readonly startMs: number;
  readonly writers: readonly Writer[];
}

/** A record, and where it must be in the end. */
export interface SoakRecord {
  readonly text: string;
  readonly isLate: boolean;
  readonly fate:
    | { readonly kind: 'row'; readonly source: SoakSource }
    | { readonly kind: 'quarantine'; readonly source: string; readonly reason: QuarantineReason };
}

const LATE_SHARE = 0.05;
const POISON_SHARE = 0.001;
const DAY_MS = 86_400_000;
/** Late records that follow each other are of one day, as when a device has been offline. */
const LATE_RUN = 1000;
const MAX_LATE_DAYS = 27;
const STRANGERS_PER_SECOND = 0.2;
/** A name that no configuration declares. */
const UNDECLARED = 'ghosts';

/** Shares of the rate. */
const SHARES: readonly (readonly [SoakSource, number])[] = [
  ['clicks', 0.3],
  ['clicks', 0.3],
  ['payments', 0.2],
  ['readings', 0.1],
  ['readings', 0.1],
];

export function planSoak(seed: number, startMs: number, recordsPerSecond: number): Plan {
  const writers = SHARES.map(([source, share], index): Writer => ({
    name: `${source}-${String(index)}`,
    source,
    index,
    recordsPerSecond: recordsPerSecond * share,
  }));
  const index = writers.length;
  const stranger: Writer = {
    name: `strangers-${String(index)}`,
    source: 'strangers',
    index,
    recordsPerSecond: STRANGERS_PER_SECOND,
  };
  return { seed, startMs, writers: [...writers, stranger] };
}

/** A number that follows from these, for seeds. */
export function mix(...numbers: readonly number[]): number {
  let state = 0x811c9dc5;
  for (const number of numbers) {
    state = Math.imul(state ^ (number | 0), 0x01000193);
    state = Math.imul(state ^ (state >>> 15), 0x2c1b3c6d);
  }
  return state ^ (state >>> 13);
}

const TEXTS = ['plain', 'Zürich 🏔', 'a "quoted" \\ text', '', '  ', '\u2028', '{"not":"json"}', 'null'];

/** Record `n` of a writer. */
export function recordOf({ seed, startMs }: Plan, writer: Writer, n: number): SoakRecord {
  const random = createSeededRandom(mix(seed, writer.index, n));
  if (writer.source === 'strangers') return strangerOf(writer, n);
  const isLate = random() < LATE_SHARE;
  const isPoison = random() < POISON_SHARE;
  const lateDays = isLate
    ? 1 + (Math.abs(mix(seed, writer.index, Math.floor(n / LATE_RUN), 7)) % MAX_LATE_DAYS)
    : 0;
  const atMs = startMs + Math.floor((n * 1000) / writer.recordsPerSecond) - lateDays * DAY_MS;
  const serial = BigInt.asIntN(
    64,
    (BigInt(Math.floor(random() * 2 ** 32)) << 32n) | BigInt(Math.floor(random() * 2 ** 32)),
  );
  const below = (limit: number): number => Math.floor(random() * limit);
  const isMalformed = isPoison && writer.source === 'readings' && n % 2 === 1;
  const fields = [
    `"writer":"${writer.name}"`,
    `"n":${String(n)}`,
    `"at":"${new Date(atMs).toISOString()}"`,
    `"amount":${isPoison ? '"much"' : String(random() * 10 ** below(12))}`,
    `"serial":${String(serial)}`,
    `"text":${random() < 0.2 ? 'null' : JSON.stringify(`${TEXTS[below(TEXTS.length)] ?? ''}${String(below(1000))}`)}`,
    ...(random() < 0.8 ? [`"place":{"city":"city ${String(below(50))}","zone":${String(below(9))}}`] : []),
    `"tags":${JSON.stringify(Array.from({ length: below(4) }, () => `t${String(below(20))}`))}`,
    // Named by the second configuration only.
    ...(random() < 0.9 ? [`"colour":"${['red', 'green', 'blue'][below(3)] ?? ''}"`] : []),
    ...(random() < 0.3 ? [`"unnamed":{"deep":[${String(below(100))},true]}`] : []),
  ];
  const text = `{${fields.join(',')}${isMalformed ? '' : '}'}`;
  return {
    text,
    isLate,
    fate: isPoison
      ? { kind: 'quarantine', source: writer.source, reason: isMalformed ? 'MALFORMED' : 'CONTRACT' }
      : { kind: 'row', source: writer.source },
  };
}

const STRANGERS: readonly QuarantineReason[] = ['UNREADABLE_FRAME', 'UNKNOWN_SOURCE', 'UNKNOWN_SOURCE'];

function strangerOf(writer: Writer, n: number): SoakRecord {
  const reason = STRANGERS[n % STRANGERS.length] ?? 'UNKNOWN_SOURCE';
  return {
    text: `{"writer":"${writer.name}","n":${String(n)}}`,
    isLate: false,
    fate: { kind: 'quarantine', source: 'unknown', reason },
  };
}

/** What a stranger puts on the shared stream: a damaged frame, a record that is no frame, a frame of nobody's source. */
export function strangerBytes(plan: Plan, writer: Writer, n: number): Buffer {
  const text = Buffer.from(recordOf(plan, writer, n).text);
  if (n % STRANGERS.length === 1) return text;
  const header = {
    source: UNDECLARED,
    frameId: `f${String(n)}`,
    contractVersion: 'c',
    receivedAtMs: plan.startMs,
  };
  const frame = writeFrame(header, [
    {
      bytes: text,
      flag: RecordFlag.valid,
      fingerprint: Buffer.alloc(FINGERPRINT_BYTES),
      digest: payloadDigest(text),
      eventTimeMs: plan.startMs,
    },
  ]);
  // Something behind its end makes a frame unreadable.
  return n % STRANGERS.length === 0 ? Buffer.concat([frame, text]) : frame;
}

const IDENTITY = /"writer":"([a-z]+-\d+)","n":(\d+)/;

/** Writer and number of a record, whatever has become of the rest of it. */
export function identify(text: string): { readonly writer: string; readonly n: number } | undefined {
  const [, writer, n] = IDENTITY.exec(text) ?? [];
  return writer === undefined ? undefined : { writer, n: Number(n) };
}
