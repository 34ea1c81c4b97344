import {
  GetObjectCommand,
  ListObjectVersionsCommand,
  type ListObjectVersionsCommandOutput,
  type S3Client,
} from '@aws-sdk/client-s3';
import type { ObjectVersion, ObjectVersions, VersionContent } from '../../ports/object-versions.ts';
import { LAKE_METADATA } from './s3-lake.ts';
import { callAws, isNamed } from './translate-error.ts';

/** Versions of the objects of a bucket. */
export class S3ObjectVersions implements ObjectVersions {
  readonly #s3: S3Client;
  readonly #bucket: string;

  constructor(options: { readonly s3: S3Client; readonly bucket: string }) {
    this.#s3 = options.s3;
    this.#bucket = options.bucket;
  }

  async *list(prefix: string): AsyncGenerator<readonly ObjectVersion[]> {
    let ofKey: ObjectVersion[] = [];
    for await (const page of this.#pages(prefix)) {
      for (const version of toVersions(page)) {
        if (ofKey.length > 0 && ofKey[0]?.key !== version.key) {
          yield newestFirst(ofKey);
          ofKey = [];
        }
        ofKey.push(version);
      }
    }
    if (ofKey.length > 0) yield newestFirst(ofKey);
  }

  async read(key: string, versionId: string): Promise<VersionContent | undefined> {
    const resource = `s3://${this.#bucket}/${key}`;
    return await callAws({ operation: 'GetObject', resource }, async () => {
      try {
        const { Body: body, Metadata: metadata } = await this.#s3.send(
          new GetObjectCommand({ Bucket: this.#bucket, Key: key, VersionId: versionId }),
        );
        if (body === undefined) return undefined;
        return { bytes: await body.transformToByteArray(), kind: metadata?.[LAKE_METADATA.kind] };
      } catch (error) {
        if (isNamed(error, 'NoSuchKey') || isNamed(error, 'NoSuchVersion')) return undefined;
        throw error;
      }
    });
  }

  async *#pages(prefix: string): AsyncGenerator<ListObjectVersionsCommandOutput> {
    let next: { readonly key: string; readonly version: string | undefined } | undefined;
    do {
      const { key, version } = next ?? {};
      const page = await callAws(
        { operation: 'ListObjectVersions', resource: `s3://${this.#bucket}/${prefix}` },
        () =>
          this.#s3.send(
            new ListObjectVersionsCommand({
              ...{ Bucket: this.#bucket, Prefix: prefix },
              ...(key !== undefined && { KeyMarker: key }),
              ...(version !== undefined && { VersionIdMarker: version }),
            }),
          ),
      );
      yield page;
      next =
        page.IsTruncated === true && page.NextKeyMarker !== undefined
          ? { key: page.NextKeyMarker, version: page.NextVersionIdMarker }
          : undefined;
    } while (next !== undefined);
  }
}

/** Versions and markers of a page come in two lists, each by key. */
function toVersions({ Versions = [], DeleteMarkers = [] }: ListObjectVersionsCommandOutput): ObjectVersion[] {
  const toVersion =
    (isDeleteMarker: boolean) =>
    ({
      Key: key,
      VersionId: versionId,
      IsLatest: isLatest,
      LastModified: modified,
    }: {
      Key?: string | undefined;
      VersionId?: string | undefined;
      IsLatest?: boolean | undefined;
      LastModified?: Date | undefined;
    }): ObjectVersion => ({
      ...{ key: key ?? '', versionId: versionId ?? 'null', isLatest: isLatest === true, isDeleteMarker },
      modifiedAtMs: modified?.getTime() ?? 0,
    });
  const all = [...Versions.map(toVersion(false)), ...DeleteMarkers.map(toVersion(true))];
  // Keys are listed by their bytes.
  return all.sort((a, b) => Buffer.compare(Buffer.from(a.key), Buffer.from(b.key)));
}

function newestFirst(versions: readonly ObjectVersion[]): readonly ObjectVersion[] {
  return versions.toSorted(
    (a, b) => Number(b.isLatest) - Number(a.isLatest) || b.modifiedAtMs - a.modifiedAtMs,
  );
}
