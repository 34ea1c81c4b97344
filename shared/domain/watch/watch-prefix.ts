/** Leading part of the keys that the hourly watch has in the ledger's table: all that it may write of it. */
export const WATCH_PREFIX = 'watch/';
