import { hourOf } from '../domain/record-counts.ts';
import type { CountStore } from '../ports/count-store.ts';
import type { Telemetry } from '../ports/telemetry.ts';

export interface AcceptedCounterDeps {
  readonly counts: Pick<CountStore, 'accept'>;
  readonly telemetry: Pick<Telemetry, 'log'>;
  /** Name of this process among all that ever count. */
  readonly process: string;
}

/** Counts what a process of an edge has accepted. */
export interface AcceptedCounter {
  /**
   * Records of a source are durable, and their sender is about to be told. Never fails: what could not be written is
   * written with what the process counts next.
   *
   * @param receivedAtMs as it stands in the frames
   */
  count(source: string, receivedAtMs: number, records: number): Promise<void>;
}

interface Total {
  readonly source: string;
  readonly hour: number;
  records: number;
  /** What the store has confirmed of them. */
  written: number;
}

/** Totals that a process holds; the oldest are given up first, which is said. */
const MAX_TOTALS = 1_000;

/** Totals that could not be written before, and are written with one request. */
const MAX_LATE = 8;

/** See decision 15: totals of a process instead of additions, so that repeated calls and lost answers do no harm. */
export function createAcceptedCounter({ counts, telemetry, process }: AcceptedCounterDeps): AcceptedCounter {
  const totals = new Map<string, Total>();

  async function write(total: Total): Promise<void> {
    const { source, hour, records } = total;
    try {
      await counts.accept(source, hour, process, records);
      total.written = Math.max(total.written, records);
    } catch (error) {
      telemetry.log('warn', 'accepted records could not be counted; they are with the next request', {
        source,
        records: records - total.written,
        error: error instanceof Error ? error.message : String(error),
      });
    }
  }

  /** Hours that are over need not be remembered once they are written. */
  function forget(nowHour: number): void {
    for (const [name, { source, hour, records, written }] of totals) {
      if (hour < nowHour && records === written) totals.delete(name);
      else if (totals.size > MAX_TOTALS) {
        totals.delete(name);
        if (records === written) continue;
        telemetry.log(
          'error',
          'accepted records are not counted: the table of counts has refused them too long',
          {
            source,
            records: records - written,
          },
        );
      }
    }
  }

  return {
    count: async (source, receivedAtMs, records) => {
      if (records === 0) return;
      const hour = hourOf(receivedAtMs);
      const name = `${source}/${String(hour)}`;
      const total = totals.get(name) ?? { source, hour, records: 0, written: 0 };
      total.records += records;
      totals.set(name, total);
      const late = [...totals.values()].filter((each) => each !== total && each.records > each.written);
      await Promise.all([total, ...late.slice(0, MAX_LATE)].map(write));
      forget(hour);
    },
  };
}
