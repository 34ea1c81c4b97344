import { S3Client } from '@aws-sdk/client-s3';
import { describe, expect, test } from 'vitest';
import { S3FrameWriter } from '../../../shared/adapters/aws/s3-frame-writer.ts';
import { S3LandingZone } from '../../../shared/adapters/aws/s3-landing-zone.ts';
import { ManualClock } from '../../../shared/adapters/memory/manual-clock.ts';
import { createFrameNames } from '../../../shared/domain/landing-frame.ts';

const nameAt = (ms: number): string => createFrameNames(() => 'x')(ms);
const MINUTE_MS = 60_000;

/** A client whose requests are counted instead of sent. */
function offlineClient(options: { readonly systemClockOffset?: number } = {}) {
  const sent: string[] = [];
  const client = new S3Client({
    region: 'us-east-1',
    credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
    maxAttempts: 1,
    ...options,
    requestHandler: {
      handle: (request: { readonly headers: Readonly<Record<string, string>> }) => {
        sent.push(request.headers['x-amz-date'] ?? '');
        return Promise.reject(new Error('offline'));
      },
    },
  });
  return { client, sent };
}

describe('the time of a signature', () => {
  test('is near the time in the name of the frame that is put', async () => {
    const { client, sent } = offlineClient();
    const writer = new S3FrameWriter({ s3: client, bucket: 'lake' });
    const put = (ms: number): Promise<void> => writer.put('orders', nameAt(ms), Buffer.from('x'), 1_000);
    await expect(put(Date.now() - 50_000)).rejects.toThrow('offline');
    expect(sent).toHaveLength(1);
    await expect(put(Date.now() - 62_000)).rejects.toMatchObject({ code: 'CLOCK_WRONG' });
    await expect(put(Date.now() + 62_000)).rejects.toMatchObject({ code: 'CLOCK_WRONG' });
    expect(sent).toHaveLength(1);
  });

  test('is not that of a clock which the SDK has corrected without telling', async () => {
    const { client, sent } = offlineClient({ systemClockOffset: 20 * MINUTE_MS });
    const writer = new S3FrameWriter({ s3: client, bucket: 'lake' });
    await expect(writer.put('orders', nameAt(Date.now()), Buffer.from('x'), 1_000)).rejects.toMatchObject({
      code: 'CLOCK_WRONG',
    });
    const zone = new S3LandingZone({
      s3: client,
      bucket: 'lake',
      clock: new ManualClock({ startMs: Date.now() }),
    });
    await expect(zone.list('orders', '')).rejects.toMatchObject({ code: 'CLOCK_WRONG' });
    expect(sent).toEqual([]);
  });
});
