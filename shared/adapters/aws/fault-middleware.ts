import { setTimeout } from 'node:timers/promises';
import type { Fault, FaultPlan } from '../faults/fault-plan.ts';

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
