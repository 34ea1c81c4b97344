import type { S3Client } from '@aws-sdk/client-s3';
import { AUDIT_PREFIX, auditKey, parseAuditEntry, type AuditEntry } from '../../domain/audit-entry.ts';
import { RejectedError } from '../../domain/errors.ts';
import { forEachLimited } from '../../domain/for-each-limited.ts';
import type { AuditLog } from '../../ports/audit-log.ts';
import { createObject } from './create-object.ts';
import { createS3Objects } from './s3-objects.ts';

const PARALLEL_READS = 16;

/** The audit trail in the bucket of the lake: an object per entry, created once. */
export class S3AuditLog implements AuditLog {
  readonly #s3: S3Client;
  readonly #bucket: string;

  constructor(options: { readonly s3: S3Client; readonly bucket: string }) {
    this.#s3 = options.s3;
    this.#bucket = options.bucket;
  }

  async append(entry: AuditEntry): Promise<void> {
    const body = JSON.stringify(entry);
    await createObject(this.#s3, {
      Bucket: this.#bucket,
      Key: auditKey(entry),
      Body: body,
      ContentType: 'application/json',
    });
  }

  async list(sinceMs: number, limit: number): Promise<readonly AuditEntry[]> {
    const objects = createS3Objects(this.#s3, this.#bucket);
    const day = new Date(sinceMs).toISOString().slice(0, 10);
    const keys = (await objects.list(AUDIT_PREFIX, `${AUDIT_PREFIX}dt=${day}`)).slice(-limit);
    const entries: AuditEntry[] = [];
    await forEachLimited([...keys.entries()], PARALLEL_READS, async ([at, key]) => {
      const bytes = await objects.read(key);
      const entry = bytes && parseAuditEntry(Buffer.from(bytes).toString());
      if (entry === undefined) {
        throw new RejectedError(
          'AUDIT_ENTRY_FOREIGN',
          `s3://${this.#bucket}/${key} is no entry of the audit trail; move it out of ${AUDIT_PREFIX}`,
        );
      }
      entries[at] = entry;
    });
    return entries.filter(({ atMs }) => atMs >= sinceMs);
  }
}
