import type { LakeFile } from '../shared/adapters/aws/s3-lake-view.ts';
import type { QueryResult } from '../shared/adapters/duckdb/query-lake.ts';
import type { Clock } from '../shared/ports/clock.ts';
import type { HeadgateConfig } from '../shared/config/schema.ts';
import type { Terminal } from './terminal.ts';

/** What the commands that look into the lake work with. */
export interface LakeDeps {
  readonly terminal: Terminal;
  readonly clock: Clock;
  readonly loadConfig: (file: string) => Promise<HeadgateConfig>;
  /** Opens the lake of a deployment. */
  readonly openLake: (config: HeadgateConfig) => Promise<OpenLake>;
  /** Answers a query about a copy of a lake in a folder. */
  readonly queryFolder: (folder: string, sql: string) => Promise<QueryResult>;
}

/** A lake and where the commands keep their copy of it. */
export interface OpenLake {
  readonly bucket: string;
  readonly copyFolder: string;
  readonly list: (prefixes?: readonly string[]) => Promise<readonly LakeFile[]>;
  readonly copyTo: (folder: string, prefixes: readonly string[]) => Promise<readonly LakeFile[]>;
}
