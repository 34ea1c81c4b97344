import { InvokeCommand, type LambdaClient } from '@aws-sdk/client-lambda';
import * as z from 'zod';
import { BlockedError } from '../../domain/errors.ts';
import { callAws } from './translate-error.ts';

const failure = z.object({ errorMessage: z.string() });

/**
 * Calls a function and waits for what it answers.
 *
 * @throws BlockedError with code `FUNCTION_FAILED` and the function's own message
 */
export async function invokeFunction(lambda: LambdaClient, name: string, event: unknown): Promise<unknown> {
  const { FunctionError, Payload } = await callAws(
    { operation: 'Invoke', resource: `function ${name}` },
    () => lambda.send(new InvokeCommand({ FunctionName: name, Payload: JSON.stringify(event) })),
  );
  const text = Payload?.transformToString() ?? '';
  const answer: unknown = text === '' ? undefined : JSON.parse(text);
  if (FunctionError === undefined) return answer;
  const message = failure.safeParse(answer).data?.errorMessage ?? FunctionError;
  throw new BlockedError('FUNCTION_FAILED', `function ${name} failed: ${message}`);
}

/** Has a function called soon, and does not wait for it. */
export async function startFunction(lambda: LambdaClient, name: string, event: unknown): Promise<void> {
  await callAws({ operation: 'Invoke', resource: `function ${name}` }, () =>
    lambda.send(
      new InvokeCommand({ FunctionName: name, InvocationType: 'Event', Payload: JSON.stringify(event) }),
    ),
  );
}
