import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { EmfTelemetry } from '../../../shared/adapters/aws/emf-telemetry.ts';
import { UsageMeter } from '../../../shared/adapters/aws/usage-meter.ts';
import { ManualClock } from '../../../shared/adapters/memory/manual-clock.ts';

interface Document {
  readonly _aws: {
    readonly Timestamp: number;
    readonly CloudWatchMetrics: {
      readonly Namespace: string;
      readonly Dimensions: string[][];
      readonly Metrics: { readonly Name: string; readonly Unit: string }[];
    }[];
  };
  readonly [property: string]: unknown;
}

interface Distribution {
  readonly Values: number[];
  readonly Counts: number[];
}

function createTelemetry(): { telemetry: EmfTelemetry; lines: string[] } {
  const lines: string[] = [];
  const clock = new ManualClock({ startMs: 1_704_067_200_000 });
  return {
    lines,
    telemetry: new EmfTelemetry({ lane: 'stream', clock, write: (line) => void lines.push(line) }),
  };
}

function documents(lines: readonly string[]): Document[] {
  return lines.map((line) => JSON.parse(line) as Document);
}

describe('EMF telemetry', () => {
  test('a source is one document with its counters added up, few of which are metrics', () => {
    const { telemetry, lines } = createTelemetry();
    telemetry.count('RequestsSpilled', 'orders', 5);
    telemetry.count('RequestsSpilled', 'orders', 7);
    telemetry.count('BytesLanded', 'orders', 1_000);
    telemetry.flush();
    expect(documents(lines)).toEqual([
      {
        _aws: {
          Timestamp: 1_704_067_200_000,
          CloudWatchMetrics: [
            {
              Namespace: 'Headgate',
              Dimensions: [['source']],
              Metrics: [{ Name: 'RequestsSpilled', Unit: 'Count' }],
            },
          ],
        },
        source: 'orders',
        lane: 'stream',
        RequestsSpilled: 12,
        BytesLanded: 1_000,
      },
    ]);
  });

  test('sources do not mix', () => {
    const { telemetry, lines } = createTelemetry();
    telemetry.count('Requests', 'orders', 1);
    telemetry.count('Requests', 'invoices', 2);
    telemetry.flush();
    expect(documents(lines).map(({ source, Requests }) => [source, Requests])).toEqual([
      ['orders', 1],
      ['invoices', 2],
    ]);
  });

  test('a flush writes what was counted since the last one, and nothing when that is nothing', () => {
    const { telemetry, lines } = createTelemetry();
    telemetry.flush();
    expect(lines).toEqual([]);
    telemetry.count('Requests', 'orders', 1);
    telemetry.flush();
    telemetry.flush();
    telemetry.count('Requests', 'orders', 4);
    telemetry.flush();
    expect(documents(lines).map(({ Requests }) => Requests)).toEqual([1, 4]);
  });

  test('a distribution is its values and how often each was seen', () => {
    const { telemetry, lines } = createTelemetry();
    telemetry.record('EndToEndLatency', 'orders', 900.5, 500);
    telemetry.record('EndToEndLatency', 'orders', 20);
    telemetry.record('EndToEndLatency', 'orders', 900.5, 3);
    telemetry.flush();
    expect(documents(lines)[0]?.['EndToEndLatency']).toEqual({ Values: [20, 900.5], Counts: [1, 503] });
  });

  test('however many values there are, no metric has more than 100 and no count is lost', () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.double({ min: 0, max: 1e7, noNaN: true }), fc.integer({ min: 1, max: 9 })), {
          minLength: 1,
          maxLength: 900,
          size: 'max',
        }),
        (values) => {
          const { telemetry, lines } = createTelemetry();
          telemetry.count('Requests', 'orders', 3);
          for (const [value, times] of values) telemetry.record('EndToEndLatency', 'orders', value, times);
          telemetry.flush();
          const all = documents(lines);
          const parts = all.map((document) => document['EndToEndLatency'] as Distribution);
          for (const { Values, Counts } of parts) {
            expect(Values.length).toBeLessThanOrEqual(100);
            expect(Counts).toHaveLength(Values.length);
          }
          const counts = parts.flatMap(({ Counts }) => Counts);
          expect(counts.reduce((a, b) => a + b, 0)).toBe(values.reduce((sum, [, times]) => sum + times, 0));
          // The greatest value is kept to 5 %, and the counter is in one document only.
          const greatest = Math.max(...values.map(([value]) => value));
          const kept = Math.max(...parts.flatMap(({ Values }) => Values));
          expect(Math.abs(kept - greatest)).toBeLessThanOrEqual(greatest * 0.05);
          expect(all.filter((document) => 'Requests' in document)).toHaveLength(1);
        },
      ),
      { numRuns: 50 },
    );
  });

  test.each([NaN, Infinity, -1])(
    '%s is logged and left out, so that the rest of the document counts',
    (value) => {
      const { telemetry, lines } = createTelemetry();
      telemetry.count('Requests', 'orders', value);
      telemetry.record('EndToEndLatency', 'orders', value);
      telemetry.count('OverBudget', 'orders', 1);
      telemetry.flush();
      const all = documents(lines);
      expect(all.slice(0, 2).map(({ level }) => level)).toEqual(['error', 'error']);
      expect(all[2]?._aws.CloudWatchMetrics[0]?.Metrics).toEqual([{ Name: 'OverBudget', Unit: 'Count' }]);
    },
  );

  test.each([
    ['stream', ['EndToEndLatency', 'RecordErrors']],
    ['pull', ['RecordErrors']],
  ] as const)('of what the %s function says of records, %j are metrics', (lane, metrics) => {
    const lines: string[] = [];
    const clock = new ManualClock({ startMs: 1_704_067_200_000 });
    const telemetry = new EmfTelemetry({ lane, clock, write: (line) => void lines.push(line) });
    telemetry.record('EndToEndLatency', 'orders', 20);
    telemetry.record('RecordErrors', 'orders', 0, 9);
    telemetry.record('RecordErrors', 'orders', 1);
    telemetry.count('RecordsLanded', 'orders', 10);
    telemetry.flush();
    const [document] = documents(lines);
    expect(document?._aws.CloudWatchMetrics[0]?.Metrics.map(({ Name }) => Name)).toEqual(metrics);
    expect(document).toMatchObject({
      RecordsLanded: 10,
      RecordErrors: { Values: [0, 1], Counts: [9, 1] },
      EndToEndLatency: { Values: [20], Counts: [1] },
    });
  });

  test('a log line is one line of JSON with what an error is made of', () => {
    const { telemetry, lines } = createTelemetry();
    const error = Object.assign(new Error('first\nsecond', { cause: new TypeError('why') }), { code: 'X' });
    telemetry.log('warn', 'it failed', { error, position: 49_600_000_000_000_000_000n });
    expect(lines).toHaveLength(1);
    expect(lines[0]).not.toContain('\n');
    expect(JSON.parse(lines[0] ?? '')).toMatchObject({
      timestamp: '2024-01-01T00:00:00.000Z',
      level: 'warn',
      message: 'it failed',
      lane: 'stream',
      error: { name: 'Error', message: 'first\nsecond', code: 'X', cause: { message: 'why' } },
      position: '49600000000000000000',
    });
  });

  describe('with a meter', () => {
    function createMetered(): { telemetry: EmfTelemetry; meter: UsageMeter; lines: string[] } {
      const lines: string[] = [];
      let wallMs = 0;
      const meter = new UsageMeter({ wallMs: () => (wallMs += 500), cpuMs: () => 0 });
      const clock = new ManualClock({ startMs: 1_704_067_200_000 });
      const telemetry = new EmfTelemetry({
        lane: 'push',
        clock,
        meter,
        write: (line) => void lines.push(line),
      });
      return { telemetry, meter, lines };
    }
    const start = { memoryMiB: 1024, usage: { apiRequest: 1 }, ids: {} };
    const usageOf = (document: Document | undefined): Record<string, number> =>
      document?.['usage'] as Record<string, number>;

    test('a line says what the invocation used, the line itself included, and what that costs', () => {
      const { telemetry, meter, lines } = createMetered();
      telemetry.begin(start);
      telemetry.count('Requests', 'orders', 1);
      meter.add({ kinesisPutUnit: 4 });
      telemetry.flush();
      const [document] = documents(lines);
      const { cloudWatchLogGb = 0, ...usage } = usageOf(document);
      expect(usage).toEqual({ apiRequest: 1, lambdaRequest: 1, lambdaArmGbSecond: 0.5, kinesisPutUnit: 4 });
      expect(Math.abs(cloudWatchLogGb * 1e9 - (lines[0] ?? '').length)).toBeLessThan(60);
      // $1 and $0.20 a million, half a GB-second, four units at $0.014 a million, the line at $0.50 a GB.
      expect(document?.['EstimatedCostUsd']).toBeCloseTo(
        1e-6 + 0.2e-6 + 0.5 * 0.0000133334 + 4 * 0.014e-6 + cloudWatchLogGb * 0.5,
        10,
      );
      expect(document?._aws.CloudWatchMetrics).toEqual([]);
    });

    test('sources share an invocation by their raw bytes', () => {
      const { telemetry, meter, lines } = createMetered();
      telemetry.begin(start);
      telemetry.count('BytesCommitted', 'orders', 3_000);
      telemetry.count('BytesCommitted', 'clicks', 1_000);
      meter.add({ s3Put: 8 });
      telemetry.flush();
      const all = documents(lines);
      expect(all.map((document) => usageOf(document)['s3Put'])).toEqual([6, 2]);
      expect(all[0]?.['BytesCommitted']).toBe(3_000);
    });

    test('what was used without a line is in the next one', () => {
      const { telemetry, meter, lines } = createMetered();
      telemetry.begin(start);
      meter.add({ s3Get: 5 });
      telemetry.flush();
      expect(lines).toEqual([]);
      telemetry.begin(start);
      telemetry.count('Requests', 'orders', 1);
      telemetry.flush();
      expect(usageOf(documents(lines)[0])).toMatchObject({ s3Get: 5, apiRequest: 2, lambdaRequest: 2 });
    });

    test('a log line is billed to the invocation that wrote it', () => {
      const { telemetry, lines } = createMetered();
      telemetry.begin(start);
      telemetry.log('warn', 'x'.repeat(10_000));
      telemetry.count('Requests', 'orders', 1);
      telemetry.flush();
      const [, document] = documents(lines);
      expect(usageOf(document)['cloudWatchLogGb']).toBeGreaterThan(10_000 / 1e9);
    });
  });
});
