import type { SeenRequest } from '../../cloud/fault-proxy/seen-request.ts';

/** A call of the ledger as its table sees it. */
export interface LedgerCall {
  readonly lane: string;
  /** `read`, or the name of the write: `announce`, `commit`, `abort`, `cede`. */
  readonly operation: string;
}

interface Input {
  readonly Key?: { readonly lane?: { readonly S?: string } };
  readonly ExpressionAttributeValues?: { readonly ':newest'?: { readonly S?: string } };
  readonly TransactItems?: readonly { readonly Update?: Input }[];
}

/** What a call does to a lane; undefined when it is no read or write of a lane's state. */
export function ledgerCallOf({ service, operation, input }: SeenRequest): LedgerCall | undefined {
  if (service !== 'dynamodb') return undefined;
  const own = input as Input;
  const change = operation === 'TransactWriteItems' ? own.TransactItems?.[0]?.Update : own;
  const lane = change?.Key?.lane?.S;
  if (lane === undefined) return undefined;
  if (operation === 'GetItem') return { lane, operation: 'read' };
  // Every write carries its writer's token, which begins with its name.
  const token = change?.ExpressionAttributeValues?.[':newest']?.S;
  return token === undefined ? undefined : { lane, operation: token.slice(0, token.indexOf('/')) };
}

interface ClaimInput {
  readonly Item?: { readonly bucket?: { readonly S?: string } };
  readonly ExpressionAttributeValues?: { readonly ':bucket'?: { readonly S?: string } };
}

/** The bucket of claims that a call reads or appends to. */
export function bucketOf({ service, input }: SeenRequest): string | undefined {
  if (service !== 'dynamodb') return undefined;
  const { Item: item, ExpressionAttributeValues: values } = input as ClaimInput;
  return item?.bucket?.S ?? values?.[':bucket']?.S;
}
