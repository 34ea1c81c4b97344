import { apiRequests, logGb, SECONDS_PER_MONTH } from './metering.ts';
import { functionMs, invocations, kept, times } from './model-work.ts';
import { addUsage, type Usage } from './usage.ts';
import { recordsPerMonth, type Workload } from './workload.ts';

/** What a request has besides its body: its line and its headers. */
const HEADER_BYTES = 1_000;
/** Bounds of a frame, see build-frames.ts. */
const MAX_FRAME_BYTES = 900_000;
const MAX_FRAME_RAW_BYTES = 8 * 1024 * 1024;
/** A remembered request and its answer, as an item. */
const REQUEST_ITEM_BYTES = 500;
/** Begun, and answered. */
const WRITES_PER_REQUEST = 2;
/** What was accepted is counted. */
const COUNTS_PER_REQUEST = 1;

/** Announcements of demand, see quota.ts: what is served without one, and how long one holds. */
const UNANNOUNCED_REQUESTS_PER_SECOND = 0.25;
const RECORDS_PER_LEASE = 2_500;
const MIN_LEASE_SECONDS = 5;
const MAX_LEASE_SECONDS = 60;

/** Lines of the log: metrics of a request, and the access log of the API. */
const EMF_BYTES = 700;
export const ACCESS_LOG_BYTES = 450;

/** The frames of a source. */
export interface FrameFlow {
  readonly perMonth: number;
  /** Bytes of one. */
  readonly bytes: number;
  readonly rawBytes: number;
}

/** Frames that requests become: one each, unless they are large. */
export function framesOf(workload: Workload): FrameFlow {
  const { recordBytes, recordsPerRequest, frameCompression } = workload;
  const requestBytes = recordsPerRequest * recordBytes;
  const perRequest = Math.max(
    1,
    Math.ceil(requestBytes / frameCompression / MAX_FRAME_BYTES),
    Math.ceil(requestBytes / MAX_FRAME_RAW_BYTES),
  );
  const rawBytes = requestBytes / perRequest;
  return {
    perMonth: (recordsPerMonth(workload) / recordsPerRequest) * perRequest,
    bytes: rawBytes / frameCompression,
    rawBytes,
  };
}

/**
 * Receiving records over HTTP, up to the frames, without what keeps them.
 *
 * @param putMs what a request waits for the frame to be kept
 */
export function edgeUsage(workload: Workload, memoryMiB: number, putMs: number): Usage {
  const { speed, recordsPerRequest, recordBytes, haveRequestsKeys } = workload;
  const requests = recordsPerMonth(workload) / recordsPerRequest;
  const rawBytes = recordsPerRequest * recordBytes;
  const bodyBytes = rawBytes / (workload.areRequestsCompressed ? workload.requestCompression : 1);
  const cpuMs = speed.edgeMsPerRequest + (rawBytes / 1e6) * speed.edgeMsPerMb;
  const writes = COUNTS_PER_REQUEST + (haveRequestsKeys ? WRITES_PER_REQUEST : 0);
  const waitMs = putMs + writes * speed.dynamoMs;
  const ms = functionMs(cpuMs, memoryMiB, speed) + waitMs;
  return addUsage(
    times(
      requests,
      invocations(1, ms, memoryMiB),
      { apiRequest: apiRequests(bodyBytes + HEADER_BYTES) },
      { cloudWatchLogGb: logGb(EMF_BYTES) + logGb(ACCESS_LOG_BYTES) },
      { dynamoWriteUnit: writes },
    ),
    haveRequestsKeys ? kept(requests * REQUEST_ITEM_BYTES, 7) : {},
    announcements(requests / SECONDS_PER_MONTH, recordsPerRequest, ms),
  );
}

/** Instances announce what they are asked for, as long as their shares hold. */
function announcements(requestsPerSecond: number, recordsPerRequest: number, ms: number): Usage {
  if (requestsPerSecond <= UNANNOUNCED_REQUESTS_PER_SECOND) return {};
  const instances = Math.max(1, (requestsPerSecond * ms) / 1000);
  const recordsPerSecond = (requestsPerSecond * recordsPerRequest) / instances;
  const leaseSeconds = Math.min(
    MAX_LEASE_SECONDS,
    Math.max(MIN_LEASE_SECONDS, RECORDS_PER_LEASE / recordsPerSecond),
  );
  return { dynamoWriteUnit: (instances * SECONDS_PER_MONTH) / leaseSeconds };
}
