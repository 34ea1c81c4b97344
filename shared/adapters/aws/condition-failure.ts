import type { AttributeValue, ConditionalCheckFailedException } from '@aws-sdk/client-dynamodb';
import { isNamed } from './translate-error.ts';

/** An item as DynamoDB returns it, also with a failed condition (`ReturnValuesOnConditionCheckFailure: ALL_OLD`). */
export type StoredItem = Readonly<Record<string, AttributeValue>> | undefined;

/** Whether a conditional write of one item failed because its condition was not met. */
export function isConditionFailure(error: unknown): error is ConditionalCheckFailedException {
  return isNamed(error, 'ConditionalCheckFailedException');
}
