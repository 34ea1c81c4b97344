import { createRequire } from 'node:module';
import { join } from 'node:path';
import type { APIGatewayProxyEventV2, APIGatewayProxyStructuredResultV2, Context } from 'aws-lambda';

export type PushFunction = (
  event: APIGatewayProxyEventV2,
  context: Context,
) => Promise<APIGatewayProxyStructuredResultV2>;

/** A bundled function, and the environment it runs in. */
export interface FunctionToLoad {
  readonly folder: string;
  readonly env: Readonly<Record<string, string>>;
}

/** Loads a bundle as Lambda does: in this process, with the function's environment. */
export function loadFunction({ folder, env }: FunctionToLoad): PushFunction {
  Object.assign(process.env, env);
  const bundle = createRequire(import.meta.url)(join(folder, 'index.js')) as { handler: PushFunction };
  return bundle.handler;
}
