/** Ledger key of a source that is read on a schedule. */
export const pullLane = (source: string): string => `pull/${source}`;
