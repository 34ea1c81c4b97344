import { crc32, deflateRawSync, gzipSync } from 'node:zlib';
import type { APIGatewayProxyEventV2, Context } from 'aws-lambda';
import { toShopEvents } from '../shop-events.ts';

/** Records of one request. */
export const RECORDS_PER_REQUEST = 500;

const LINE_FEED = Buffer.from('\n');
const GZIP_HEADER = Buffer.from([0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff]);
/** Seeds of records that stand in one request only, apart from those of all others. */
const FIRST_UNIQUE_SEED = 1_000_000;

function toLines(records: readonly Buffer[]): Buffer {
  return Buffer.concat(records.flatMap((record) => [record, LINE_FEED]));
}

/** A gzip body of generated events, the same for the same number. */
export function toBody(number: number): Buffer {
  return gzipSync(toLines(toShopEvents(RECORDS_PER_REQUEST, number)));
}

/** A body that no other request has, and what its records are. */
export interface UniqueBody {
  readonly body: Buffer;
  /** The bytes of its records, one after the other. */
  readonly payload: readonly Buffer[];
}

/**
 * Makes bodies of which each has one record of its own in front of 499 that are compressed once: so it takes little
 * time to make one, and what was stored of a request is told from what was stored of any other.
 */
export function createUniqueBodies(): (number: number) => UniqueBody {
  const others = toShopEvents(RECORDS_PER_REQUEST - 1, 1);
  const othersPayload = Buffer.concat(others);
  const othersLines = toLines(others);
  const deflatedOthers = deflateRawSync(othersLines);
  return (number) => {
    const own = toLines(toShopEvents(1, FIRST_UNIQUE_SEED + number));
    // A block of deflate that is stored as it is, and not the last one: RFC 1951, 3.2.4.
    const block = Buffer.alloc(5);
    block.writeUInt16LE(own.length, 1);
    block.writeUInt16LE(~own.length & 0xffff, 3);
    const trailer = Buffer.alloc(8);
    trailer.writeUInt32LE(crc32(othersLines, crc32(own)), 0);
    trailer.writeUInt32LE(own.length + othersLines.length, 4);
    return {
      body: Buffer.concat([GZIP_HEADER, block, own, deflatedOthers, trailer]),
      payload: [own.subarray(0, -1), othersPayload],
    };
  };
}

/** Who sends. */
export interface Sender {
  readonly source: string;
  /** Write key of the source. */
  readonly key: string;
}

/** What API Gateway sends to the function for a request with a gzip body. */
export function toPushEvent({ source, key }: Sender, body: Buffer): APIGatewayProxyEventV2 {
  const path = `/v1/sources/${source}/records`;
  return {
    version: '2.0',
    routeKey: 'POST /v1/sources/{source}/records',
    rawPath: path,
    rawQueryString: '',
    headers: {
      authorization: `Bearer ${key}`,
      'content-encoding': 'gzip',
      'content-length': String(body.length),
      'content-type': 'application/x-ndjson',
      host: 'api.example',
      'user-agent': 'bench',
      'x-forwarded-for': '192.0.2.1',
    },
    pathParameters: { source },
    requestContext: {
      accountId: '000000000000',
      apiId: 'bench',
      domainName: 'api.example',
      domainPrefix: 'api',
      http: { method: 'POST', path, protocol: 'HTTP/1.1', sourceIp: '192.0.2.1', userAgent: 'bench' },
      requestId: 'bench',
      routeKey: 'POST /v1/sources/{source}/records',
      stage: '$default',
      time: '01/Mar/2026:00:00:00 +0000',
      timeEpoch: Date.UTC(2026, 2, 1),
    },
    body: body.toString('base64'),
    isBase64Encoded: true,
  };
}

/** What Lambda tells a function about an invocation that begins now. */
export function toContext(timeoutMs: number): Context {
  const endsAtMs = performance.now() + timeoutMs;
  return {
    awsRequestId: 'bench',
    functionName: 'bench',
    getRemainingTimeInMillis: () => endsAtMs - performance.now(),
  } as unknown as Context;
}
