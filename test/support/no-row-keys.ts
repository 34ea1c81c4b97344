import type { RowKeys } from '../../shared/ports/row-keys.ts';

const refuse = (): Promise<never> => Promise.reject(new Error('this source has no `deletes`'));

/** For sources whose keys are not compared. */
export const noRowKeys: RowKeys = {
  version: '1',
  list: refuse,
  gather: refuse,
  compare: refuse,
  rowsOf: refuse,
};
