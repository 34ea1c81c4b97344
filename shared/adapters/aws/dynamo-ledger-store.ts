import { createHash } from 'node:crypto';
import {
  GetItemCommand,
  QueryCommand,
  TransactWriteItemsCommand,
  UpdateItemCommand,
  type AttributeValue,
  type DynamoDBClient,
  type TransactWriteItem,
} from '@aws-sdk/client-dynamodb';
import { comparePositions, isSequenceNumber, padPosition } from '../../domain/identity.ts';
import { RANGE_RETENTION_MS } from '../../domain/range-retention.ts';
import type { Clock } from '../../ports/clock.ts';
import {
  assertSettled,
  type CasResult,
  type Commit,
  type CommittedRange,
  type Intent,
  type LedgerState,
  type LedgerStore,
} from '../../ports/ledger-store.ts';
import { isConditionFailure, type StoredItem } from './condition-failure.ts';
import { toSettle } from './count-items.ts';
import { decodeIntent, encodeIntent } from './intent-attribute.ts';
import { callAws, cancellationReasons } from './translate-error.ts';

/** Sort key of a lane's state; a range's is `range#<padded last position>`. */
const STATE_ENTRY = 'state';
const RANGE_PREFIX = 'range#';
/** Sorts behind every digit. */
const RANGE_END = `${RANGE_PREFIX}~`;

/** Ranges that one Query reads: of a delivery's few, and some of those behind it. */
const RANGES_PER_PAGE = 50;

/**
 * The ledger in a DynamoDB table: partition key `lane` (string), sort key `entry` (string), time to live on
 * `expiresAt` (seconds; only ranges expire). DynamoDB bills the whole state item on every update, so the ranges are
 * items of their own.
 */
export class DynamoLedgerStore implements LedgerStore {
  readonly #dynamodb: DynamoDBClient;
  readonly #table: string;
  readonly #clock: Clock;

  constructor(options: { readonly dynamodb: DynamoDBClient; readonly table: string; readonly clock: Clock }) {
    this.#dynamodb = options.dynamodb;
    this.#table = options.table;
    this.#clock = options.clock;
  }

  async read(lane: string): Promise<LedgerState> {
    const { Item: item } = await callAws(this.#call('GetItem'), () =>
      this.#dynamodb.send(
        new GetItemCommand({
          TableName: this.#table,
          Key: { lane: { S: lane }, entry: { S: STATE_ENTRY } },
          ConsistentRead: true,
        }),
      ),
    );
    if (item === undefined) return { position: undefined, commits: 0, version: 0, intent: undefined };
    return {
      position: item['position']?.S,
      commits: Number(item['commits']?.N ?? 0),
      version: Number(item['version']?.N ?? 0),
      intent: decodeIntent(lane, item['intent']),
    };
  }

  async announce(lane: string, expectedVersion: number, intent: Intent, writer: string): Promise<CasResult> {
    const change = new StateChange(this.#table, lane, 'announce', expectedVersion, writer);
    return await this.#update(
      change.toUpdate('SET #version = :next, #newest = :newest, #intent = :intent', {
        ':intent': encodeIntent(intent),
      }),
      change,
    );
  }

  async commit(lane: string, expectedVersion: number, commit: Commit, writer: string): Promise<CasResult> {
    const change = new StateChange(this.#table, lane, 'commit', expectedVersion, writer);
    const update = change.toUpdate(
      'SET #version = :next, #newest = :newest, #position = :position, ' +
        '#commits = if_not_exists(#commits, :zero) + :one REMOVE #intent',
      { ':position': { S: commit.to }, ':zero': { N: '0' }, ':one': { N: '1' } },
    );
    const { settled = [] } = commit;
    assertSettled(settled);
    const hasRange = isSequenceNumber(commit.from) && isSequenceNumber(commit.to);
    if (!hasRange && settled.length === 0) return await this.#update(update, change);
    const nowMs = this.#clock.nowMs();
    return await this.#transact(
      {
        TransactItems: [
          { Update: update },
          ...(hasRange ? [{ Put: { TableName: this.#table, Item: this.#toRangeItem(lane, commit) } }] : []),
          ...settled.map((hour) => ({ Update: toSettle(this.#table, lane, hour, nowMs) })),
        ],
      },
      change,
    );
  }

  async abort(lane: string, expectedVersion: number, writer: string): Promise<CasResult> {
    const change = new StateChange(this.#table, lane, 'abort', expectedVersion, writer);
    return await this.#update(
      change.toUpdate('SET #version = :next, #newest = :newest REMOVE #intent', {}),
      change,
    );
  }

  async cede(lane: string, expectedVersion: number, to: string, writer: string): Promise<CasResult> {
    if (!isSequenceNumber(to)) throw new RangeError(`cannot cede ${lane} up to ${JSON.stringify(to)}`);
    const change = new StateChange(this.#table, lane, 'cede', expectedVersion, writer);
    const update = change.toUpdate('SET #version = :next, #newest = :newest, #position = :position', {
      ':position': { S: to },
      ':length': { N: String(to.length) },
    });
    // Numbers without leading zeros: the longer one is greater, and those of one length compare as texts.
    const isBehind =
      'attribute_not_exists(#position) OR size(#position) < :length ' +
      'OR (size(#position) = :length AND #position < :position)';
    const isFree = `${update.ConditionExpression} AND attribute_not_exists(#intent) AND (${isBehind})`;
    return await this.#update(
      {
        ...update,
        ConditionExpression: isFree,
        ExpressionAttributeNames: { ...update.ExpressionAttributeNames, '#intent': 'intent' },
      },
      change,
      (old) => {
        if (Number(old?.['version']?.N ?? 0) !== expectedVersion) return;
        throw new RangeError(
          old?.['intent'] === undefined
            ? `${lane} is at ${String(old?.['position']?.S)} already, it cannot cede up to ${to}`
            : `${lane} has a pending intent; resolve it before ceding`,
        );
      },
    );
  }

  async reposition(
    lane: string,
    expectedVersion: number,
    to: string | undefined,
    writer: string,
  ): Promise<CasResult> {
    const change = new StateChange(this.#table, lane, 'reposition', expectedVersion, writer);
    const counted =
      'SET #version = :next, #newest = :newest, #commits = if_not_exists(#commits, :zero) + :one';
    const values = { ':zero': { N: '0' }, ':one': { N: '1' } };
    const update =
      to === undefined
        ? change.toUpdate(`${counted} REMOVE #position`, values)
        : change.toUpdate(`${counted}, #position = :position`, { ...values, ':position': { S: to } });
    return await this.#update(
      {
        ...update,
        ConditionExpression: `${update.ConditionExpression} AND attribute_not_exists(#intent)`,
        ExpressionAttributeNames: { ...update.ExpressionAttributeNames, '#intent': 'intent' },
      },
      change,
      (old) => {
        if (Number(old?.['version']?.N ?? 0) !== expectedVersion) return;
        throw new RangeError(`${lane} has a pending intent; resolve it before repositioning`);
      },
    );
  }

  async rangesOverlapping(lane: string, from: string, to: string): Promise<readonly CommittedRange[]> {
    if (!isSequenceNumber(from) || !isSequenceNumber(to)) return [];
    const ranges: CommittedRange[] = [];
    let after: Record<string, AttributeValue> | undefined;
    do {
      const { Items: items = [], LastEvaluatedKey: last } = await callAws(this.#call('Query'), () =>
        this.#dynamodb.send(
          new QueryCommand({
            TableName: this.#table,
            ConsistentRead: true,
            KeyConditionExpression: '#lane = :lane AND #entry BETWEEN :first AND :last',
            ExpressionAttributeNames: { '#lane': 'lane', '#entry': 'entry' },
            ExpressionAttributeValues: {
              ':lane': { S: lane },
              ':first': { S: RANGE_PREFIX + padPosition(from) },
              ':last': { S: RANGE_END },
            },
            Limit: RANGES_PER_PAGE,
            ...(after !== undefined && { ExclusiveStartKey: after }),
          }),
        ),
      );
      for (const item of items) {
        const range = toRange(item);
        // Ranges do not overlap, so in the order of their ends they are in the order of their beginnings.
        if (range === undefined || comparePositions(range.from, to) > 0) return ranges;
        ranges.push(range);
      }
      after = last;
    } while (after !== undefined);
    return ranges;
  }

  #toRangeItem(lane: string, { from, to, records, keys }: Commit): Record<string, AttributeValue> {
    return {
      lane: { S: lane },
      entry: { S: RANGE_PREFIX + padPosition(to) },
      from: { S: from },
      to: { S: to },
      records: { N: String(records) },
      keys: { N: String(keys) },
      expiresAt: { N: String(Math.ceil((this.#clock.nowMs() + RANGE_RETENTION_MS) / 1000)) },
    };
  }

  /** @param refuse throws when the condition failed for another reason than the version */
  async #update(
    update: StateUpdate,
    change: StateChange,
    refuse?: (old: StoredItem) => void,
  ): Promise<CasResult> {
    const failure = await callAws(this.#call('UpdateItem'), async () => {
      try {
        await this.#dynamodb.send(new UpdateItemCommand(update));
        return undefined;
      } catch (error) {
        if (isConditionFailure(error)) return error;
        throw error;
      }
    });
    if (failure === undefined) return 'ok';
    const outcome = change.outcomeOf(failure.Item);
    if (outcome === 'conflict') refuse?.(failure.Item);
    return outcome;
  }

  async #transact(
    input: { readonly TransactItems: TransactWriteItem[] },
    change: StateChange,
  ): Promise<CasResult> {
    // Repetitions of this very request are recognised by DynamoDB itself, for ten minutes.
    const token = createHash('sha256').update(JSON.stringify(input)).digest('base64url').slice(0, 36);
    return await callAws(this.#call('TransactWriteItems'), async () => {
      try {
        await this.#dynamodb.send(new TransactWriteItemsCommand({ ...input, ClientRequestToken: token }));
        return 'ok';
      } catch (error) {
        const [stateReason] = cancellationReasons(error);
        if (stateReason?.Code === 'ConditionalCheckFailed') return change.outcomeOf(stateReason.Item);
        throw error;
      }
    });
  }

  #call(operation: string): { operation: string; resource: string } {
    return { operation, resource: `table ${this.#table}` };
  }
}

interface StateUpdate {
  readonly TableName: string;
  readonly Key: Record<string, AttributeValue>;
  readonly UpdateExpression: string;
  readonly ConditionExpression: string;
  readonly ExpressionAttributeNames: Record<string, string>;
  readonly ExpressionAttributeValues: Record<string, AttributeValue>;
  readonly ReturnValuesOnConditionCheckFailure: 'ALL_OLD';
}

/** One compare-and-set of a lane's state. */
class StateChange {
  readonly #table: string;
  readonly #lane: string;
  readonly #expectedVersion: number;
  /** Stored with the state: a repetition of this change finds its own token. */
  readonly #token: string;

  constructor(
    table: string,
    lane: string,
    operation: 'announce' | 'commit' | 'abort' | 'cede' | 'reposition',
    expectedVersion: number,
    writer: string,
  ) {
    this.#table = table;
    this.#lane = lane;
    this.#expectedVersion = expectedVersion;
    this.#token = `${operation}/${String(expectedVersion)}/${writer}`;
  }

  /** The update with the condition that the version is as expected; version 0 is a lane that is not there yet. */
  toUpdate(expression: string, values: Record<string, AttributeValue>): StateUpdate {
    const isNew = this.#expectedVersion === 0;
    const names = ['version', 'newest', 'intent', 'position', 'commits'].map(
      (name) => [`#${name}`, name] as const,
    );
    const condition = isNew ? 'attribute_not_exists(#version)' : '#version = :expected';
    return {
      TableName: this.#table,
      Key: { lane: { S: this.#lane }, entry: { S: STATE_ENTRY } },
      UpdateExpression: expression,
      ConditionExpression: condition,
      // DynamoDB refuses names that no expression uses.
      ExpressionAttributeNames: Object.fromEntries(
        names.filter(([placeholder]) => expression.includes(placeholder)),
      ),
      ExpressionAttributeValues: {
        ...values,
        ':next': { N: String(this.#expectedVersion + 1) },
        ':newest': { S: this.#token },
        ...(isNew ? {} : { ':expected': { N: String(this.#expectedVersion) } }),
      },
      ReturnValuesOnConditionCheckFailure: 'ALL_OLD',
    };
  }

  /** What a failed condition means, given what stood there: our own change whose response was lost, or a conflict. */
  outcomeOf(old: StoredItem): CasResult {
    return old?.['newest']?.S === this.#token ? 'ok' : 'conflict';
  }
}

function toRange(item: StoredItem): CommittedRange | undefined {
  const from = item?.['from']?.S;
  const to = item?.['to']?.S;
  if (from === undefined || to === undefined) return undefined;
  return { from, to, records: Number(item?.['records']?.N), keys: Number(item?.['keys']?.N) };
}
