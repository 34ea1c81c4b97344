import type { Code } from 'aws-cdk-lib/aws-lambda';
import type { FunctionName } from '../../shared/domain/plan/function-sizes.ts';

/**
 * What is uploaded: the code of each function, and the layer with DuckDB. Each call answers a new instance, because a
 * `Code` belongs to one stack.
 */
export type FunctionCode = Readonly<Record<FunctionName | 'duckdb', () => Code>>;
