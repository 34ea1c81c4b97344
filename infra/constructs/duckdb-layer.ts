import { Architecture, type Code, LayerVersion, Runtime } from 'aws-cdk-lib/aws-lambda';
import type { Construct } from 'constructs';

/**
 * DuckDB with its native binary. A layer, so that a change of code uploads kilobytes instead of 70 MB. Each stack has
 * its own (of the same asset): a layer that another stack imports could never be replaced.
 */
export class DuckDbLayer extends LayerVersion {
  constructor(scope: Construct, id: string, code: Code) {
    super(scope, id, {
      code,
      description: '@duckdb/node-api and its native binding',
      compatibleArchitectures: [Architecture.ARM_64],
      compatibleRuntimes: [Runtime.NODEJS_24_X],
    });
  }
}
