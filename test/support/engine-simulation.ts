import { AsyncLocalStorage } from 'node:async_hooks';
import { MemoryClaimLog } from '../../shared/adapters/memory/memory-claim-log.ts';
import { MemoryLake } from '../../shared/adapters/memory/memory-lake.ts';
import { MemoryLedgerStore } from '../../shared/adapters/memory/memory-ledger-store.ts';
import { MemoryTelemetry } from '../../shared/adapters/memory/memory-telemetry.ts';
import { ManualClock } from '../../shared/adapters/memory/manual-clock.ts';
import type { Turn } from '../../shared/adapters/memory/turn.ts';
import { TransientError } from '../../shared/domain/errors.ts';
import { RecordFlag, writeFrame } from '../../shared/domain/frame.ts';
import { fingerprint, payloadDigest } from '../../shared/domain/idempotency-key.ts';
import { kinesisOrigin, recordIdentity } from '../../shared/domain/identity.ts';
import type { Source } from '../../shared/domain/source.ts';
import type { ClaimLog } from '../../shared/ports/claim-log.ts';
import type { Lake } from '../../shared/ports/lake.ts';
import type { LedgerStore } from '../../shared/ports/ledger-store.ts';
import { createClaimCache } from '../../shared/pipeline/claim-keys.ts';
import { runLane } from '../../shared/pipeline/land.ts';
import type { StreamRecord } from '../../shared/domain/stream-batch.ts';
import { createStreamReader } from '../../shared/pipeline/stream-reader.ts';
import { declareEvents } from './declare-events.ts';
import { lineTableWriter, readLines } from './line-table-writer.ts';
import { Rng, Scheduler, type FaultRates } from './scheduler.ts';

/** Stores that a mutant can replace by broken ones. */
export interface SimulatedStores {
  claimLog: ClaimLog;
  lake: Lake;
  ledger: LedgerStore;
}

export interface SimulationOptions {
  readonly rates?: FaultRates;
  readonly shards?: number;
  readonly keys?: number;
  /** Chance that the event-source mapping gives up waiting for an invocation that then goes on. */
  readonly zombie?: number;
  /** Breaks a store on purpose. */
  readonly mutate?: (stores: SimulatedStores) => SimulatedStores;
}

export interface SimulationResult {
  /** What went wrong; undefined when everything that is promised held. */
  readonly problem: string | undefined;
  readonly calls: number;
  readonly faults: Readonly<Record<string, number>>;
}

const DAY_MS = 86_400_000;
const START_MS = Date.UTC(2026, 0, 1);
const STREAM = 'ingest';

/** One record that a producer sent, and where it first stood. */
interface Sent {
  readonly id: string;
  /** Undefined for a record that violates its contract. */
  readonly key: string | undefined;
  readonly raw: string;
}

/**
 * Runs the real engine over memory stores: producers repeat keys on random shards, an event-source mapping delivers at
 * least once in changing cuts, invocations crash at any store call, outlive their time-out, and lose answers. A seed
 * gives the same run every time.
 */
export async function simulateEngine(
  seed: number,
  options: SimulationOptions = {},
): Promise<SimulationResult> {
  const rng = new Rng(seed);
  const { shards = 2, keys = 8, zombie = 0.12 } = options;
  const rates = options.rates ?? { lostAnswer: 0.05, crash: 0.02, failure: 0.02 };
  let problem: string | undefined;

  const processes = new AsyncLocalStorage<Turn>();
  const turn: Turn = {
    before: async (call) => processes.getStore()?.before?.(call),
    after: async (call) => processes.getStore()?.after?.(call),
  };
  const lake = new MemoryLake({ turn });
  const stores: SimulatedStores = {
    lake,
    claimLog: new MemoryClaimLog({ turn }),
    ledger: new MemoryLedgerStore({ turn }),
  };
  const { lake: usedLake, claimLog, ledger } = options.mutate?.(stores) ?? stores;
  const clock = new ManualClock({ startMs: START_MS, jump: true });
  const telemetry = new MemoryTelemetry();
  const source = declareEvents();

  const visible = (): Map<string, number> => {
    const count = new Map<string, number>();
    for (const object of lake.list()) {
      if (object.kind === 'tombstone') continue;
      for (const { id } of readLines(object.bytes)) count.set(id, (count.get(id) ?? 0) + 1);
    }
    return count;
  };
  const scheduler = new Scheduler(rng, rates, () => {
    for (const [id, times] of visible()) if (times > 1) problem ??= `${id} is visible ${String(times)} times`;
  });

  const sent: Sent[] = [];
  const streams = produce(rng, source, shards, keys, sent);
  let tokens = 0;
  let invocations = 0;
  let zombies = 0;
  const warm = Array.from({ length: shards + 1 }, createClaimCache);

  /** One invocation. @returns whether the mapping saw it succeed */
  const invoke = (shardId: string, records: readonly StreamRecord[]): Promise<boolean> => {
    const isZombie = rng.chance(zombie);
    const owner = `i${String(invocations++)}`;
    const process = scheduler.process(isZombie, (call) => new TransientError('FAULT', `${call.port} failed`));
    const cache = rng.chance(0.5) ? createClaimCache() : warm[rng.int(warm.length)];
    const reader = createStreamReader(new Map([[source.name, source]]), undefined, {
      stream: STREAM,
      shardId,
      records,
    });
    const body = processes.run(process.turn, () =>
      runLane(
        {
          ledger,
          claimLog,
          lake: usedLake,
          claimCache: cache ?? createClaimCache(),
          tables: lineTableWriter(),
          clock,
          telemetry,
          sources: new Map([[source.name, source]]),
          configVersion: 'v1',
          newToken: () => String(tokens++),
        },
        reader,
        { owner, deadlineMs: Number.MAX_SAFE_INTEGER },
      ).then(
        ({ finished }) => finished,
        () => false,
      ),
    );
    if (!isZombie) return body;
    zombies++;
    const patience = (async () => {
      for (let turns = 1 + rng.int(14); turns > 0; turns--) await scheduler.pause();
      return false;
    })();
    return Promise.race([body, patience]);
  };

  const deliver = async (shardId: string, records: readonly StreamRecord[]): Promise<void> => {
    for (let done = 0, attempts = 0; done < records.length; attempts++) {
      if (attempts > 2_000) {
        problem ??= `shard ${shardId} does not advance`;
        return;
      }
      const batch = records.slice(done, done + 1 + rng.int(5));
      if (await invoke(shardId, batch)) done += batch.length;
    }
  };
  const deliveries = Promise.all([...streams].map(([shardId, records]) => deliver(shardId, records)));
  await scheduler.run();
  await deliveries;
  problem ??= compare(sent, lake);
  return { problem, calls: scheduler.calls, faults: { ...scheduler.faults, zombies } };
}

/** Keys are sent one to three times, now and then with another payload, now and then as a violation. */
function produce(
  rng: Rng,
  source: Source,
  shards: number,
  keys: number,
  sent: Sent[],
): ReadonlyMap<string, readonly StreamRecord[]> {
  const wanted: { key: string; payload: string; violation: boolean }[] = [];
  for (let k = 0; k < keys; k++) {
    for (let copies = 1 + rng.int(3); copies > 0; copies--) {
      const payload = rng.chance(0.1) ? 'other' : 'same';
      wanted.push({ key: `k${String(k)}`, payload, violation: rng.chance(0.1) });
    }
  }
  for (let i = wanted.length - 1; i > 0; i--) {
    const j = rng.int(i + 1);
    const [a, b] = [wanted[i], wanted[j]];
    if (a !== undefined && b !== undefined) [wanted[i], wanted[j]] = [b, a];
  }
  const streams = new Map<string, StreamRecord[]>();
  for (let s = 0; s < shards; s++) streams.set(`shardId-${String(s)}`, []);
  while (wanted.length > 0) {
    const shardId = `shardId-${String(rng.int(shards))}`;
    const records = streams.get(shardId) ?? [];
    // Lengths differ on purpose: as text, "9" comes after "10".
    const sequenceNumber = String(Number(records.at(-1)?.sequenceNumber ?? '0') + 1 + rng.int(4));
    const origin = kinesisOrigin(STREAM, shardId, sequenceNumber);
    const members = wanted.splice(0, 1 + rng.int(3));
    const frame = members.map(({ key, payload, violation }, index) => {
      const raw = JSON.stringify({ k: key, payload });
      sent.push({ id: recordIdentity(origin, index), key: violation ? undefined : key, raw });
      return {
        bytes: Buffer.from(raw),
        flag: violation ? RecordFlag.violation : RecordFlag.valid,
        fingerprint: violation ? new Uint8Array(16) : fingerprint(source.name, [key]),
        digest: payloadDigest(Buffer.from(raw)),
        eventTimeMs: START_MS + (Number(key.slice(1)) % 3) * DAY_MS,
      };
    });
    const header = { source: source.name, frameId: origin, contractVersion: 'c1', receivedAtMs: START_MS };
    records.push({ sequenceNumber, data: writeFrame(header, frame), arrivedAtMs: START_MS });
    streams.set(shardId, records);
  }
  return streams;
}

/** What the lake must hold once everything is delivered, told from what was sent alone. */
function compare(sent: readonly Sent[], lake: MemoryLake): string | undefined {
  const landed = lake.list('raw/').flatMap(({ kind, bytes }) => (kind === 'data' ? readLines(bytes) : []));
  const quarantined = lake
    .list('quarantine/')
    .flatMap(({ kind, bytes }) => (kind === 'data' ? readLines(bytes) : []));
  const quarantinedTimes = (id: string): number => quarantined.filter((line) => line.id === id).length;
  for (const { id } of sent.filter(({ key }) => key === undefined)) {
    if (quarantinedTimes(id) !== 1)
      return `violation ${id} is in quarantine ${String(quarantinedTimes(id))} times`;
  }
  for (const key of new Set(sent.flatMap((record) => record.key ?? []))) {
    const copies = sent.filter((record) => record.key === key);
    const rows = landed.filter(({ id }) => copies.some((copy) => copy.id === id));
    if (rows.length !== 1) return `key ${key} landed ${String(rows.length)} times`;
    for (const copy of copies) {
      const expected = copy.id !== rows[0]?.id && copy.raw !== rows[0]?.raw ? 1 : 0;
      if (quarantinedTimes(copy.id) !== expected) {
        return `${copy.id} is in quarantine ${String(quarantinedTimes(copy.id))} times instead of ${String(expected)}`;
      }
    }
  }
  const total = landed.length + quarantined.length;
  return total > sent.length ? `${String(total)} rows of ${String(sent.length)} records` : undefined;
}
