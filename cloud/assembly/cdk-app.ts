/** A CDK app and what its output depends on. */
export interface CdkApp {
  /** Entry file, relative to the project. */
  readonly entry: string;
  /** Folders and files, relative to the project, that the output depends on beside the entry file's imports. */
  readonly inputs: readonly string[];
}

/** Headgate itself. */
export const headgateApp: CdkApp = {
  entry: 'infra/bin/app.ts',
  inputs: ['infra', 'lambdas', 'shared', 'package-lock.json', 'cdk.json'],
};
