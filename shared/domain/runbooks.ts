/**
 * What an alarm, or a finding of the hourly watch, may be about: each has its page `docs/runbooks/<kind>.md`, which says
 * what is at risk, how to look, how to mend, and how to see that it is over. Values are the titles of the pages.
 */
export const RUNBOOKS = {
  source: 'Something is wrong with a source',
  'error-rate': 'More records than agreed are refused or quarantined',
  latency: 'Records reach the lake later than agreed',
  late: 'A source that is read on a schedule was not read up to date for too long',
  stopped: 'Nothing is received any more',
  findings: 'Records are missing, or something else is wrong that nobody else would notice',
  completeness: 'Records that were accepted are missing in the lake',
  warnings: 'Something about a source is unusual',
  'volume-drop': 'Far fewer records than usual',
  'schema-drift': 'Records have fields that the contract does not know, or lack some that it does',
  'cost-spike': 'A source costs far more than usual',
  paused: 'A source has paused itself',
  'over-budget': 'The month of a source will cost more than its budget',
  spilled: 'The stream is full and the landing zone takes the records',
  'iterator-age': 'The consumer of a stream is behind',
  'stream-full': 'A stream refuses writes',
  'stream-dead-letters': 'Deliveries of a stream are parked',
  'queue-dead-letters': 'Runs or work have failed for good',
  dropped: 'Records of a stream were dropped',
  'function-errors': 'A function keeps failing',
  'function-throttles': 'A function is refused concurrency',
  'function-idle': 'A function is not started any more',
  'push-api-errors': 'The push API answers 5xx',
} as const;

export type RunbookKind = keyof typeof RUNBOOKS;

/** Where the page of a kind is in the repository. */
export const runbookOf = (kind: RunbookKind): string => `docs/runbooks/${kind}.md`;
