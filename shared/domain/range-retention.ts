/**
 * How long the range log says which records of a stream were committed. A replay that reaches back further could land a
 * record twice; streams themselves keep records for 365 days at most.
 */
export const RANGE_RETENTION_MS = 400 * 24 * 60 * 60 * 1000;
