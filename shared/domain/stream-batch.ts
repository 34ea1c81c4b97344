/** Records of one shard, as an event-source mapping delivers them: consecutive, in order of their sequence numbers. */
export interface StreamBatch {
  /** Name of the stream. */
  readonly stream: string;
  readonly shardId: string;
  readonly records: readonly StreamRecord[];
}

export interface StreamRecord {
  readonly sequenceNumber: string;
  readonly data: Uint8Array;
  /** When the stream received it, ms since the epoch: the same on every redelivery. */
  readonly arrivedAtMs: number;
}

/** What is read of one record of a Lambda event from Kinesis. */
export interface KinesisEventRecord {
  /** `<shard id>:<sequence number>`. */
  readonly eventID: string;
  /** Ends in `stream/<name>`. */
  readonly eventSourceARN: string;
  readonly kinesis: {
    readonly sequenceNumber: string;
    /** Base64. */
    readonly data: string;
    /** Seconds since the epoch. */
    readonly approximateArrivalTimestamp: number;
  };
}

/** Ledger key of a shard. */
export function streamLane({ stream, shardId }: Pick<StreamBatch, 'stream' | 'shardId'>): string {
  return `kinesis/${stream}/${shardId}`;
}

/** Whether a ledger key is that of a shard: its consumer follows at once, and positions are sequence numbers. */
export function isStreamLane(lane: string): boolean {
  return lane.startsWith('kinesis/');
}

/** Ledger key under which deliveries of a shard are replayed that its own lane has ceded. */
export function replayLane(shardLane: string): string {
  return `replay/${shardLane}`;
}

/** The records of an event, one batch per shard. A delivery holds records of one shard. */
export function toStreamBatches(records: readonly KinesisEventRecord[]): StreamBatch[] {
  const batches = new Map<string, StreamBatch & { records: StreamRecord[] }>();
  for (const { eventID, eventSourceARN, kinesis } of records) {
    const shardId = eventID.slice(0, eventID.indexOf(':'));
    const stream = eventSourceARN.slice(eventSourceARN.lastIndexOf('/') + 1);
    const lane = streamLane({ stream, shardId });
    let batch = batches.get(lane);
    if (batch === undefined) batches.set(lane, (batch = { stream, shardId, records: [] }));
    batch.records.push({
      sequenceNumber: kinesis.sequenceNumber,
      data: Buffer.from(kinesis.data, 'base64'),
      arrivedAtMs: Math.round(kinesis.approximateArrivalTimestamp * 1000),
    });
  }
  return [...batches.values()];
}
