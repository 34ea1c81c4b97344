import { GetParameterCommand, SSMClient } from '@aws-sdk/client-ssm';
import { mockClient } from 'aws-sdk-client-mock';
import { beforeEach, expect, test } from 'vitest';
import { SsmParameterStore } from '../../../shared/adapters/aws/ssm-parameter-store.ts';
import { ManualClock } from '../../../shared/adapters/memory/manual-clock.ts';
import { BlockedError, TransientError } from '../../../shared/domain/errors.ts';

const ssm = mockClient(SSMClient);

beforeEach(() => {
  ssm.reset();
  ssm.onAnyCommand().rejects(new Error('not stubbed'));
});

function createStore(clock = new ManualClock()): SsmParameterStore {
  return new SsmParameterStore({ ssm: new SSMClient({ region: 'us-east-1' }), clock });
}

test('secrets are decrypted', async () => {
  ssm.on(GetParameterCommand).resolves({ Parameter: { Value: 'v' } });
  await createStore().get('/a');
  expect(ssm.commandCalls(GetParameterCommand)[0]?.args[0].input).toEqual({
    Name: '/a',
    WithDecryption: true,
  });
});

test('a value is kept for five minutes per name, then read again', async () => {
  const clock = new ManualClock();
  const store = createStore(clock);
  ssm.on(GetParameterCommand, { Name: '/a' }).resolves({ Parameter: { Value: 'old' } });
  ssm.on(GetParameterCommand, { Name: '/b' }).resolves({ Parameter: { Value: 'b' } });
  expect(await store.get('/a')).toBe('old');
  expect(await store.get('/b')).toBe('b');
  ssm.on(GetParameterCommand, { Name: '/a' }).resolves({ Parameter: { Value: 'new' } });
  clock.advance(5 * 60_000 - 1);
  expect(await store.get('/a')).toBe('old');
  clock.advance(1);
  expect(await store.get('/a')).toBe('new');
});

test('failures are told apart and not kept', async () => {
  const store = createStore();
  const refusal = (name: string): Error => Object.assign(new Error(name), { name });
  ssm.on(GetParameterCommand).rejects(refusal('ParameterNotFound'));
  await expect(store.get('/a')).rejects.toMatchObject({ code: 'PARAMETER_MISSING' });
  ssm.on(GetParameterCommand).rejects(refusal('ThrottlingException'));
  await expect(store.get('/a')).rejects.toBeInstanceOf(TransientError);
  ssm.on(GetParameterCommand).rejects(refusal('AccessDeniedException'));
  await expect(store.get('/a')).rejects.toBeInstanceOf(BlockedError);
  ssm.on(GetParameterCommand).resolves({ Parameter: { Value: 'v' } });
  expect(await store.get('/a')).toBe('v');
});

test('a newer value than the known one is read when somebody asks for it, and serves everybody', async () => {
  const clock = new ManualClock();
  const store = createStore(clock);
  ssm.on(GetParameterCommand).resolves({ Parameter: { Value: 'old' } });
  await store.get('/a');
  ssm.on(GetParameterCommand).resolves({ Parameter: { Value: 'new' } });
  clock.advance(1_000);
  expect(await store.get('/a', { maxAgeMs: 1_001 })).toBe('old');
  expect(await store.get('/a', { maxAgeMs: 1_000 })).toBe('new');
  expect(await store.get('/a')).toBe('new');
  clock.advance(5 * 60_000);
  expect(ssm.commandCalls(GetParameterCommand)).toHaveLength(2);
  await store.get('/a', { maxAgeMs: 60 * 60_000 });
  expect(ssm.commandCalls(GetParameterCommand)).toHaveLength(3);
});

test('while SSM does not answer, the known value serves on; one that was taken away does not', async () => {
  const clock = new ManualClock();
  const store = createStore(clock);
  const refusal = (name: string): Error => Object.assign(new Error(name), { name });
  ssm.on(GetParameterCommand).resolves({ Parameter: { Value: 'known' } });
  await store.get('/a');
  ssm.on(GetParameterCommand).rejects(refusal('ThrottlingException'));
  expect(await store.get('/a', { maxAgeMs: 0 })).toBe('known');
  clock.advance(5 * 60_000);
  expect(await store.get('/a')).toBe('known');
  const calls = ssm.commandCalls(GetParameterCommand).length;
  clock.advance(30_000 - 1);
  expect(await store.get('/a')).toBe('known');
  expect(ssm.commandCalls(GetParameterCommand)).toHaveLength(calls);
  clock.advance(1);
  ssm.on(GetParameterCommand).rejects(refusal('ParameterNotFound'));
  await expect(store.get('/a')).rejects.toMatchObject({ code: 'PARAMETER_MISSING' });
});
