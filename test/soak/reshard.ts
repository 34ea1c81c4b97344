import {
  ListShardsCommand,
  MergeShardsCommand,
  SplitShardCommand,
  type KinesisClient,
  type Shard,
} from '@aws-sdk/client-kinesis';

const hashKey = (text: string | undefined): bigint => BigInt(text ?? 0);

async function listShards(kinesis: KinesisClient, stream: string): Promise<Shard[]> {
  const { Shards: shards = [] } = await kinesis.send(new ListShardsCommand({ StreamName: stream }));
  const from = (shard: Shard): bigint => hashKey(shard.HashKeyRange?.StartingHashKey);
  return shards
    .filter(({ SequenceNumberRange: range }) => range?.EndingSequenceNumber === undefined)
    .sort((a, b) => (from(a) < from(b) ? -1 : 1));
}

async function split(kinesis: KinesisClient, stream: string, shard: Shard): Promise<void> {
  const from = hashKey(shard.HashKeyRange?.StartingHashKey);
  const to = hashKey(shard.HashKeyRange?.EndingHashKey);
  await kinesis.send(
    new SplitShardCommand({
      StreamName: stream,
      ShardToSplit: shard.ShardId,
      NewStartingHashKey: String((from + to) / 2n + 1n),
    }),
  );
}

/**
 * Splits the first shard of a stream and, if there was a second one, merges it with the neighbouring half.
 *
 * @returns ids of the open shards, before and after
 */
export async function reshard(
  kinesis: KinesisClient,
  stream: string,
): Promise<{ readonly before: readonly string[]; readonly after: readonly string[] }> {
  const before = await listShards(kinesis, stream);
  const [first, second] = before;
  if (first === undefined) throw new Error(`stream ${stream} has no open shard`);
  await split(kinesis, stream, first);
  if (second !== undefined) {
    const [, upperHalf] = await listShards(kinesis, stream);
    await kinesis.send(
      new MergeShardsCommand({
        StreamName: stream,
        ShardToMerge: upperHalf?.ShardId,
        AdjacentShardToMerge: second.ShardId,
      }),
    );
  }
  const after = await listShards(kinesis, stream);
  const ids = (shards: readonly Shard[]): string[] => shards.map(({ ShardId: id }) => id ?? '');
  return { before: ids(before), after: ids(after) };
}
