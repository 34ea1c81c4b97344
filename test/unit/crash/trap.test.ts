import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { afterEach, describe, expect, test } from 'vitest';
import type { SeenRequest } from '../../../cloud/fault-proxy/seen-request.ts';
import type { Variant } from '../../crash/crash-points.ts';
import { kill, Trap } from '../../crash/trap.ts';

const children: ChildProcess[] = [];

afterEach(() => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
});

function startVictim(): ChildProcess & { readonly pid: number } {
  const child = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)']);
  children.push(child);
  if (child.pid === undefined) throw new Error('no process was started');
  return Object.assign(child, { pid: child.pid });
}

function call(operation: string, pid?: number, attempt = 1): SeenRequest {
  return {
    service: 's3',
    operation,
    attempt,
    resource: 'k',
    isCreation: true,
    metadata: {},
    input: undefined,
    callerPid: () => Promise.resolve(pid),
  };
}

const POINT = { matches: ({ operation }: SeenRequest) => operation === 'PutObject', nth: 2 };

function setTrap(variant: Variant): { trap: Trap; fired: () => number } {
  let fired = 0;
  return { trap: new Trap(POINT, variant, () => fired++), fired: () => fired };
}

const isPending = (promise: Promise<unknown>): Promise<boolean> =>
  Promise.race([promise.then(() => false), new Promise<true>((resolve) => setTimeout(resolve, 30, true))]);

describe.runIf(process.platform === 'linux')('trap', () => {
  test('before: the process is dead and its call never arrives; neither do those behind it', async () => {
    const victim = startVictim();
    const dead = once(victim, 'exit');
    const { trap, fired } = setTrap('before');
    expect(await trap.before(call('HeadObject', victim.pid))).toBe('pass');
    expect(await trap.before(call('PutObject', victim.pid))).toBe('pass');
    expect(await trap.before(call('PutObject', victim.pid, 2))).toBe('pass');
    expect(fired()).toBe(0);
    const [second, third] = [call('PutObject', victim.pid), call('PutObject', victim.pid)];
    expect(await Promise.all([trap.before(second), trap.before(third)])).toEqual(['drop', 'drop']);
    expect((await dead)[1]).toBe('SIGKILL');
    expect(fired()).toBe(1);
    // Its successor is left alone.
    expect(await trap.before(call('PutObject'))).toBe('pass');
  });

  test('after: the call passes, then the process is dead before it hears of it', async () => {
    const victim = startVictim();
    const dead = once(victim, 'exit');
    const { trap, fired } = setTrap('after');
    const calls = [1, 2, 3].map(() => call('PutObject', victim.pid));
    const [first, second, third] = calls.map((each) => trap.before(each));
    expect(await Promise.all([first, second])).toEqual(['pass', 'pass']);
    if (third === undefined || calls[0] === undefined || calls[1] === undefined)
      throw new Error('three calls');
    expect(await isPending(third)).toBe(true);
    expect(await trap.after(calls[0])).toBe('pass');
    expect(fired()).toBe(0);
    expect(await trap.after(calls[1])).toBe('drop');
    expect(await third).toBe('drop');
    expect((await dead)[1]).toBe('SIGKILL');
    expect(fired()).toBe(1);
  });

  test('lost: the answer is dropped once, the process lives and its repetition passes', async () => {
    const victim = startVictim();
    const { trap, fired } = setTrap('lost');
    await trap.before(call('PutObject', victim.pid));
    const second = call('PutObject', victim.pid);
    expect(await trap.before(second)).toBe('pass');
    const third = trap.before(call('PutObject', victim.pid));
    expect(await trap.after(second)).toBe('drop');
    expect(await third).toBe('pass');
    const repeated = call('PutObject', victim.pid, 2);
    expect(await trap.before(repeated)).toBe('pass');
    expect(await trap.after(repeated)).toBe('pass');
    expect([fired(), victim.exitCode, victim.signalCode]).toEqual([1, null, null]);
  });

  test('zombie: the call is held until it is let go; others pass meanwhile', async () => {
    const { trap, fired } = setTrap('zombie');
    await trap.before(call('PutObject'));
    const held = trap.before(call('PutObject'));
    expect(await trap.before(call('PutObject'))).toBe('pass');
    expect(await isPending(held)).toBe(true);
    expect(fired()).toBe(1);
    trap.release();
    expect(await held).toBe('pass');
  });

  test('a call of an unknown process has not happened: nothing is told to have fired', async () => {
    const { trap, fired } = setTrap('before');
    await trap.before(call('PutObject'));
    expect(await trap.before(call('PutObject'))).toBe('drop');
    expect(fired()).toBe(0);
  });

  test('the process of the test is never killed', async () => {
    await expect(kill(process.pid)).rejects.toThrow(/does not kill itself/);
  });
});
