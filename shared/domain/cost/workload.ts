import { compressionOf } from '../plan/frame-compression.ts';
import { DAYS_PER_MONTH, SECONDS_PER_MONTH } from './metering.ts';

/**
 * What a source brings, and how fast its records are worked on. Sizes are bytes of raw JSON, MB are 1e6 bytes.
 */
export interface Workload {
  readonly rawBytesPerMonth: number;
  readonly recordBytes: number;
  /** Records that a sender puts into one request, or a page of an API holds. */
  readonly recordsPerRequest: number;
  /** Whether senders compress their requests. */
  readonly areRequestsCompressed: boolean;
  /** Whether requests have an Idempotency-Key, as those of the client library have. */
  readonly haveRequestsKeys: boolean;
  /** Raw bytes per byte of a compressed request. */
  readonly requestCompression: number;
  /** Raw bytes per byte of a frame. */
  readonly frameCompression: number;
  /** Raw bytes per byte of Parquet. */
  readonly parquetCompression: number;
  /** Partitions of the lake that the records of one commit fall into. */
  readonly partitionsPerCommit: number;
  readonly speed: WorkSpeed;
}

/** CPU time of a core of the machine that measured, and what turns it into the time of a function. */
export interface WorkSpeed {
  /** How fast a vCPU of Lambda is compared to that core. */
  readonly vcpu: number;
  /** Push function: of a request, and of each MB in it. */
  readonly edgeMsPerRequest: number;
  readonly edgeMsPerMb: number;
  /** Consumer: of a file, and of each MB in it; without claims and ledger. */
  readonly landMsPerFile: number;
  readonly landMsPerMb: number;
  /** What claims and ledger make of the consumer's CPU time. */
  readonly claimsCpuRatio: number;
  /** Reading and writing of rows of a database, each MB of rows as they are sent. */
  readonly extractMsPerMb: number;
  /** What a request waits for the stream, or for S3. */
  readonly streamPutMs: number;
  readonly s3PutMs: number;
  /** What a call to DynamoDB takes. */
  readonly dynamoMs: number;
  /** What a commit waits for stores, and an invocation takes by itself. */
  readonly commitWaitMs: number;
}

/**
 * Measured on the embedded cloud and a core of a virtual machine, see docs/benchmarks.md; each says where, and what is
 * assumed says so.
 */
const MEASURED_SPEED: WorkSpeed = {
  // Assumed, as in the benchmark of a backlog: no function of AWS was measured.
  vcpu: 0.5,
  // "Push": 14.8 ms for 500 records of 0.491 MB; how it divides is assumed.
  edgeMsPerRequest: 1.5,
  edgeMsPerMb: 27.2,
  // "Consumer": 0.49 MB at 33.8 MB/s, 4.9 at 82.3 and 49 at 102.7 are 10 ms and 9.5 to 10.2 ms per MB.
  landMsPerFile: 10,
  landMsPerMb: 9.8,
  // "Claims and ledger: CPU time", one shard in a bucket; 1.80 where eight share it.
  claimsCpuRatio: 1.21,
  // "Costs": metered by the deployed function, with TLS and the upload of the files. ("Pull" without them: 300,431 rows of
  // 235 bytes in a second.)
  extractMsPerMb: 16,
  // Assumed, as the stand-in of the push benchmark answers.
  streamPutMs: 10,
  s3PutMs: 30,
  dynamoMs: 5,
  // Assumed, as in the benchmark of a backlog: eight calls one after the other.
  commitWaitMs: 250,
};

/**
 * A workload of so many GB (1e9 bytes of raw JSON) a day, with what was measured for the rest: events of 1,000 bytes,
 * sent by the client library with its defaults.
 */
export function workloadOf(gbPerDay: number, known: Partial<Workload> = {}): Workload {
  // The client library's defaults: 1,000 records or 1 MB, gzip, a key for each request.
  const { recordBytes = 1_000, recordsPerRequest = 1_000 } = known;
  const compression = compressionOf(recordBytes * recordsPerRequest);
  return {
    rawBytesPerMonth: gbPerDay * 1e9 * DAYS_PER_MONTH,
    recordBytes,
    recordsPerRequest,
    areRequestsCompressed: true,
    haveRequestsKeys: true,
    requestCompression: compression.request,
    frameCompression: compression.frame,
    // "Consumer": 49 MB of events become 9.8 MB of Parquet.
    parquetCompression: 5,
    // Events of now, and in the minutes after an hour some of the hour before.
    partitionsPerCommit: 1.1,
    speed: MEASURED_SPEED,
    ...known,
  };
}

/** Records of a month. */
export const recordsPerMonth = ({ rawBytesPerMonth, recordBytes }: Workload): number =>
  rawBytesPerMonth / recordBytes;

/** Raw bytes of a second, if they come evenly. */
export const rawBytesPerSecond = ({ rawBytesPerMonth }: Workload): number =>
  rawBytesPerMonth / SECONDS_PER_MONTH;
