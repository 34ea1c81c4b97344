import type { AttributeValue } from '@aws-sdk/client-dynamodb';
import type { Item } from '../../shared/adapters/aws/item-size.ts';

/** What of an UpdateItem says what the item becomes. */
export interface Update {
  readonly Key?: Item | undefined;
  readonly UpdateExpression?: string | undefined;
  readonly ExpressionAttributeNames?: Readonly<Record<string, string>> | undefined;
  readonly ExpressionAttributeValues?: Item | undefined;
}

const CLAUSE = /\b(SET|REMOVE|ADD|DELETE)\b/i;

/**
 * The item after an update, as far as its size goes.
 *
 * @throws RangeError for expressions beyond SET, REMOVE and ADD of whole attributes: a capacity would be a guess
 */
export function applyUpdate(old: Item | undefined, update: Update): Item {
  const item: Record<string, AttributeValue> = { ...old, ...update.Key };
  const [before = '', ...clauses] = (update.UpdateExpression ?? '').split(CLAUSE);
  if (before.trim() !== '') throw unknown(before);
  for (let i = 0; i < clauses.length; i += 2) {
    const actions = splitActions(clauses[i + 1] ?? '');
    const clause = clauses[i]?.toUpperCase();
    if (clause === 'SET') {
      for (const action of actions) Object.assign(item, toAssignment(action, old ?? {}, update));
    } else if (clause === 'REMOVE') {
      // eslint-disable-next-line @typescript-eslint/no-dynamic-delete -- attributes are what an item is made of
      for (const action of actions) delete item[nameOf(action, update)];
    } else if (clause === 'ADD') {
      for (const action of actions) Object.assign(item, toSum(action, old ?? {}, update));
    } else {
      throw unknown(clause ?? '');
    }
  }
  return item;
}

/** Divides at commas that are in no parentheses. */
function splitActions(clause: string): string[] {
  return clause.split(/,(?![^(]*\))/).map((action) => action.trim());
}

function toAssignment(action: string, old: Item, update: Update): Item {
  const [path = '', operand = ''] = action.split(/\s*=\s*/);
  return { [nameOf(path, update)]: evaluate(operand, old, update) };
}

/** Numbers are added; one that is not there counts as 0. */
function toSum(action: string, old: Item, update: Update): Item {
  const [path = '', operand = ''] = action.split(/\s+/);
  const name = nameOf(path, update);
  const added = evaluate(operand, old, update).N;
  if (added === undefined) throw unknown(`ADD ${action}`);
  return { [name]: { N: String(BigInt(old[name]?.N ?? '0') + BigInt(added)) } };
}

function evaluate(operand: string, old: Item, update: Update): AttributeValue {
  const [, left, sign, right] = /^(.*\S)\s+([+-])\s+(\S.*)$/.exec(operand) ?? [];
  if (left !== undefined && right !== undefined) {
    const a = BigInt(evaluate(left, old, update).N ?? '0');
    const b = BigInt(evaluate(right, old, update).N ?? '0');
    return { N: String(sign === '+' ? a + b : a - b) };
  }
  const [, path, otherwise] = /^if_not_exists\s*\((.*),(.*)\)$/i.exec(operand) ?? [];
  if (path !== undefined && otherwise !== undefined) {
    return old[nameOf(path.trim(), update)] ?? evaluate(otherwise.trim(), old, update);
  }
  const value = operand.startsWith(':')
    ? update.ExpressionAttributeValues?.[operand]
    : old[nameOf(operand, update)];
  if (value === undefined) throw unknown(operand);
  return value;
}

function nameOf(path: string, { ExpressionAttributeNames: names }: Update): string {
  if (!/^#?\w+$/.test(path)) throw unknown(path);
  return path.startsWith('#') ? (names?.[path] ?? path) : path;
}

const unknown = (part: string): RangeError =>
  new RangeError(`the capacity meter does not understand this part of an update expression: ${part.trim()}`);
