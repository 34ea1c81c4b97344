import { expect, test } from 'vitest';
import { UsageMeter } from '../../../shared/adapters/aws/usage-meter.ts';

function createMeter(): { meter: UsageMeter; pass: (wallMs: number, cpuMs: number) => void } {
  let wall = 0;
  let cpu = 0;
  return {
    meter: new UsageMeter({ wallMs: () => wall, cpuMs: () => cpu }),
    pass: (wallMs, cpuMs) => {
      wall += wallMs;
      cpu += cpuMs;
    },
  };
}

/** 1 GB for 1 s. */
const start = { memoryMiB: 1024, usage: {} };

test('an invocation is billed its time, and the first one what the process computed before it as well', () => {
  const { meter, pass } = createMeter();
  pass(60_000, 400);
  meter.begin(start);
  pass(1_000, 300);
  meter.end();
  expect(meter.take()).toEqual({ usage: { lambdaRequest: 1, lambdaArmGbSecond: 1.4 }, cpuMs: 700 });
  pass(60_000, 5);
  meter.begin({ ...start, memoryMiB: 2048 });
  pass(500, 10);
  meter.end();
  expect(meter.take()).toEqual({ usage: { lambdaRequest: 1, lambdaArmGbSecond: 1 }, cpuMs: 10 });
});

test('what is billed for starting and for calls adds up, and is taken once', () => {
  const { meter } = createMeter();
  meter.add({ s3Put: 2 });
  meter.begin({ ...start, usage: { apiRequest: 3 } });
  meter.add({ s3Put: 1, kmsRequest: 1 });
  meter.end();
  expect(meter.take().usage).toMatchObject({ s3Put: 3, kmsRequest: 1, apiRequest: 3, lambdaRequest: 1 });
  expect(meter.take()).toEqual({ usage: {}, cpuMs: 0 });
});

test('an invocation whose usage is not taken leaves it to the next one', () => {
  const { meter, pass } = createMeter();
  for (let i = 0; i < 3; i++) {
    meter.begin(start);
    pass(100, 10);
    meter.end();
    meter.end();
  }
  expect(meter.take()).toEqual({
    usage: { lambdaRequest: 3, lambdaArmGbSecond: expect.closeTo(0.3, 9) as number },
    cpuMs: 30,
  });
});
