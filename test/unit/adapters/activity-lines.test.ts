import { expect, test } from 'vitest';
import { addActivityLines } from '../../../shared/adapters/aws/activity-lines.ts';
import { EmfTelemetry } from '../../../shared/adapters/aws/emf-telemetry.ts';
import { UsageMeter } from '../../../shared/adapters/aws/usage-meter.ts';
import { ManualClock } from '../../../shared/adapters/memory/manual-clock.ts';

test('what telemetry writes is read back, added up by source and lane', () => {
  const lines: string[] = ['START RequestId: 1', '{"level":"info","message":"_aws"}', '{"_aws": broken'];
  const clock = new ManualClock({ startMs: 5_000 });
  for (const lane of ['push', 'stream']) {
    let cpuMs = 0;
    const meter = new UsageMeter({ wallMs: () => 0, cpuMs: () => (cpuMs += 10) });
    const telemetry = new EmfTelemetry({ lane, clock, meter, write: (line) => void lines.push(line) });
    for (let i = 0; i < 3; i++) {
      telemetry.begin({ memoryMiB: 1024, usage: { apiRequest: 1 }, ids: {} });
      telemetry.count('BytesReceived', 'orders', 300);
      telemetry.count('BytesReceived', 'clicks', 100);
      telemetry.record('EndToEndLatency', 'orders', 10, 98);
      telemetry.record('EndToEndLatency', 'orders', 70 + i, 1);
      meter.add({ s3Put: 4 });
      telemetry.flush();
    }
  }
  const found = addActivityLines(lines);
  expect(found.map(({ source, lane }) => `${source} ${lane}`)).toEqual([
    'orders push',
    'clicks push',
    'orders stream',
    'clicks stream',
  ]);
  for (const { source, counters, usage, cpuMs, estimatedUsd, latency, firstMs } of found) {
    const share = source === 'orders' ? 0.75 : 0.25;
    expect(counters.BytesReceived).toBe(1200 * share);
    expect(usage?.s3Put).toBe(12 * share);
    expect(usage?.apiRequest).toBe(3 * share);
    // Three of 10 ms, and what came before the first.
    expect(cpuMs).toBeCloseTo(40 * share, 9);
    expect(estimatedUsd).toBeCloseTo(share * (3e-6 + 60e-6), 5);
    expect(latency).toEqual(source === 'orders' ? { p50Ms: 10, p99Ms: 70 } : undefined);
    expect(firstMs).toBe(5_000);
  }
});

test('a percentile is the value of the record at that rank, in lines of more than a hundred values as well', () => {
  const lines: string[] = [];
  const telemetry = new EmfTelemetry({
    lane: 'stream',
    clock: new ManualClock(),
    write: (line) => void lines.push(line),
  });
  for (let value = 1; value <= 90; value++) telemetry.record('EndToEndLatency', 'orders', value * 10);
  telemetry.record('EndToEndLatency', 'orders', 5_000, 10);
  telemetry.flush();
  expect(addActivityLines(lines)[0]?.latency).toEqual({ p50Ms: 500, p99Ms: 5_000 });
});
