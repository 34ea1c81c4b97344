import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { describe, expect, test } from 'vitest';
import { compileSources } from '../../../shared/config/compile-sources.ts';
import { compileValidators } from '../../../shared/config/compile-validators.ts';
import { parseConfig } from '../../../shared/config/define-config.ts';
import { recordBytes, RecordFlag, writeFrame } from '../../../shared/domain/frame.ts';
import type { StreamRecord } from '../../../shared/domain/stream-batch.ts';
import { createStreamReader } from '../../../shared/pipeline/stream-reader.ts';
import type { LaneEntry } from '../../../shared/pipeline/lane.ts';
import type { LedgerState } from '../../../shared/ports/ledger-store.ts';

const ARRIVED_MS = Date.UTC(2026, 0, 1);
const config = parseConfig({
  sources: {
    clicks: {
      type: 'stream',
      freshness: '30 seconds',
      volume: { gbPerDay: 1 },
      contract: {
        schema: {
          type: 'object',
          properties: { id: { type: 'string' }, n: { type: 'integer' } },
          required: ['id'],
        },
      },
      key: ['id'],
    },
    strict: {
      type: 'stream',
      freshness: '30 seconds',
      volume: { gbPerDay: 1 },
      contract: { dataTypes: 'freeze', schema: { type: 'object', properties: { id: { type: 'string' } } } },
      key: ['id'],
    },
  },
});
const sources = compileSources(config, compileValidators(config));

const stateAt = (position: string | undefined): LedgerState => ({
  position,
  commits: 0,
  version: 0,
  intent: undefined,
});
const record = (sequenceNumber: string, data: string | Uint8Array): StreamRecord => ({
  sequenceNumber,
  data: Buffer.from(data),
  arrivedAtMs: ARRIVED_MS,
});

async function entriesOf(data: string | Uint8Array, source?: string): Promise<readonly LaneEntry[]> {
  const batch = { stream: 's', shardId: 'shardId-0', records: [record('7', data)] };
  const read = await createStreamReader(sources, source, batch).read(stateAt(undefined), Infinity);
  return read?.entries ?? [];
}

/** What entries hold, in a form that is easy to compare. */
const summary = (entries: readonly LaneEntry[]): string[] =>
  entries.flatMap((entry) => {
    switch (entry.kind) {
      case 'quarantine':
        return [
          `${entry.row.source} ${entry.row.reason} ${entry.row.id} ${Buffer.from(entry.row.raw).toString()}`,
        ];
      case 'frame':
        return Array.from(
          { length: entry.frame.count },
          (_, i) =>
            `${entry.source.name} ${String(entry.frame.flags[i])} ${recordBytes(entry.frame, i).toString()}`,
        );
      case 'table':
        throw new Error('streams bring records');
    }
  });

describe('plain JSON on a stream of its own', () => {
  test.each([
    ['an object', '{"id":"a"}', ['clicks 0 {"id":"a"}']],
    ['an object with unknown fields', '{"id":"a","x":1}', ['clicks 1 {"id":"a","x":1}']],
    ['a violation', '{"id":1}', ['clicks 2 {"id":1}']],
    ['an array', '[{"id":"a"}, {"id":"b"}]', ['clicks 0 {"id":"a"}', 'clicks 0 {"id":"b"}']],
    ['lines', '{"id":"a"}\r\n\n{"id":"b"}\n', ['clicks 0 {"id":"a"}', 'clicks 0 {"id":"b"}']],
    [
      'a line that is not JSON among others',
      '{"id":"a"}\n{"id":\n{"id":"b"}',
      ['clicks 0 {"id":"a"}', 'clicks 2 {"id":', 'clicks 0 {"id":"b"}'],
    ],
    ['text', 'hello', ['clicks 2 hello']],
  ])('%s', async (_name, data, expected) => {
    expect(summary(await entriesOf(data, 'clicks'))).toEqual(expected);
  });

  test('a violation of a frozen contract is kept in quarantine: nobody is there to be told', async () => {
    expect(summary(await entriesOf('{"id":1}', 'strict'))).toEqual(['strict 2 {"id":1}']);
  });
});

describe('what belongs to no source', () => {
  test('plain JSON on the shared stream', async () => {
    expect(summary(await entriesOf('{"id":"a"}'))).toEqual([
      'unknown UNKNOWN_SOURCE kinesis/s/shardId-0/7/0 {"id":"a"}',
    ]);
  });

  test('every record of a frame of an undeclared source, by itself', async () => {
    const frame = frameOf('gone', 'v', ['{"id":"a"}', '{"id":"b"}']);
    expect(summary(await entriesOf(frame))).toEqual([
      'unknown UNKNOWN_SOURCE kinesis/s/shardId-0/7/0 {"id":"a"}',
      'unknown UNKNOWN_SOURCE kinesis/s/shardId-0/7/1 {"id":"b"}',
    ]);
  });

  test('a frame whose bytes have changed', async () => {
    const frame = frameOf('clicks', 'v', ['{"id":"a"}']);
    frame.writeUInt8(frame.readUInt8(frame.length - 1) ^ 1, frame.length - 1);
    const [entry] = await entriesOf(frame);
    expect(entry).toMatchObject({ kind: 'quarantine', row: { reason: 'UNREADABLE_FRAME' } });
    expect(entry?.kind === 'quarantine' && entry.row.error).toContain('checksum');
  });
});

describe('frames', () => {
  const version = sources.get('clicks')?.contract.version ?? '';

  test('are handed on as they are when the contract is the same', async () => {
    // The flag is not what a check would say: nobody checks again.
    const frame = frameOf('clicks', version, ['{"id":1}']);
    expect(summary(await entriesOf(frame))).toEqual(['clicks 0 {"id":1}']);
  });

  test('of another contract version are judged by the one that is deployed', async () => {
    const frame = frameOf('clicks', 'older', ['{"id":"a"}', '{"id":1}']);
    expect(summary(await entriesOf(frame))).toEqual(['clicks 0 {"id":"a"}', 'clicks 2 {"id":1}']);
  });

  test('records keep their index whatever a newer contract refuses, for they may have claimed keys under it', async () => {
    const [entry] = await entriesOf(frameOf('strict', 'older', ['{"id":1}', '{"id":"b"}']));
    if (entry?.kind !== 'frame') throw new Error('expected a frame');
    expect([...entry.frame.flags]).toEqual([RecordFlag.violation, RecordFlag.valid]);
    expect(recordBytes(entry.frame, 1).toString()).toBe('{"id":"b"}');
  });
});

describe('a batch', () => {
  const batch = {
    stream: 's',
    shardId: 'shardId-0',
    records: [record('9', '{"id":"a"}'), record('10', '{"id":"b"}'), record('11', '{"id":"c"}')],
  };
  const reader = createStreamReader(sources, 'clicks', batch);

  test('begins after the committed position, compared as a number', async () => {
    expect(await reader.read(stateAt('9'), Infinity)).toMatchObject({
      from: '10',
      to: '11',
      stem: 's-shardId-0-10-11',
    });
  });

  test('is empty when everything is committed', async () => {
    expect(await reader.read(stateAt('11'), Infinity)).toBeUndefined();
  });

  test('is cut at the given size and has one record at least', async () => {
    expect(await reader.read(stateAt(undefined), 20)).toMatchObject({ from: '9', to: '10' });
    expect(await reader.read(stateAt(undefined), 1)).toMatchObject({ from: '9', to: '9' });
  });

  test('does not keep what is committed in memory', async () => {
    setFlagsFromString('--expose-gc');
    const collectGarbage = runInNewContext('gc') as () => void;
    const ofRun = createStreamReader(sources, 'clicks', batch);
    const payloadOf = async (position: string | undefined): Promise<WeakRef<Buffer>> => {
      const [entry] = (await ofRun.read(stateAt(position), 1))?.entries ?? [];
      if (entry?.kind !== 'frame') throw new Error('expected a frame');
      return new WeakRef(entry.frame.payload);
    };
    const committed = await payloadOf(undefined);
    const pending = await payloadOf('9');
    await new Promise(setImmediate);
    collectGarbage();
    expect(committed.deref()).toBeUndefined();
    expect(pending.deref()).toBeDefined();
  });
});

function frameOf(source: string, contractVersion: string, records: readonly string[]): Buffer {
  return writeFrame(
    { source, frameId: 'f', contractVersion, receivedAtMs: ARRIVED_MS },
    records.map((text) => ({
      bytes: Buffer.from(text),
      flag: RecordFlag.valid,
      fingerprint: new Uint8Array(16),
      digest: new Uint8Array(4),
      eventTimeMs: ARRIVED_MS,
    })),
  );
}
