import { describe, expect, test } from 'vitest';
import { runCli } from '../../../cli/run-cli.ts';
import { toInvocationRecord } from '../../../cloud/event-source-poller/to-invocation-record.ts';
import { parseConfig } from '../../../shared/config/define-config.ts';
import { BlockedError } from '../../../shared/domain/errors.ts';
import type { StreamRecord } from '../../../shared/domain/stream-batch.ts';
import { createReplayWorld, LANE, recordAt, SHARD, START_MS, STREAM } from '../../support/replay-world.ts';
import { streamMapping } from '../cloud/stream-mapping-fixture.ts';

const FUNCTION = 'demo-stream';
const KEY = 'aws/lambda/uuid/shard/2025/12/31/a';
const CONFIG = parseConfig({
  sources: {
    clicks: {
      type: 'stream',
      freshness: '1 minute',
      volume: { gbPerDay: 1 },
      key: ['id'],
      contract: { schema: { type: 'object', properties: { id: { type: 'string' } } } },
    },
  },
});

const documentOf = (records: readonly StreamRecord[], functionName = FUNCTION): Buffer =>
  Buffer.from(
    JSON.stringify(
      toInvocationRecord(
        streamMapping({
          streamArn: `arn:aws:kinesis:us-east-1:1:stream/${STREAM}`,
          functionArn: `arn:aws:lambda:us-east-1:1:function:${functionName}`,
        }),
        {
          shardId: SHARD,
          records: records.map((record) => ({ ...record, partitionKey: 'k' })),
          condition: 'RetryAttemptsExhausted',
          invocations: 3,
          outcome: undefined,
          atMs: START_MS - 3_600_000,
        },
      ),
    ),
  );

function setUp() {
  const world = createReplayWorld();
  const parked = new Map<string, Buffer>();
  const out: string[] = [];
  const err: string[] = [];
  const steps: string[] = [];
  let closed = 0;
  const unused = (): never => {
    throw new Error('not used here');
  };
  const run = (...args: string[]): Promise<number> =>
    runCli(['dlq', 'replay', ...args], {
      terminal: { out: (text) => out.push(text), err: (text) => err.push(text), confirm: undefined },
      clock: world.clock,
      loadConfig: () => Promise.resolve(CONFIG),
      openKeys: unused,
      openLake: unused,
      openSample: () => Promise.reject(new Error('no objects here')),
      queryFolder: unused,
      progress: {
        update: (done, total, detail) => steps.push(`${String(done)}/${String(total)} ${detail}`),
        stop: () => undefined,
      },
      openTable: () => {
        throw new Error('no table is looked at here');
      },
      env: {},
      openPull: () => Promise.reject(new Error('runs are not looked at here')),
      openChecks: unused,
      who: 'ada@lab',
      openReplay: () =>
        Promise.resolve({
          bucket: 'lake',
          list: (prefix) =>
            Promise.resolve(
              [...parked.keys(), ...world.lake.list().map(({ key }) => key)].filter((key) =>
                key.startsWith(prefix),
              ),
            ),
          read: (key) => Promise.resolve(parked.get(key)),
          streamFunction: FUNCTION,
          engine: world.deps,
          close: () => {
            closed++;
            return Promise.resolve();
          },
        }),
    });
  return { world, parked, out, err, steps, run, closed: () => closed };
}

describe('headgate dlq replay', () => {
  test('lands parked deliveries under a prefix, shows what became of each, and does nothing the second time', async () => {
    const { world, parked, run, out, steps, closed } = setUp();
    parked.set(KEY, documentOf([recordAt(1, { id: 'a' }), recordAt(2, { id: 'b' })]));
    parked.set(`${KEY}b`, documentOf([recordAt(2, { id: 'b' }), recordAt(3, { id: 'a' })]));
    expect(await run('aws/lambda/', '--json')).toBe(0);
    expect(JSON.parse(out[0] ?? '')).toMatchObject([
      { key: KEY, status: 'done', landed: 2, duplicates: 0, alreadyDone: 0 },
      { key: `${KEY}b`, status: 'done', landed: 0, duplicates: 1, alreadyDone: 1 },
    ]);
    expect(world.landed().map(({ id }) => id)).toEqual([`${LANE}/1/0`, `${LANE}/2/0`]);
    expect(steps).toEqual([`0/2 ${KEY}`, `1/2 ${KEY}b`]);
    expect(await run('aws/lambda/')).toBe(0);
    expect(out[1]).toContain('done before');
    expect(world.landed()).toHaveLength(2);
    expect(closed()).toBe(2);
  });

  test('a whole key names one object only', async () => {
    const { parked, run, steps } = setUp();
    parked.set(KEY, documentOf([recordAt(1, { id: 'a' })]));
    parked.set(`${KEY}b`, documentOf([recordAt(2, { id: 'b' })]));
    expect(await run(KEY)).toBe(0);
    expect(steps).toEqual([`0/1 ${KEY}`]);
  });

  test('rows that still violate the contract stay, are named, and make the command fail', async () => {
    const { world, run, out, err } = setUp();
    await world.deliver([recordAt(1, { id: 'a', n: 'x' }, ...Array.from({ length: 6 }, () => ({ n: 1 })))]);
    expect(await run('quarantine/clicks/')).toBe(1);
    expect(out[0]).toContain('row 0: "n" must be of type integer');
    expect(out[0]).toContain('… and 2 more; --json shows all');
    expect(err.at(-1)).toContain('1 of 1 objects are not done');
  });

  test('an object that cannot be replayed is reported, and the others are landed', async () => {
    const { world, parked, run, out } = setUp();
    parked.set(KEY, Buffer.from('{}'));
    parked.set(`${KEY}b`, documentOf([recordAt(1, { id: 'a' })], 'another-function'));
    parked.set(`${KEY}c`, documentOf([recordAt(2, { id: 'b' })]));
    expect(await run('aws/lambda/', '--json')).toBe(1);
    expect(JSON.parse(out[0] ?? '')).toMatchObject([
      { status: 'failed', problems: [expect.stringContaining('KinesisBatchInfo is missing')] },
      { status: 'failed', problems: [expect.stringContaining(`this deployment's is ${FUNCTION}`)] },
      { status: 'done', landed: 1 },
    ]);
    expect(world.ledger.peek(LANE).position).toBe('2');
  });

  test('a store that denies access ends the command, and what was opened is closed', async () => {
    const { world, parked, run, err, closed } = setUp();
    parked.set(KEY, documentOf([recordAt(1, { id: 'a' })]));
    const denied = { before: () => Promise.reject(new BlockedError('AccessDenied', 'mend the policy')) };
    expect(await world.under(denied, () => run('aws/lambda/'))).toBe(1);
    expect(err.at(-1)).toBe('mend the policy');
    expect(closed()).toBe(1);
  });

  test.each([
    [
      ['raw/clicks/x.parquet'],
      2,
      'neither a parked delivery (aws/lambda/…) nor in the quarantine (quarantine/…)',
    ],
    [['quarantine/', '--source', 'klicks'], 2, 'there are: clicks'],
    [['quarantine/nothing/'], 1, 'there is no object that begins with s3://lake/quarantine/nothing/'],
    [[], 2, "missing required argument 'key'"],
  ])('%j ends with exit code %i and says why', async (args, code, message) => {
    const { run, err } = setUp();
    expect(await run(...args)).toBe(code);
    expect(err.join('\n')).toContain(message);
  });
});
