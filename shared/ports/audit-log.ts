import type { AuditEntry } from '../domain/audit-entry.ts';

/**
 * Who did what with records that had not landed. Entries are never changed and never expire.
 *
 * Promises of every implementation:
 * - When `append` returns, the entry is durable. An entry that is appended again, after a lost answer, is there once.
 * - A read after an append sees it.
 * - Throttled, denied or failed calls throw a HeadgateError with disposition `retry` or `block`.
 */
export interface AuditLog {
  append(entry: AuditEntry): Promise<void>;
  /** The newest entries since then, `limit` at most, the oldest of them first. */
  list(sinceMs: number, limit: number): Promise<readonly AuditEntry[]>;
}
