import { ManualClock } from '../../shared/adapters/memory/manual-clock.ts';
import { MemoryBatchStage } from '../../shared/adapters/memory/memory-batch-stage.ts';
import { MemoryClaimLog } from '../../shared/adapters/memory/memory-claim-log.ts';
import { MemoryFileStage } from '../../shared/adapters/memory/memory-file-stage.ts';
import { MemoryLake } from '../../shared/adapters/memory/memory-lake.ts';
import { MemoryLedgerStore } from '../../shared/adapters/memory/memory-ledger-store.ts';
import { MemoryTelemetry } from '../../shared/adapters/memory/memory-telemetry.ts';
import type { DatabaseSourceConfig } from '../../shared/config/schema.ts';
import type { Source } from '../../shared/domain/source.ts';
import { createClaimCache } from '../../shared/pipeline/claim-keys.ts';
import type { ExtractDeps } from '../../shared/pipeline/extract/run-extract.ts';
import type { LandDeps } from '../../shared/pipeline/land.ts';
import type { TableSource } from '../../shared/ports/table-source.ts';
import type { PullWork, WorkQueue } from '../../shared/ports/work-queue.ts';
import { Crowd } from './crowd.ts';
import { noRowKeys } from './no-row-keys.ts';
import { lineTableWriter } from './line-table-writer.ts';
import { orderLineWriter } from './orders-lake.ts';

/** Time of one invocation. */
const INVOCATION_MS = 120_000;
/** Until a message whose invocation has failed comes again. */
const VISIBILITY_MS = 150_000;

interface Message {
  readonly work: PullWork;
  readonly dueAtMs: number;
}

/** What an invocation has, whatever it reads. */
type Invocation = Pick<
  ExtractDeps,
  'stage' | 'queue' | 'clock' | 'telemetry' | 'deadlineMs' | 'land' | 'options'
>;

/** A function with its queue: stores in memory, invocations that a crowd disturbs. */
export class ExtractWorld {
  readonly clock = new ManualClock({ jump: true });
  readonly lake: MemoryLake;
  readonly ledger: MemoryLedgerStore;
  readonly stage: MemoryBatchStage;
  readonly files: MemoryFileStage;
  readonly telemetry = new MemoryTelemetry();
  readonly land: LandDeps;
  readonly #crowd: Crowd;
  #messages: Message[] = [];
  #invocations = 0;

  /** @param crowd undefined: nobody disturbs anything, calls of stores have their effect at once */
  constructor(crowd: Crowd | undefined, source: Source) {
    this.#crowd = crowd ?? new Crowd(1, { kill: 0, fail: 0 });
    const turn = crowd?.turn;
    this.lake = new MemoryLake({ turn });
    this.ledger = new MemoryLedgerStore({ turn });
    this.stage = new MemoryBatchStage({ turn });
    this.files = new MemoryFileStage({ turn });
    let tokens = 0;
    this.land = {
      ledger: this.ledger,
      claimLog: new MemoryClaimLog({ clock: this.clock, turn }),
      claimCache: createClaimCache(),
      lake: this.lake,
      tables: lineTableWriter(),
      clock: this.clock,
      telemetry: this.telemetry,
      sources: new Map([[source.name, source]]),
      configVersion: 'test',
      newToken: () => `token-${String(++tokens)}`,
    };
  }

  /** Messages can get lost before they are sent, with the sender; and one can come twice. */
  readonly queue: WorkQueue = {
    send: async (work, delaySeconds = 0) => {
      await this.#crowd.turn.before?.({ port: 'stage', operation: 'send', subject: work.source });
      const message = { work, dueAtMs: this.clock.nowMs() + delaySeconds * 1000 };
      this.#messages.push(message);
      if (this.#crowd.chance(0.15)) this.#messages.push(message);
    },
  };

  deps(source: Source<DatabaseSourceConfig>, table: TableSource): ExtractDeps {
    return {
      ...{ source, table, columns: orderLineWriter, files: this.files, keys: noRowKeys, ledger: this.ledger },
      newToken: this.land.newToken,
      ...this.invocation(),
    };
  }

  invocation(): Invocation {
    const deadlineMs = this.clock.nowMs() + INVOCATION_MS;
    return {
      ...{ stage: this.stage, queue: this.queue, clock: this.clock, telemetry: this.telemetry, deadlineMs },
      land: { ...this.land, claimCache: createClaimCache() },
      options: { owner: `invocation-${String(++this.#invocations)}`, deadlineMs },
    };
  }

  get hasMessages(): boolean {
    return this.#messages.length > 0;
  }

  /** Loses all messages, as a queue does with those that failed too often. */
  loseMessages(): void {
    this.#messages = [];
  }

  /** Delivers some message that is due. @returns whether there was one */
  deliver(invoke: (work: PullWork) => Promise<void>): boolean {
    const due = this.#messages.filter(({ dueAtMs }) => dueAtMs <= this.clock.nowMs());
    const message = due[this.#crowd.draw(due.length)];
    if (message === undefined) return false;
    this.#messages = this.#messages.filter((each) => each !== message);
    this.#crowd.start(
      () => invoke(message.work),
      (isSuccess) => {
        if (isSuccess) return;
        this.#messages.push({ ...message, dueAtMs: this.clock.nowMs() + VISIBILITY_MS });
      },
    );
    return true;
  }

  /** Lets everything that was begun come to its end. */
  async settle(invoke: (work: PullWork) => Promise<void>): Promise<void> {
    for (let steps = 0; ; steps++) {
      // Trouble that never ends would keep an extract from landing until it is too old.
      if (steps === 5_000) this.#crowd.rates = { kill: 0, fail: 0 };
      if (steps > 200_000) throw new Error('it does not come to an end');
      this.clock.advance(this.#crowd.draw(40));
      while (this.#crowd.chance(0.5) && this.deliver(invoke));
      if (await this.#crowd.step()) continue;
      if (!this.hasMessages) return;
      if (!this.deliver(invoke)) this.clock.advance(30_000);
    }
  }

  /** Does something beside, whom nothing befalls. */
  async settleOn<Result>(work: () => Promise<Result>): Promise<Result> {
    let result: { readonly value: Result } | undefined;
    void work().then((value) => (result = { value }));
    while (result === undefined) await this.#crowd.step();
    return result.value;
  }
}
