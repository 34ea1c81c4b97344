import { billedUsage } from './billed-usage.ts';
import type { UsageMeter } from './usage-meter.ts';

/**
 * Has everything that a client of the AWS SDK is billed for counted: below the SDK's own retries, each of which is billed
 * again. DynamoDB is asked to say what it consumed.
 */
export function meterCalls(client: { readonly middlewareStack: unknown }, meter: UsageMeter): void {
  const stack = client.middlewareStack as MiddlewareStack;
  stack.add(
    (next, { clientName }) =>
      async (args) =>
        await next(
          clientName === 'DynamoDBClient'
            ? { ...args, input: { ...args.input, ReturnConsumedCapacity: 'TOTAL' } }
            : args,
        ),
    { step: 'initialize', name: 'headgateConsumedCapacity', priority: 'low' },
  );
  stack.add(
    (next, { commandName = '' }) =>
      async (args) => {
        const attempt = { operation: commandName.replace(/Command$/, ''), input: args.input };
        try {
          const answer = await next(args);
          meter.add(billedUsage({ ...attempt, output: answer.output }));
          return answer;
        } catch (error) {
          meter.add(billedUsage({ ...attempt, error }));
          throw error;
        }
      },
    // Behind the retries and the signature.
    { step: 'finalizeRequest', name: 'headgateUsage', priority: 'low' },
  );
}

/* The part of the SDK's middleware stack that is used here; its own types are those of one client each. */
interface Arguments {
  readonly input: object;
}
interface Answer {
  readonly output: object;
}
type Handler = (args: Arguments) => Promise<Answer>;
interface MiddlewareStack {
  add(
    middleware: (
      next: Handler,
      context: { readonly commandName?: string; readonly clientName?: string },
    ) => Handler,
    options: { readonly step: string; readonly name: string; readonly priority: string },
  ): void;
}
