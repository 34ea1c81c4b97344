import { setTimeout } from 'node:timers/promises';
import { createSeededRandom } from '../../domain/seeded-random.ts';

/**
 * What can go wrong with one attempt of a call.
 *
 * - `delay`: the answer comes late
 * - `throttle`, `server-error`, `access-denied`, `conflict` (409): the service refuses; nothing has happened
 * - `reset-before`: the connection breaks; nothing has happened
 * - `reset-after`: the connection breaks after the effect, so the answer is lost
 */
export type Fault =
  | { readonly kind: 'delay'; readonly ms: number }
  | {
      readonly kind:
        'throttle' | 'server-error' | 'access-denied' | 'conflict' | 'reset-before' | 'reset-after';
    };

/** One attempt of a call, before it is made. */
export interface Attempt {
  /** The SDK's name without `Command`, e.g. `PutItem`. */
  readonly operation: string;
  /** 1 for the first attempt of a call, 2 for the SDK's first repetition, … */
  readonly attempt: number;
}

/** Decides what goes wrong. */
export interface FaultPlan {
  onAttempt?(attempt: Attempt): Fault | undefined;
  /** Which entries (by index) of a PutRecords call fail; the others are sent. */
  failEntries?(entries: number): readonly number[];
}

/** Chance of each fault per attempt, from 0 to 1; what is left of 1 goes well. */
export type FaultRates = Readonly<Partial<Record<Fault['kind'] | 'partial', number>>>;

const MAX_DELAY_MS = 50;

/** A plan that is the same for the same seed and the same order of calls. */
export function seededFaults(seed: number, rates: FaultRates): Required<FaultPlan> {
  const random = createSeededRandom(seed);
  const kinds = Object.entries(rates).filter(([kind]) => kind !== 'partial') as [Fault['kind'], number][];
  return {
    onAttempt() {
      let left = random();
      for (const [kind, rate] of kinds) {
        left -= rate;
        if (left < 0) return kind === 'delay' ? { kind, ms: random() * MAX_DELAY_MS } : { kind };
      }
      return undefined;
    },
    failEntries(entries) {
      if (random() >= (rates.partial ?? 0)) return [];
      return Array.from({ length: entries }, (_, index) => index).filter(() => random() < 0.5);
    },
  };
}

/**
 * Puts faults under a client of the AWS SDK: below the SDK's own retries, which therefore see them as they would see
 * the real ones. Tests and the embedded cloud call this; nothing that is deployed does.
 */
export function injectFaults(client: { readonly middlewareStack: unknown }, plan: FaultPlan): void {
  const stack = client.middlewareStack as MiddlewareStack;
  const attempts = new WeakMap<Context, number>();
  stack.add(
    (next, context) => async (args) => {
      const attempt = (attempts.get(context) ?? 0) + 1;
      attempts.set(context, attempt);
      const operation = (context.commandName ?? '').replace(/Command$/, '');
      const fault = plan.onAttempt?.({ operation, attempt });
      if (fault === undefined) return await next(args);
      if (fault.kind === 'delay') {
        await setTimeout(fault.ms);
        return await next(args);
      }
      if (fault.kind === 'reset-after') await next(args);
      throw toError(fault.kind, context.clientName ?? '');
    },
    // The innermost place: behind the retries and the signature.
    { step: 'finalizeRequest', name: 'headgateFaults', priority: 'low' },
  );
  stack.add(
    (next, context) => async (args) => {
      const records = (args.input as { readonly Records?: readonly unknown[] }).Records;
      if (context.commandName !== 'PutRecordsCommand' || records === undefined) return await next(args);
      return await putSome(next, args, records, new Set(plan.failEntries?.(records.length) ?? []));
    },
    { step: 'initialize', name: 'headgatePartialFaults', priority: 'low' },
  );
}

/** Sends the entries that do not fail and answers as Kinesis does when some entries were throttled. */
async function putSome(
  next: Handler,
  args: Arguments,
  records: readonly unknown[],
  failing: ReadonlySet<number>,
): Promise<Answer> {
  if (failing.size === 0) return await next(args);
  const passing = records.filter((_, index) => !failing.has(index));
  const answer =
    passing.length > 0
      ? await next({ ...args, input: { ...args.input, Records: passing } })
      : { response: undefined, output: { $metadata: { httpStatusCode: 200 } } };
  const stored = [...((answer.output as { readonly Records?: readonly unknown[] }).Records ?? [])];
  const entries = records.map((_, index) =>
    failing.has(index)
      ? { ErrorCode: 'ProvisionedThroughputExceededException', ErrorMessage: 'injected fault' }
      : stored.shift(),
  );
  return { ...answer, output: { ...answer.output, FailedRecordCount: failing.size, Records: entries } };
}

/** The errors as the SDK throws them: their name, code and status are what its retries and our translation look at. */
function toError(kind: Exclude<Fault['kind'], 'delay'>, clientName: string): Error {
  const refusal = (name: string, httpStatusCode: number): Error =>
    Object.assign(new Error('injected fault'), {
      name,
      $fault: httpStatusCode < 500 ? 'client' : 'server',
      $metadata: { httpStatusCode },
    });
  switch (kind) {
    case 'throttle':
      if (clientName === 'S3Client') return refusal('SlowDown', 503);
      return refusal(
        clientName === 'SSMClient' ? 'ThrottlingException' : 'ProvisionedThroughputExceededException',
        400,
      );
    case 'server-error':
      return refusal('InternalServerError', 500);
    case 'access-denied':
      return refusal(clientName === 'S3Client' ? 'AccessDenied' : 'AccessDeniedException', 403);
    case 'conflict':
      return refusal(
        clientName === 'S3Client' ? 'ConditionalRequestConflict' : 'TransactionInProgressException',
        409,
      );
    case 'reset-before':
    case 'reset-after':
      return Object.assign(new Error('injected fault'), { name: 'TimeoutError', code: 'ECONNRESET' });
  }
}

/* The part of the SDK's middleware stack that is used here; its own types are those of one client each. */
interface Context {
  readonly commandName?: string;
  readonly clientName?: string;
}
interface Arguments {
  readonly input: object;
}
interface Answer {
  readonly response: unknown;
  readonly output: object;
}
type Handler = (args: Arguments) => Promise<Answer>;
interface MiddlewareStack {
  add(
    middleware: (next: Handler, context: Context) => Handler,
    options: { readonly step: string; readonly name: string; readonly priority: string },
  ): void;
}
