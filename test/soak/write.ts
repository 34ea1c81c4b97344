import { PutRecordsCommand, type KinesisClient } from '@aws-sdk/client-kinesis';
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { zstdCompressSync } from 'node:zlib';
import { postRecords, type PushRequest } from './post-records.ts';
import { createSeededRandom } from '../../shared/domain/seeded-random.ts';
import type { Gate } from './gate.ts';
import { mix, recordOf, strangerBytes, type Plan, type SoakRecord, type Writer } from './records.ts';
import type { Tally } from './tally.ts';

/** What writers write with. */
export interface WriteContext {
  readonly plan: Plan;
  readonly tally: Tally;
  readonly gate: Gate;
  readonly apiUrl: string;
  readonly writeKeys: ReadonlyMap<string, string>;
  /** A client that makes each call once. */
  readonly kinesis: KinesisClient;
  readonly sharedStream: string;
  readonly readingsStream: string;
  /** Whether the time is over. */
  readonly isOver: () => boolean;
  readonly signal: AbortSignal;
}

/** Duplicates are 5 % of the records: half of them whole requests, half of them single records. */
const REPEATED_REQUESTS = 0.025;
const REPEATED_RECORDS = 0.025;
/** Writes of a writer per second. */
const WRITES_PER_SECOND = 2;
const MAX_LATER = 10;
const LATER_MS = 8000;
const MAX_PUT_ATTEMPTS = 8;

/** A record and whose it is. */
interface Numbered {
  readonly writer: Writer;
  readonly n: number;
  readonly record: SoakRecord;
}

/** Writes until the time is over, no faster than its rate; a writer that falls behind does not catch up. */
export async function write(context: WriteContext, writer: Writer): Promise<void> {
  const { gate, isOver, signal, tally } = context;
  const perWrite = Math.max(1, Math.round(writer.recordsPerSecond / WRITES_PER_SECOND));
  const intervalMs = (perWrite * 1000) / writer.recordsPerSecond;
  const random = createSeededRandom(mix(context.plan.seed, writer.index, -1));
  const send =
    writer.source === 'strangers' ? putStrangers : writer.source === 'readings' ? putReadings : push(random);
  let nextMs = performance.now() + random() * intervalMs;
  while (!isOver()) {
    const waitMs = nextMs - performance.now();
    if (waitMs > 0) await sleep(waitMs, undefined, { signal });
    nextMs = Math.max(nextMs + intervalMs, performance.now());
    await gate.through(async () => {
      const first = tally.acknowledged(writer);
      const fresh = Array.from({ length: perWrite }, (_, i) => numbered(context.plan, writer, first + i));
      await send(context, writer, fresh, random);
      tally.acknowledge(writer, fresh.length);
      tally.late += fresh.filter(({ record }) => record.isLate).length;
    });
  }
  await gate.through(() => send(context, writer, [], random));
}

type Send = (
  context: WriteContext,
  writer: Writer,
  fresh: readonly Numbered[],
  random: () => number,
) => Promise<void>;

const numbered = (plan: Plan, writer: Writer, n: number): Numbered => ({
  writer,
  n,
  record: recordOf(plan, writer, n),
});

const isRow = ({ record }: Numbered): boolean => record.fate.kind === 'row';

/** The records with some others of the same source among them that were sent before, by this writer or another. */
function withRepeated(
  context: WriteContext,
  writer: Writer,
  fresh: readonly Numbered[],
  random: () => number,
): Numbered[] {
  const { plan, tally } = context;
  const peers = plan.writers.filter(({ source }) => source === writer.source);
  return fresh.flatMap((record) => {
    if (random() >= REPEATED_RECORDS) return [record];
    const peer = peers[Math.floor(random() * peers.length)] ?? writer;
    const before = tally.acknowledged(peer);
    if (before === 0) return [record];
    // Most repetitions come soon, some after long.
    const back = Math.floor(random() ** 3 * before);
    const again = numbered(plan, peer, before - 1 - back);
    if (!isRow(again)) return [record];
    tally.recordsRepeated++;
    return random() < 0.5 ? [record, again] : [again, record];
  });
}

/* ------------------------------------------------------------------------------------------------ push API */

/** Pushes requests; some of them twice, at once or after seconds, with and without an Idempotency-Key. */
function push(random: () => number): Send {
  const later: {
    readonly dueMs: number;
    readonly request: PushRequest;
    readonly records: readonly Numbered[];
  }[] = [];
  return async (context, writer, fresh) => {
    const { tally } = context;
    const isOver = fresh.length === 0;
    while (later[0] !== undefined && (isOver || later[0].dueMs <= performance.now())) {
      const due = later.shift();
      if (due !== undefined) await post(context, due.request, due.records, true);
    }
    if (isOver) return;
    const isClaimedWhole = writer.source === 'payments';
    const records = isClaimedWhole ? fresh : withRepeated(context, writer, fresh, random);
    const idempotencyKey = isClaimedWhole || random() < 0.5 ? randomUUID() : undefined;
    const request = toRequest(writer, records, idempotencyKey, random);
    await post(context, request, records, false);
    // Without a key a repeated violation is a second violation.
    const mayRepeat = idempotencyKey !== undefined || records.every(isRow);
    if (random() >= REPEATED_REQUESTS || !mayRepeat) return;
    if (idempotencyKey === undefined) tally.requestsRepeatedWithoutKey++;
    else tally.requestsRepeatedWithKey++;
    if (random() < 0.5 && later.length < MAX_LATER) {
      later.push({ dueMs: performance.now() + random() * LATER_MS, request, records });
    } else {
      await post(context, request, records, true);
    }
  };
}

function toRequest(
  writer: Writer,
  records: readonly Numbered[],
  idempotencyKey: string | undefined,
  random: () => number,
): PushRequest {
  const texts = records.map(({ record }) => record.text);
  const common = { source: writer.source, idempotencyKey };
  if (random() < 0.3) {
    const body = Buffer.from(`[${texts.join(',')}]`);
    return { ...common, contentType: 'application/json', contentEncoding: undefined, body };
  }
  const body = zstdCompressSync(Buffer.from(texts.join('\n')));
  return { ...common, contentType: 'application/x-ndjson', contentEncoding: 'zstd', body };
}

async function post(
  { tally, apiUrl, writeKeys, signal }: WriteContext,
  request: PushRequest,
  records: readonly Numbered[],
  isRepetition: boolean,
): Promise<void> {
  const { answer, attempts, isReplay } = await postRecords(request, {
    apiUrl,
    writeKeys,
    signal,
    onRetry: () => {
      tally.attemptsRepeated++;
      tally.copies += records.length;
      for (const { writer, n, record } of records) {
        if (record.fate.kind === 'quarantine') tally.allowRepetition(writer, n);
      }
    },
  });
  tally.requests++;
  tally.copies += records.length;
  const answered = answer.accepted + answer.duplicates + answer.quarantined;
  if (answered !== records.length) {
    throw new Error(
      `a request of ${String(records.length)} records was answered with ${JSON.stringify(answer)}`,
    );
  }
  if (isRepetition && request.idempotencyKey !== undefined && attempts === 1 && !isReplay) {
    // The first answer could not be kept. The request is carried again, and what violates its contract with it.
    for (const { writer, n, record } of records) {
      if (record.fate.kind === 'quarantine') tally.allowRepetition(writer, n);
    }
  }
}

/* ------------------------------------------------------------------------------------------------ streams */

/** Puts plain JSON on the source's stream: objects, arrays and lines; poison has a stream record of its own. */
const putReadings: Send = async (context, writer, fresh, random) => {
  const { tally } = context;
  const records = withRepeated(context, writer, fresh, random);
  const groups: (readonly Numbered[])[] = [];
  for (let at = 0; at < records.length;) {
    const size = 1 + Math.floor(random() * 5);
    const group: Numbered[] = [];
    while (group.length < size) {
      const next = records[at];
      if (next === undefined || (!isRow(next) && group.length > 0)) break;
      at++;
      group.push(next);
      if (!isRow(next)) break;
    }
    groups.push(group);
    // On another shard, perhaps, and so at the same time.
    if (random() < REPEATED_REQUESTS && group.every(isRow)) {
      groups.push(group);
      tally.recordsRepeated += group.length;
    }
  }
  await putRecords(
    context,
    context.readingsStream,
    groups.map((group) => ({ Data: toStreamRecord(group, random), PartitionKey: randomUUID() })),
  );
  tally.copies += groups.flat().length;
};

function toStreamRecord(group: readonly Numbered[], random: () => number): Buffer {
  const texts = group.map(({ record }) => record.text);
  const isArray = random() < 0.5 && group.every(isRow) && texts.length > 1;
  return Buffer.from(isArray ? `[${texts.join(',')}]` : texts.join('\n'));
}

const putStrangers: Send = async (context, writer, fresh) => {
  const records = fresh.map(({ n }) => ({
    Data: strangerBytes(context.plan, writer, n),
    PartitionKey: randomUUID(),
  }));
  await putRecords(context, context.sharedStream, records);
  context.tally.copies += fresh.length;
};

/** Puts records on a stream, those that were refused once more; a call that failed altogether is an error. */
async function putRecords(
  { kinesis, signal }: WriteContext,
  stream: string,
  records: readonly { readonly Data: Buffer; readonly PartitionKey: string }[],
): Promise<void> {
  let waiting = records;
  for (let attempt = 1; waiting.length > 0; attempt++) {
    if (attempt > MAX_PUT_ATTEMPTS) throw new Error(`${stream} refuses records again and again`);
    if (attempt > 1) await sleep(200 * attempt, undefined, { signal });
    const { Records: answers = [] } = await kinesis.send(
      new PutRecordsCommand({ StreamName: stream, Records: [...waiting] }),
      { abortSignal: signal },
    );
    waiting = waiting.filter((_, i) => answers[i]?.ErrorCode !== undefined);
  }
}
