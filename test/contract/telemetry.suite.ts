import { describe, expect, test } from 'vitest';
import type { MetricName } from '../../shared/domain/metrics.ts';
import type { Telemetry } from '../../shared/ports/telemetry.ts';

/** Telemetry, and what it has written out or kept so far. */
export interface TelemetrySubject {
  open(): {
    readonly telemetry: Telemetry;
    /** Sum of a counter over all flushes. */
    readonly total: (metric: MetricName, source: string) => number;
    /** Values of a distribution over all flushes: value → times. */
    readonly distribution: (metric: MetricName, source: string) => ReadonlyMap<number, number>;
    readonly logs: () => readonly {
      readonly level: string;
      readonly message: string;
      readonly fields: object;
    }[];
  };
}

/** What the lanes rely on, wherever metrics go. */
export function telemetryContract(subject: TelemetrySubject): void {
  describe('telemetry', () => {
    test('counters of a source add up, across flushes and apart from other sources', () => {
      const { telemetry, total } = subject.open();
      telemetry.count('RecordsLanded', 'orders', 5);
      telemetry.count('RecordsLanded', 'orders', 2);
      telemetry.count('RecordsLanded', 'invoices', 100);
      telemetry.flush();
      telemetry.flush();
      telemetry.count('RecordsLanded', 'orders', 1);
      telemetry.flush();
      expect(total('RecordsLanded', 'orders')).toBe(8);
      expect(total('RecordsLanded', 'invoices')).toBe(100);
      expect(total('RecordsDuplicate', 'orders')).toBe(0);
    });

    test('a distribution keeps its values and how often each was recorded, once if not told', () => {
      const { telemetry, distribution } = subject.open();
      telemetry.record('EndToEndLatency', 'orders', 120, 500);
      telemetry.record('EndToEndLatency', 'orders', 80);
      telemetry.record('EndToEndLatency', 'orders', 120, 3);
      telemetry.record('EndToEndLatency', 'invoices', 1);
      telemetry.flush();
      telemetry.flush();
      expect(distribution('EndToEndLatency', 'orders')).toEqual(
        new Map([
          [80, 1],
          [120, 503],
        ]),
      );
    });

    test('log lines keep level, message and fields, in order', () => {
      const { telemetry, logs } = subject.open();
      telemetry.log('info', 'first');
      telemetry.log('error', 'second', { shard: 's-0', records: 12 });
      expect(logs()).toMatchObject([
        { level: 'info', message: 'first' },
        { level: 'error', message: 'second', fields: { shard: 's-0', records: 12 } },
      ]);
    });

    test('log lines have the ids of the invocation that they belong to, also after its flush', () => {
      const { telemetry, logs } = subject.open();
      const start = { memoryMiB: 128, usage: {} };
      telemetry.begin({ ...start, ids: { invocationId: 'i1', requestId: 'r1' } });
      telemetry.log('info', 'first', { source: 'orders' });
      telemetry.flush();
      telemetry.log('warn', 'second');
      telemetry.begin({ ...start, ids: { invocationId: 'i2' } });
      telemetry.log('info', 'third');
      expect(logs()).toMatchObject([
        { message: 'first', fields: { invocationId: 'i1', requestId: 'r1', source: 'orders' } },
        { message: 'second', fields: { invocationId: 'i1', requestId: 'r1' } },
        { message: 'third', fields: { invocationId: 'i2' } },
      ]);
      expect(logs()[2]?.fields).not.toHaveProperty('requestId');
    });
  });
}
