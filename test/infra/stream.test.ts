import { describe, expect, test } from 'vitest';
import { everything, orders, sensors } from './configs.ts';
import { resourcesOf, synth, templateOf } from './synth.ts';

const templates = synth(everything);

/** Mapping by the logical id of its stream. */
function mappings(): Map<string, Record<string, unknown>> {
  return new Map(
    resourcesOf(templates, 'AWS::Lambda::EventSourceMapping').map(({ Properties }) => {
      const arn = Properties['EventSourceArn'] as { 'Fn::GetAtt': [string, string] };
      return [arn['Fn::GetAtt'][0].replace(/Stream.*/, ''), Properties];
    }),
  );
}

describe('streams', () => {
  test('are provisioned with the shards and the retention of the configuration, and encrypted', () => {
    const streams = resourcesOf(templates, 'AWS::Kinesis::Stream').map(({ Properties }) => Properties);
    expect(streams.map(({ ShardCount }) => ShardCount).sort()).toEqual([3, 5]);
    for (const stream of streams) {
      expect(stream).toMatchObject({
        StreamModeDetails: { StreamMode: 'PROVISIONED' },
        RetentionPeriodHours: 96,
        StreamEncryption: { EncryptionType: 'KMS' },
      });
    }
  });

  test('pushed sources share one, a stream source has its own', () => {
    const count = (sources: Record<string, typeof orders | typeof sensors>): number =>
      resourcesOf(synth({ sources }), 'AWS::Kinesis::Stream').length;
    expect(count({ orders })).toBe(1);
    expect(count({ orders, more: orders })).toBe(1);
    expect(count({ orders, sensors })).toBe(2);
    expect(count({ sensors, other: sensors })).toBe(2);
  });
});

describe('the mapping of every stream', () => {
  test.each([
    // A third of the strictest freshness of its sources: 60 s of orders, not 90 s of clicks.
    ['Ingest', 20],
    ['Sourcesensors', 8],
  ])('%s collects for a third of the freshness: %i s', (stream, seconds) => {
    expect(mappings().get(stream)).toMatchObject({ MaximumBatchingWindowInSeconds: seconds });
  });

  test.each(['Ingest', 'Sourcesensors'])(
    '%s starts at the oldest record, one batch per shard at a time, and isolates what fails',
    (stream) => {
      expect(mappings().get(stream)).toMatchObject({
        StartingPosition: 'TRIM_HORIZON',
        ParallelizationFactor: 1,
        BisectBatchOnFunctionError: true,
        FunctionResponseTypes: ['ReportBatchItemFailures'],
        BatchSize: 10_000,
        MaximumRetryAttempts: 10_000,
      });
    },
  );

  test.each(['Ingest', 'Sourcesensors'])(
    '%s gives up on records at three quarters of the retention',
    (stream) => {
      expect(mappings().get(stream)).toMatchObject({ MaximumRecordAgeInSeconds: 3 * 24 * 3600 });
    },
  );

  test.each(['Ingest', 'Sourcesensors'])('%s parks what it gives up on in the lake bucket', (stream) => {
    const { DestinationConfig } = mappings().get(stream) as {
      DestinationConfig: { OnFailure: { Destination: object } };
    };
    expect(JSON.stringify(DestinationConfig.OnFailure.Destination)).toMatch(/ImportValue.*Lake.*Arn/);
  });

  test('filters nothing: a record that is filtered out is lost', () => {
    for (const mapping of mappings().values()) expect(mapping).not.toHaveProperty('FilterCriteria');
  });
});

describe('the stream function', () => {
  const stream = templateOf(templates, 'stream');

  test('has its size, its time-out and the environment that its handler reads', () => {
    stream.hasResourceProperties('AWS::Lambda::Function', {
      FunctionName: 'lab-stream',
      Runtime: 'nodejs24.x',
      Architectures: ['arm64'],
      MemorySize: 1769,
      Timeout: 120,
      EphemeralStorage: { Size: 1024 },
      LoggingConfig: { LogFormat: 'JSON' },
    });
    const [fn] = resourcesOf(new Map([['stream', stream]]), 'AWS::Lambda::Function');
    const { Variables } = fn?.Properties['Environment'] as { Variables: Record<string, unknown> };
    expect(Object.keys(Variables).sort()).toEqual([
      'CLAIMS_TABLE',
      'LAKE_BUCKET',
      'LEDGER_TABLE',
      'NODE_OPTIONS',
      'SOURCE_STREAMS',
    ]);
  });

  test('SOURCE_STREAMS names the source of each own stream, and is JSON once the stream has a name', () => {
    const [fn] = resourcesOf(new Map([['stream', stream]]), 'AWS::Lambda::Function');
    const { Variables } = fn?.Properties['Environment'] as {
      Variables: { SOURCE_STREAMS: { 'Fn::Join': [string, unknown[]] } };
    };
    const text = Variables.SOURCE_STREAMS['Fn::Join'][1]
      .map((part) => (typeof part === 'string' ? part : 'the-deployed-name'))
      .join('');
    expect(JSON.parse(text)).toEqual({ 'the-deployed-name': 'sensors' });
  });

  test('is not there when no source needs it', () => {
    const { rates } = everything.sources;
    expect([...synth({ sources: { rates } }).keys()]).toEqual(['storage', 'pull', 'watch', 'observability']);
  });
});
