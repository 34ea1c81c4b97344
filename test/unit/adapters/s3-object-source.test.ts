import { GetObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { mockClient } from 'aws-sdk-client-mock';
import { Readable } from 'node:stream';
import { describe, expect, test } from 'vitest';
import { S3ObjectSource } from '../../../shared/adapters/aws/s3-object-source.ts';
import { ManualClock } from '../../../shared/adapters/memory/manual-clock.ts';
import { BlockedError, TransientError } from '../../../shared/domain/errors.ts';
import { ObjectGoneError } from '../../../shared/ports/object-source.ts';

const OBJECT = { name: 'x', tag: 'abc', bytes: 10 };
const CONTENT = Buffer.from('0123456789');

/** Answers requests with what is left of the object, and breaks after some bytes of each. */
function setUp(perConnection: readonly (number | Error)[]): {
  read: (offset?: number) => Promise<string>;
  ranges: (string | undefined)[];
} {
  const client = new S3Client({ region: 'eu-west-1' });
  const s3 = mockClient(client);
  s3.onAnyCommand().rejects(new Error('not stubbed'));
  const ranges: (string | undefined)[] = [];
  s3.on(GetObjectCommand).callsFake((input: { Range?: string; IfMatch?: string }) => {
    const connection = perConnection[ranges.length] ?? Infinity;
    ranges.push(input.Range);
    expect(input.IfMatch).toBe('"abc"');
    if (connection instanceof Error) throw connection;
    const from = Number(/=(\d+)-/.exec(input.Range ?? '')?.[1]);
    const isWhole = from + connection >= CONTENT.length;
    return {
      Body: Readable.from(
        (function* () {
          yield CONTENT.subarray(from, from + Math.min(connection, CONTENT.length));
          if (!isWhole) throw Object.assign(new Error('socket'), { code: 'ECONNRESET' });
        })(),
      ),
    };
  });
  const objects = new S3ObjectSource({
    s3: client,
    bucket: 'b',
    prefix: 'p/',
    clock: new ManualClock({ jump: true }),
  });
  return {
    ranges,
    async read(offset = 0) {
      const chunks: Uint8Array[] = [];
      for await (const chunk of objects.open(OBJECT, offset, Date.UTC(2100, 0))) chunks.push(chunk);
      return Buffer.concat(chunks).toString();
    },
  };
}

const named = (name: string): Error => Object.assign(new Error(name), { name });

describe('objects on S3', () => {
  test('a connection that breaks is resumed at the byte that was reached', async () => {
    const { read, ranges } = setUp([4, 3]);
    expect(await read()).toBe('0123456789');
    expect(ranges).toEqual(['bytes=0-9', 'bytes=4-9', 'bytes=7-9']);
  });

  test('one that never gets anywhere is left to the next run, and is never an end', async () => {
    const { read, ranges } = setUp(Array.from({ length: 20 }, () => 0));
    await expect(read(2)).rejects.toThrow(TransientError);
    expect(ranges.length).toBeLessThan(10);
  });

  test.each(['NoSuchKey', 'PreconditionFailed', 'InvalidRange'])(
    '%s: the version is gone, in the middle too',
    async (name) => {
      const { read } = setUp([4, named(name)]);
      await expect(read()).rejects.toThrow(ObjectGoneError);
    },
  );

  test('an archived object and one that may not be read wait for a person', async () => {
    await expect(setUp([named('InvalidObjectState')]).read()).rejects.toThrow(/restore it/);
    await expect(setUp([named('AccessDenied')]).read()).rejects.toThrow(BlockedError);
  });
});
