import { Match } from 'aws-cdk-lib/assertions';
import { describe, expect, test } from 'vitest';
import type { FunctionName } from '../../shared/domain/plan/function-sizes.ts';
import { everything } from './configs.ts';
import { resourcesOf, type Resource, synth, templateOf } from './synth.ts';

const templates = synth(everything);

interface Statement {
  readonly Effect: 'Allow' | 'Deny';
  readonly Action: string | readonly string[];
  readonly Resource: unknown;
  readonly Condition?: unknown;
}

/** The statements of the role of a lane's function. */
function statementsOf(lane: FunctionName): Statement[] {
  const template = new Map([[lane, templateOf(templates, lane)]]);
  const [fn] = resourcesOf(template, 'AWS::Lambda::Function');
  const role = (fn?.Properties['Role'] as { 'Fn::GetAtt': [string, string] })['Fn::GetAtt'][0];
  return resourcesOf(template, 'AWS::IAM::Policy')
    .filter(
      ({ Properties }: Resource) => JSON.stringify(Properties['Roles']) === JSON.stringify([{ Ref: role }]),
    )
    .flatMap(({ Properties }) => (Properties['PolicyDocument'] as { Statement: Statement[] }).Statement);
}

/** What the role of a lane's function may do: action → resources, as text. */
function permissionsOf(lane: FunctionName): Map<string, string> {
  const permissions = new Map<string, string>();
  for (const { Action, Resource: resource } of statementsOf(lane)) {
    for (const action of [Action].flat()) {
      permissions.set(action, (permissions.get(action) ?? '') + JSON.stringify(resource));
    }
  }
  return permissions;
}

const actionsOf = (lane: FunctionName, service: string): string[] =>
  [...permissionsOf(lane).keys()].filter((action) => action.startsWith(`${service}:`)).sort();

describe('the push function', () => {
  test('writes to the ingest stream and cannot read it', () => {
    expect(actionsOf('push', 'kinesis')).toEqual(['kinesis:PutRecords']);
  });

  test('cannot see the lake, parameters or queues', () => {
    for (const service of ['s3', 'ssm', 'sqs']) expect(actionsOf('push', service), service).toEqual([]);
  });

  test('reads write keys, and writes nothing of them but when they were used', () => {
    const statements = statementsOf('push').filter(({ Resource: resource }) =>
      JSON.stringify(resource).includes('Access'),
    );
    expect(statements.map(({ Action, Condition }) => ({ Action, Condition }))).toEqual([
      { Action: 'dynamodb:GetItem', Condition: undefined },
      {
        Action: 'dynamodb:UpdateItem',
        Condition: {
          'ForAllValues:StringEquals': { 'dynamodb:Attributes': ['hash', 'lastUsedAtMs'] },
          StringEqualsIfExists: { 'dynamodb:ReturnValues': 'NONE' },
        },
      },
    ]);
  });

  test('sees in the ledger what has landed, and writes nothing there but counts', () => {
    const statements = statementsOf('push').filter(({ Resource: resource }) =>
      JSON.stringify(resource).includes('Ledger'),
    );
    expect(statements.map(({ Action, Condition }) => ({ Action, Condition }))).toEqual([
      {
        Action: 'dynamodb:UpdateItem',
        Condition: { 'ForAllValues:StringLike': { 'dynamodb:LeadingKeys': ['counts/*'] } },
      },
      { Action: ['dynamodb:GetItem', 'dynamodb:Query'], Condition: undefined },
    ]);
  });
});

describe.each(['stream', 'pull', 'extract'] as const)('the %s function', (lane) => {
  test('writes objects of its zones, deletes none but old lists of landed objects, and changes no setting of the bucket', () => {
    const deletes = permissionsOf(lane).get('s3:DeleteObject');
    expect(actionsOf(lane, 's3').filter((action) => action !== 's3:DeleteObject')).toEqual([
      's3:GetObject',
      's3:ListBucket',
      's3:PutObject',
    ]);
    if (lane === 'pull') expect(deletes).toMatch(/\/landing\/files\/\*"\]\]\}$/);
    else expect(deletes).toBeUndefined();
    const objects = permissionsOf(lane).get('s3:PutObject') ?? '';
    expect(objects).toContain('/raw/*');
    expect(objects).toContain('/quarantine/*');
    expect(objects).not.toContain('"/*"');
  });

  test('cannot see write keys', () => {
    expect([...permissionsOf(lane).values()].join()).not.toContain('Access');
  });

  test('deletes no claim and no ledger entry', () => {
    expect(actionsOf(lane, 'dynamodb')).toEqual([
      'dynamodb:BatchGetItem',
      'dynamodb:ConditionCheckItem',
      'dynamodb:GetItem',
      'dynamodb:PutItem',
      'dynamodb:Query',
      'dynamodb:UpdateItem',
    ]);
  });
});

describe('the watch function', () => {
  test('sees neither the lake, nor streams, parameters, queues but its dead letters, or schedules', () => {
    for (const service of ['s3', 'kinesis', 'ssm', 'scheduler', 'lambda', 'iam'])
      expect(actionsOf('watch', service), service).toEqual([]);
    expect(permissionsOf('watch').get('sqs:SendMessage')).toMatch(
      /^\{"Fn::GetAtt":\["RunDeadLetters\w+","Arn"\]\}$/,
    );
    expect([...permissionsOf('watch').values()].join()).not.toMatch(/Access|Claims/);
  });

  test('reads counts, and writes nothing of the ledger but what it has found', () => {
    const statements = statementsOf('watch').filter(({ Resource: resource }) =>
      JSON.stringify(resource).includes('Ledger'),
    );
    expect(statements.map(({ Action, Condition }) => ({ Action, Condition }))).toEqual([
      {
        Action: 'dynamodb:Query',
        Condition: { 'ForAllValues:StringLike': { 'dynamodb:LeadingKeys': ['counts/*'] } },
      },
      {
        Action: ['dynamodb:GetItem', 'dynamodb:PutItem', 'dynamodb:Query'],
        Condition: { 'ForAllValues:StringLike': { 'dynamodb:LeadingKeys': ['watch/*'] } },
      },
    ]);
  });

  test('puts its own events on the default bus, and cannot pretend to be anybody else', () => {
    const [statement, ...others] = statementsOf('watch').filter(({ Action }) =>
      JSON.stringify(Action).includes('events:'),
    );
    expect(others).toEqual([]);
    expect(statement).toMatchObject({
      Action: 'events:PutEvents',
      Condition: {
        StringEquals: { 'events:source': 'headgate', 'events:detail-type': 'Headgate Source Finding' },
      },
    });
    expect(JSON.stringify(statement?.Resource)).toContain(':event-bus/default');
  });

  test('queries the logs of the functions that work for sources, and no others', () => {
    const groups = [
      ...(permissionsOf('watch').get('logs:StartQuery') ?? '').matchAll(/log-group:([^"]+):\*/g),
    ].map(([, group]) => group);
    expect(groups.sort()).toEqual(
      ['extract', 'pull', 'push', 'stream'].map((lane) => `/aws/lambda/lab-${lane}`),
    );
  });
});

test('the functions that read on a schedule alone may stage batches', () => {
  expect(permissionsOf('pull').get('s3:PutObject')).toContain('/landing/pull/*');
  expect(permissionsOf('pull').get('s3:PutObject')).toContain('/landing/backfill/*');
  expect(permissionsOf('extract').get('s3:PutObject')).toContain('/landing/pull/*');
  expect(permissionsOf('extract').get('s3:PutObject')).not.toContain('/landing/backfill/');
  expect(
    permissionsOf('stream')
      .get('s3:PutObject')
      ?.match(/\/landing\/\w+/g),
  ).toEqual(['/landing/claims']);
});

test('the function that compares keys alone may stage them', () => {
  for (const action of ['s3:PutObject', 's3:GetObject']) {
    expect(permissionsOf('extract').get(action)).toContain('/landing/keys/*');
    expect(permissionsOf('pull').get(action)).not.toContain('/landing/keys/');
  }
});

test('the pull function reads the folders of sources of type files, and nothing else of their buckets', () => {
  const read = permissionsOf('pull').get('s3:GetObject') ?? '';
  expect(read).toContain(':s3:::supplier/stock/*');
  expect(read).toContain('/landing/files/*');
  expect(permissionsOf('pull').get('s3:PutObject')).not.toContain('supplier');
  expect(permissionsOf('pull').get('s3:DeleteObject')).toMatch(/\/landing\/files\/\*"\]\]\}$/);
  templateOf(templates, 'pull').hasResourceProperties('AWS::IAM::Policy', {
    PolicyDocument: Match.objectLike({
      Statement: Match.arrayWith([
        Match.objectLike({
          Action: 's3:ListBucket',
          Condition: { StringLike: { 's3:prefix': 'stock/*' } },
        }),
      ]),
    }),
  });
  expect([...permissionsOf('extract').values()].join()).not.toContain('supplier');
});

test('nothing that has to be read at any time goes to an archive', () => {
  const [bucket] = resourcesOf(new Map([['storage', templateOf(templates, 'storage')]]), 'AWS::S3::Bucket');
  const { Rules } = bucket?.Properties['LifecycleConfiguration'] as {
    Rules: { Prefix?: string; Transitions?: unknown; ExpirationInDays?: number }[];
  };
  const touching = Rules.filter(
    ({ Prefix = '', Transitions, ExpirationInDays }) =>
      (Transitions !== undefined || ExpirationInDays !== undefined) && 'landing/files/'.startsWith(Prefix),
  );
  expect(touching).toEqual([]);
});

test('the stream function alone may park dead letters and read streams, and writes to none', () => {
  expect(permissionsOf('stream').get('s3:PutObject')).toContain('/aws/lambda/*');
  expect(permissionsOf('pull').get('s3:PutObject')).not.toContain('/aws/lambda/*');
  expect(actionsOf('pull', 'kinesis')).toEqual([]);
  expect(actionsOf('stream', 'kinesis').filter((action) => action.includes('Put'))).toEqual([]);
});

test('the data key is used only through services, each of which the function needs', () => {
  const expected = {
    push: ['dynamodb', 'kinesis'],
    stream: ['dynamodb', 'kinesis', 's3'],
    pull: ['dynamodb', 's3'],
    extract: ['dynamodb', 's3'],
    watch: ['dynamodb'],
  } as const satisfies Partial<Record<FunctionName, readonly string[]>>;
  for (const [lane, services] of Object.entries(expected) as [FunctionName, readonly string[]][]) {
    const statements = resourcesOf(new Map([[lane, templateOf(templates, lane)]]), 'AWS::IAM::Policy')
      .flatMap(({ Properties }) => (Properties['PolicyDocument'] as { Statement: Statement[] }).Statement)
      // The key of a secret parameter is not ours.
      .filter(({ Action }) => JSON.stringify(Action).includes('kms:'))
      .filter(({ Condition }) => !JSON.stringify(Condition).includes('PARAMETER_ARN'));
    for (const statement of statements)
      expect(JSON.stringify(statement.Condition)).toContain('kms:ViaService');
    const named = new Set(
      [
        ...JSON.stringify(statements.map(({ Condition }) => Condition)).matchAll(
          /"(\w+)\.",\{"Ref":"AWS::Region"/g,
        ),
      ].map(([, service]) => service),
    );
    expect([...named].sort(), lane).toEqual(services);
  }
});

describe('the functions that read on a schedule', () => {
  test.each(['pull', 'extract'] as const)('%s uses its own queue of work and no other', (lane) => {
    expect(actionsOf(lane, 'sqs')).toEqual([
      'sqs:ChangeMessageVisibility',
      'sqs:DeleteMessage',
      'sqs:GetQueueAttributes',
      'sqs:GetQueueUrl',
      'sqs:ReceiveMessage',
      // Its own, and the dead letters of its runs.
      'sqs:SendMessage',
    ]);
    const work = String.raw`\{"Fn::GetAtt":\["WorkQueue\w+","Arn"\]\}`;
    expect(permissionsOf(lane).get('sqs:SendMessage')).not.toContain('Notifications');
    // Pull also takes what its rules have put into the queue of notifications.
    const own = lane === 'pull' ? String.raw`\{"Fn::GetAtt":\["NotificationsQueue\w+","Arn"\]\}` : '';
    expect(permissionsOf(lane).get('sqs:ReceiveMessage')).toMatch(new RegExp(`^${work}${own}$`));
  });

  test('change only the schedules of sources that adapt theirs, and hand on only the role of schedules', () => {
    expect(actionsOf('extract', 'scheduler')).toEqual(['scheduler:GetSchedule', 'scheduler:UpdateSchedule']);
    const resources = permissionsOf('extract').get('scheduler:UpdateSchedule') ?? '';
    expect(resources).toContain(':schedule/lab-extract/ledger');
    expect(resources).not.toContain('*');
    expect(resources).not.toContain('stock');
    const [passing] = statementsOf('extract').filter(({ Action }) => Action === 'iam:PassRole');
    expect(JSON.stringify(passing?.Resource)).toContain('SchedulerRole');
    expect(passing?.Condition).toEqual({
      StringEquals: { 'iam:PassedToService': 'scheduler.amazonaws.com' },
    });
    expect(actionsOf('pull', 'scheduler')).toEqual([]);
    expect(actionsOf('pull', 'iam')).toEqual([]);
  });

  test('log in to databases only as the users that sources name', () => {
    expect(permissionsOf('extract').get('rds-db:connect')).toContain(':dbuser:*/reader');
    expect(actionsOf('pull', 'rds-db')).toEqual([]);
  });

  test('read the parameters of their own sources', () => {
    const names = (lane: FunctionName): string[] =>
      [...(permissionsOf(lane).get('ssm:GetParameter') ?? '').matchAll(/:parameter(\/[\w/]+)/g)].map(
        ([, name = '']) => name,
      );
    expect(names('pull')).toEqual(['/rates/key', '/rates/url']);
    expect(names('extract')).toEqual(['/ledger/host', '/stock/password']);
  });

  test('leave network interfaces to Lambda: what runs in the function is denied them', () => {
    const statements = statementsOf('extract').filter(({ Action }) =>
      JSON.stringify(Action).includes('ec2:'),
    );
    const denied = statements.filter(({ Effect }) => Effect === 'Deny');
    expect(JSON.stringify(denied.map(({ Condition }) => Condition))).toContain(':function:lab-extract');
    const allowed = statements.filter(({ Effect }) => Effect === 'Allow').flatMap(({ Action }) => Action);
    expect([denied[0]?.Action].flat().sort()).toEqual([...allowed].sort());
    expect(actionsOf('pull', 'ec2')).toEqual([]);
  });
});

test('no policy allows an action by wildcard, and none uses a managed policy', () => {
  for (const { Properties } of resourcesOf(templates, 'AWS::IAM::Policy')) {
    for (const { Action } of (Properties['PolicyDocument'] as { Statement: Statement[] }).Statement) {
      for (const action of [Action].flat()) expect(action).not.toContain('*');
    }
  }
  for (const { Properties } of resourcesOf(templates, 'AWS::IAM::Role')) {
    expect(Properties).not.toHaveProperty('ManagedPolicyArns');
  }
});
