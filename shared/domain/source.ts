import type { SourceConfig } from '../config/schema.ts';
import type { Contract, Violation } from './contract.ts';
import type { FrameRecord } from './frame.ts';

/** A declared source, compiled: what the lanes need to know about it. */
export interface Source<Config extends SourceConfig = SourceConfig> {
  readonly name: string;
  readonly config: Config;
  readonly contract: Contract;
  /**
   * Parses and validates one record. The only place where a record is parsed: after it, a record is a line of bytes
   * under an index.
   *
   * @param bytes one JSON text without surrounding white space
   * @param receivedAtMs event time of sources that declare none
   */
  check(bytes: Uint8Array, receivedAtMs: number): CheckedRecord;
}

/** The outcome of checking one record. */
export type CheckedRecord =
  | {
      /** Meets the contract, or violates it and is to be kept in quarantine: goes into the frame. */
      readonly status: 'accepted' | 'quarantined';
      readonly record: FrameRecord;
      /** Why it goes to quarantine; empty for an accepted record. */
      readonly violations: readonly Violation[];
      /** The key's parts for people, for example in results; undefined where a part is missing. */
      readonly id: string | undefined;
    }
  | {
      /** Not JSON, or refused by the contract: the sender is told, nothing is stored. */
      readonly status: 'rejected';
      readonly violations: readonly Violation[];
      readonly id: string | undefined;
    };
