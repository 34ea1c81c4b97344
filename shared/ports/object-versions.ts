/** One version of an object, or the marker of its deletion. */
export interface ObjectVersion {
  readonly key: string;
  readonly versionId: string;
  readonly isLatest: boolean;
  /** The object was deleted; older versions are still there until the lifecycle removes them. */
  readonly isDeleteMarker: boolean;
  /** When it was written, or deleted, ms since the epoch. */
  readonly modifiedAtMs: number;
}

/** What a version holds. */
export interface VersionContent {
  readonly bytes: Uint8Array;
  /** What its writer says that it is; undefined where it was not Headgate. */
  readonly kind: string | undefined;
}

/**
 * Objects of the lake with their former versions.
 *
 * Promises of every implementation:
 * - `list` gives the versions of each key together, the newest first, keys in their order.
 * - Throttled, denied or failed calls throw a HeadgateError.
 */
export interface ObjectVersions {
  list(prefix: string): AsyncIterable<readonly ObjectVersion[]>;
  /** @returns undefined when there is no such version (any more) */
  read(key: string, versionId: string): Promise<VersionContent | undefined>;
}
