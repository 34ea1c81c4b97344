import type { Pattern } from '../cost/design.ts';

/** What is lost where a table is not read by the pattern that its answers ask for. */
export interface Loss {
  readonly deployed: Pattern;
  readonly lost: readonly string[];
}

/** Rows by what is deployed instead. */
export const LOSSES: readonly Loss[] = [
  {
    deployed: 'query-cdc',
    lost: [
      'deletes: rows that are gone stay in the lake as they were',
      'what a row was between two reads: only its last state is seen',
      'changes that leave the cursor column as it is',
    ],
  },
  {
    deployed: 'batch',
    lost: ['what happened between two reads: each shows what is there then'],
  },
  {
    deployed: 'trigger-cdc',
    lost: ['changes that the trigger or the application does not write down'],
  },
];

/** What is lost with a pattern. */
export function lostWith(deployed: Pattern, findsDeletes: boolean): readonly string[] {
  const lost = LOSSES.find((row) => row.deployed === deployed)?.lost ?? [];
  return findsDeletes ? lost.filter((each) => !each.startsWith('deletes')) : lost;
}
