import { describe, expect, test } from 'vitest';
import { runCli } from '../../../cli/run-cli.ts';
import { toInvocationRecord } from '../../../cloud/event-source-poller/to-invocation-record.ts';
import { MemoryAuditLog } from '../../../shared/adapters/memory/memory-audit-log.ts';
import { parseConfig } from '../../../shared/config/define-config.ts';
import { BlockedError } from '../../../shared/domain/errors.ts';
import type { StreamRecord } from '../../../shared/domain/stream-batch.ts';
import {
  createReplayWorld,
  declareClicks,
  LANE,
  recordAt,
  SHARD,
  START_MS,
  STREAM,
} from '../../support/replay-world.ts';
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
  let sources = declareClicks();
  let editor: ((text: string) => string) | undefined;
  const unused = (): never => {
    throw new Error('not used here');
  };
  const audit = new MemoryAuditLog();
  const questions: string[] = [];
  let answer: boolean | undefined;
  const dlq = (...args: string[]): Promise<number> =>
    runCli(['dlq', ...args], {
      terminal: {
        out: (text) => out.push(text),
        err: (text) => err.push(text),
        confirm:
          answer === undefined
            ? undefined
            : (question) => {
                questions.push(question);
                return Promise.resolve(answer === true);
              },
      },
      clock: world.clock,
      loadConfig: () => Promise.resolve(CONFIG),
      openKeys: unused,
      openLake: unused,
      openAudit: unused,
      openLogs: unused,
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
      openActivity: unused,
      openSpend: unused,
      openRowSketches: unused,
      queryHistory: undefined,
      loadPrices: unused,
      readDeployedPlan: unused,
      openAccount: unused,
      isLocal: false,
      nodeVersion: '24.0.0',
      who: 'ada@lab',
      editText: editor && ((text) => Promise.resolve(editor?.(text) ?? '')),
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
          audit,
          engine: world.depsFor(sources),
          close: () => {
            closed++;
            return Promise.resolve();
          },
        }),
    });
  return {
    world,
    parked,
    out,
    err,
    steps,
    questions,
    audit,
    dlq,
    run: (...args: string[]) => dlq('replay', ...args),
    closed: () => closed,
    declare: (options: Parameters<typeof declareClicks>[0]) => (sources = declareClicks(options)),
    confirmWith: (given: boolean) => (answer = given),
    editWith: (given: (text: string) => string) => (editor = given),
  };
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
    [['quarantine/', '--as', 'klicks'], 2, '--as klicks is not declared'],
    [['quarantine/', '--reason', 'CONTRAKT'], 2, 'there are: CONTRACT'],
    [['quarantine/', '--from', 'yesterday'], 2, 'write "2026-01-31"'],
    [['quarantine/', '--from', '2026-02-01', '--to', '2026-01-01'], 2, 'is not before'],
    [['quarantine/', '--set', 'total'], 2, 'must be a field and a value'],
    [['quarantine/', '--unset', 'a..b'], 2, 'must be field names joined by dots'],
    [['quarantine/nothing/'], 1, 'there is no object that begins with s3://lake/quarantine/nothing/'],
    [[], 2, 'say which: keys or prefixes'],
  ])('%j ends with exit code %i and says why', async (args, code, message) => {
    const { run, err } = setUp();
    expect(await run(...args)).toBe(code);
    expect(err.join('\n')).toContain(message);
  });
});

const BAD = { n: 'no integer' };

/** A world with two quarantine files of different days. */
async function withQuarantine() {
  const all = setUp();
  const { world } = all;
  await world.deliver([recordAt(1, { id: 'a', ...BAD }, { id: 'b', ...BAD }, { id: 'c', n: 1 })]);
  world.clock.advance(3 * 86_400_000);
  await world.deliver([
    { ...recordAt(2, { id: 'd', ...BAD }), arrivedAtMs: world.clock.nowMs() },
    { ...recordAt(3), data: Buffer.of(0x7b, 0xff), arrivedAtMs: world.clock.nowMs() },
  ]);
  return all;
}

describe('headgate dlq list', () => {
  test('groups what is open by source and reason, and says what to do', async () => {
    const { dlq, out } = await withQuarantine();
    expect(await dlq('list', '--json')).toBe(0);
    expect(JSON.parse(out[0] ?? '')).toMatchObject({
      quarantine: [
        {
          source: 'clicks',
          reason: 'CONTRACT',
          open: 3,
          done: 0,
          files: 2,
          oldest: '2026-01-01',
          newest: '2026-01-04',
        },
        { source: 'clicks', reason: 'MALFORMED', open: 1, files: 1, oldest: '2026-01-04' },
      ],
      parked: { objects: 0, open: 0 },
    });
    expect(await dlq('list')).toBe(0);
    expect(out[1]).toContain('2026-01-01 to 2026-01-04');
    expect(out[1]).toContain('CONTRACT: Correct the producer');
  });

  test.each([
    [['--reason', 'MALFORMED'], 1],
    [['--from', '2 days'], 2],
    [['--to', '2026-01-02'], 2],
    [['--source', 'clicks'], 4],
    [['--source', 'unknown'], 0],
    [['--id', `${LANE}/1/1`], 1],
    [['--limit', '3'], 3],
  ])('--records %j', async (options, count) => {
    const { dlq, out } = await withQuarantine();
    expect(await dlq('list', '--records', '--json', ...options)).toBe(0);
    expect(JSON.parse(out[0] ?? '')).toHaveLength(count);
  });

  test('shows single records, the newest first, without their payloads', async () => {
    const { dlq, out } = await withQuarantine();
    expect(await dlq('list', '--records')).toBe(0);
    expect(out[0]?.indexOf('2026-01-04')).toBeLessThan(out[0]?.indexOf('2026-01-01') ?? 0);
    expect(out[0]).toContain('"n" must be of type integer');
    expect(out[0]).not.toContain('no integer');
  });

  test('parked deliveries count by what of them is not in the lake', async () => {
    const { world, parked, dlq, out } = await withQuarantine();
    parked.set(KEY, documentOf([recordAt(3), recordAt(4, { id: 'x' }), recordAt(5, { id: 'y' })]));
    parked.set(`${KEY}b`, Buffer.from('{}'));
    expect(await dlq('list', '--json')).toBe(0);
    expect(JSON.parse(out[0] ?? '')).toMatchObject({
      parked: { objects: 2, open: 2, unreadable: [`${KEY}b`] },
    });
    expect(await dlq('replay', KEY)).toBe(0);
    expect(await dlq('list', '--json')).toBe(0);
    expect(JSON.parse(out.at(-1) ?? '')).toMatchObject({ parked: { open: 0 } });
    expect(world.landed()).toHaveLength(3);
  });

  test('what is done is left out, unless all is asked for', async () => {
    const { declare, dlq, out } = await withQuarantine();
    declare({ n: 'string' });
    expect(await dlq('replay', '--reason', 'CONTRACT')).toBe(0);
    expect(await dlq('list')).toBe(0);
    expect(out.at(-1)).not.toContain('CONTRACT');
    expect(await dlq('list', '--all', '--json')).toBe(0);
    expect(JSON.parse(out.at(-1) ?? '')).toMatchObject({
      quarantine: [{ reason: 'MALFORMED' }, { reason: 'CONTRACT', open: 0, done: 3 }],
    });
    expect(await dlq('list', '--records', '--reason', 'CONTRACT')).toBe(0);
    expect(out.at(-1)).toContain('No such record');
  });
});

describe('headgate dlq show', () => {
  test('one record by its identity: why it is there, what would become of it, and its bytes', async () => {
    const { declare, dlq, out } = await withQuarantine();
    expect(await dlq('show', `${LANE}/1/1`)).toBe(0);
    expect(out[0]).toContain('it would stay: "n" must be of type integer');
    expect(out[0]).toContain('{"day":"2026-01-01","id":"b","n":"no integer"}');
    declare({ n: 'string' });
    expect(await dlq('show', `${LANE}/1/1`, '--json')).toBe(0);
    expect(JSON.parse(out[1] ?? '')).toMatchObject({
      id: `${LANE}/1/1`,
      status: 'open',
      wouldLand: true,
      attempts: 1,
      firstSeenAt: '2026-01-01T00:00:00.000Z',
      lastSeenAt: '2026-01-01T00:00:00.000Z',
    });
    await dlq('replay', '--id', `${LANE}/1/1`);
    expect(await dlq('show', `${LANE}/1/1`, '--json')).toBe(0);
    expect(JSON.parse(out.at(-1) ?? '')).toMatchObject({
      status: 'done',
      attempts: 2,
      lastSeenAt: '2026-01-04T00:00:00.000Z',
    });
  });

  test('each replay that leaves a record where it is counts as an attempt, and replays of others do not', async () => {
    const { world, dlq, out } = await withQuarantine();
    const later = (): string => {
      world.clock.advance(60_000);
      return new Date(world.clock.nowMs()).toISOString();
    };
    later();
    expect(await dlq('replay', '--id', `${LANE}/1/0`)).toBe(1);
    const last = later();
    expect(await dlq('replay', '--reason', 'CONTRACT')).toBe(1);
    later();
    expect(await dlq('list', '--records', '--reason', 'CONTRACT', '--json')).toBe(0);
    const firstSeenAt = '2026-01-01T00:00:00.000Z';
    expect(JSON.parse(out.at(-1) ?? '')).toMatchObject([
      { id: `${LANE}/2/0`, attempts: 2, firstSeenAt: '2026-01-04T00:00:00.000Z', lastSeenAt: last },
      { id: `${LANE}/1/0`, attempts: 3, firstSeenAt, lastSeenAt: last },
      { id: `${LANE}/1/1`, attempts: 2, firstSeenAt, lastSeenAt: last },
    ]);
    expect(await dlq('show', `${LANE}/1/0`)).toBe(0);
    expect(out.at(-1)).toMatch(/attempts +3\n/);
  });

  test('a parked delivery: why it was given up, after how many attempts, and what of it is not in the lake', async () => {
    const { parked, dlq, out, err } = await withQuarantine();
    parked.set(KEY, documentOf([recordAt(3), recordAt(4, { id: 'x' })]));
    expect(await dlq('show', KEY, '--json')).toBe(0);
    expect(JSON.parse(out.at(-1) ?? '')).toEqual({
      ref: KEY,
      stream: STREAM,
      shardId: SHARD,
      from: '3',
      to: '4',
      records: 2,
      open: 1,
      condition: 'RetryAttemptsExhausted',
      attempts: 3,
      firstSeenAt: '2026-01-01T00:00:00.000Z',
      lastSeenAt: '2025-12-31T23:00:00.000Z',
    });
    expect(await dlq('show', KEY)).toBe(0);
    expect(out.at(-1)).toContain('RetryAttemptsExhausted');
    expect(await dlq('show', 'aws/lambda/nothing')).toBe(1);
    expect(err.at(-1)).toContain('there is no object s3://lake/aws/lambda/nothing');
  });

  test('bytes that are no text', async () => {
    const { dlq, out } = await withQuarantine();
    expect(await dlq('show', `${LANE}/3/0`)).toBe(0);
    expect(out[0]).toContain('7b ff');
    expect(await dlq('show', `${LANE}/3/0`, '--json')).toBe(0);
    expect(JSON.parse(out[1] ?? '')).toMatchObject({ base64: Buffer.of(0x7b, 0xff).toString('base64') });
  });

  test('one that is not there', async () => {
    const { world, dlq, err } = await withQuarantine();
    expect(await dlq('show', 'nobody')).toBe(1);
    expect(err.at(-1)).toContain('no record with the identity "nobody"');
    expect(await dlq('show', `${world.quarantineKeys()[0] ?? ''}#9`)).toBe(1);
    expect(err.at(-1)).toContain('rows, which are numbered from 0');
  });
});

describe('headgate dlq replay', () => {
  test('says beforehand what would happen, and changes nothing', async () => {
    const { world, dlq, out, audit } = await withQuarantine();
    expect(await dlq('replay', '--source', 'clicks', '--set', 'n=7', '--dry-run', '--json')).toBe(0);
    const previews = JSON.parse(out[0] ?? '') as { landing: number; staying: number }[];
    expect(previews.map(({ landing, staying }) => [landing, staying])).toEqual([
      [2, 0],
      [1, 0],
      [0, 1],
    ]);
    expect(world.landed()).toHaveLength(1);
    expect(await audit.list(0, 10)).toEqual([]);
  });

  test('gives every selected record a field, and writes down who did it', async () => {
    const { world, dlq, out, audit } = await withQuarantine();
    expect(await dlq('replay', '--reason', 'CONTRACT', '--to', '2026-01-02', '--set', 'n=7')).toBe(0);
    expect(world.landed().map(({ raw }) => raw)).toEqual([
      expect.stringContaining('"c"'),
      '{"day":"2026-01-01","id":"a","n":7}',
      '{"day":"2026-01-01","id":"b","n":7}',
    ]);
    expect(await audit.list(0, 10)).toMatchObject([
      {
        phase: 'begun',
        who: 'ada@lab',
        action: 'replay',
        asked: expect.stringContaining('--set "n=7"') as string,
      },
      { phase: 'ended', outcome: { landed: 2, failed: 0 } },
    ]);
    expect(await dlq('history', '--from', '10000 days')).toBe(0);
    expect(out.at(-1)).toContain('2 landed');
  });

  test('a record that cannot be changed as asked stays, although it would land as it is', async () => {
    const { world, declare, dlq, out } = await withQuarantine();
    declare({ n: 'string' });
    expect(await dlq('replay', '--source', 'clicks', '--set', 'n.m=1')).toBe(1);
    expect(out[0]).toContain('row 0: n is not an object, so it cannot have a field m');
    expect(out[0]).toContain('the record is not JSON');
    expect(world.landed()).toHaveLength(1);
  });

  test('parked deliveries are replayed as they are', async () => {
    const { world, parked, dlq, err } = await withQuarantine();
    parked.set(KEY, documentOf([recordAt(4, { id: 'x' })]));
    expect(await dlq('replay', KEY, '--set', 'n=1')).toBe(2);
    expect(err.at(-1)).toContain('is a parked delivery, which is replayed as it is');
    expect(world.landed()).toHaveLength(1);
  });

  test('does nothing that cannot be written down', async () => {
    const { world, dlq, audit } = await withQuarantine();
    audit.append = () => Promise.reject(new BlockedError('AccessDenied', 'mend the policy'));
    expect(await dlq('replay', '--source', 'clicks', '--set', 'n=7')).toBe(1);
    expect(world.landed()).toHaveLength(1);
  });
});

describe('headgate dlq edit', () => {
  test('one record gets a value and lands, once it is confirmed', async () => {
    const { world, dlq, err, questions, confirmWith } = await withQuarantine();
    expect(await dlq('edit', `${LANE}/1/0`, '--set', 'n=5')).toBe(2);
    expect(err.at(-1)).toContain('add --yes');
    confirmWith(false);
    expect(await dlq('edit', `${LANE}/1/0`, '--set', 'n=5')).toBe(1);
    expect(world.landed()).toHaveLength(1);
    confirmWith(true);
    expect(await dlq('edit', `${LANE}/1/0`, '--set', 'n=5')).toBe(0);
    expect(questions.at(-1)).toContain('It would land.');
    expect(world.landed().map(({ raw }) => raw)).toContain('{"day":"2026-01-01","id":"a","n":5}');
    expect(await dlq('edit', `${LANE}/1/0`, '--set', 'n=6', '--yes')).toBe(1);
    expect(err.at(-1)).toContain('the record is done');
  });

  test('in an editor', async () => {
    const { world, dlq, editWith } = await withQuarantine();
    editWith((text) => `${text.replace('"no integer"', '42')}\n`);
    expect(await dlq('edit', `${LANE}/1/0`, '--yes')).toBe(0);
    expect(world.landed().map(({ raw }) => raw)).toContain('{"day":"2026-01-01","id":"a","n":42}');
  });

  test.each([
    [['--set', 'n=x'], 1, 'as it is now the record would stay'],
    [['--set', 'id=a'], 1, 'nothing was changed'],
    [[], 2, 'say what to change'],
    [['--file', '/nowhere'], 2, 'no such file'],
    [['--file', '/nowhere', '--set', 'n=1'], 2, 'give either --file'],
    [['--set', 'n.m=1'], 1, 'n is not an object, so it cannot have a field m'],
  ])('%j is refused', async (args, code, message) => {
    const { world, dlq, err } = await withQuarantine();
    expect(await dlq('edit', `${LANE}/1/0`, '--yes', ...args)).toBe(code);
    expect(err.join('\n')).toContain(message);
    expect(world.landed()).toHaveLength(1);
  });
});

describe('headgate dlq discard', () => {
  test('records are given up, with a reason, and no replay lands them', async () => {
    const { world, dlq, out, questions, confirmWith, audit } = await withQuarantine();
    confirmWith(true);
    expect(await dlq('discard', '--reason', 'CONTRACT', '--to', '2026-01-02', '--why', 'a test')).toBe(0);
    expect(questions).toEqual(['Give up 2 records in 1 files? No replay lands them then.']);
    expect(out.at(-1)).toContain('Gave up 2 records; 0 were done before.');
    expect(await audit.list(0, 10)).toMatchObject([
      { action: 'discard', why: 'a test' },
      { outcome: { discarded: 2 } },
    ]);
    expect(await dlq('replay', '--reason', 'CONTRACT', '--set', 'n=1')).toBe(0);
    expect(world.landed()).toHaveLength(2);
    expect(await dlq('discard', '--reason', 'CONTRACT', '--why', 'a test')).toBe(1);
  });

  test.each([
    [['--reason', 'CONTRACT'], 2, '--why is required'],
    [['--reason', 'CONTRACT', '--why', 'x'], 2, 'add --yes'],
    [['aws/lambda/x', '--why', 'x'], 2, 'holds records that nobody has judged'],
  ])('%j is refused', async (args, code, message) => {
    const { dlq, err, out } = await withQuarantine();
    expect(await dlq('discard', ...args)).toBe(code);
    expect(err.join('\n')).toContain(message);
    expect(await dlq('list', '--json')).toBe(0);
    expect(JSON.parse(out.at(-1) ?? '')).toMatchObject({ quarantine: [{ open: 3 }, { open: 1 }] });
  });
});
