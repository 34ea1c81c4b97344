import { auditKey, type AuditEntry } from '../../domain/audit-entry.ts';
import type { AuditLog } from '../../ports/audit-log.ts';
import { takeTurn, type Turn } from './turn.ts';

/** An audit trail in memory. */
export class MemoryAuditLog implements AuditLog {
  readonly #entries = new Map<string, AuditEntry>();
  readonly #turn: Turn | undefined;

  constructor(options: { readonly turn?: Turn } = {}) {
    this.#turn = options.turn;
  }

  append(entry: AuditEntry): Promise<void> {
    const key = auditKey(entry);
    return takeTurn(this.#turn, { port: 'audit', operation: 'append', subject: key }, () => {
      if (!this.#entries.has(key)) this.#entries.set(key, structuredClone(entry));
    });
  }

  list(sinceMs: number, limit: number): Promise<readonly AuditEntry[]> {
    return takeTurn(this.#turn, { port: 'audit', operation: 'list', subject: '' }, () =>
      [...this.#entries]
        .sort(([a], [b]) => (a < b ? -1 : 1))
        .map(([, entry]) => entry)
        .filter(({ atMs }) => atMs >= sinceMs)
        .slice(-limit),
    );
  }
}
