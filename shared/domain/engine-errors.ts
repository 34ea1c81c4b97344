/** What an error of the engine, its stores or a command means. */
interface EngineError {
  readonly meaning: string;
  /** What to do about it; what more there is to say is in docs/runbooks/engine-errors.md. */
  readonly next: string;
}

const DEPLOY = 'Deploy all stacks again, with one version and one configuration.';
const PASSES = 'Nothing: it is repeated.';
const RESTORE =
  'Restore its former version in the bucket, or the table to a point in time when it was there.';
const SAME_VERSION = 'Deploy the version of Headgate that wrote it.';

/**
 * Codes of errors in logs and of failed commands, beside those of sources (`SOURCE_PROBLEMS`). Codes are stable, the
 * texts are not. The reference page is generated from this table.
 */
export const ENGINE_ERRORS = {
  ANSWER_INCOMPLETE: {
    meaning: 'The answer that is kept under an Idempotency-Key lacks a part.',
    next: 'The sender repeats the request with a new key.',
  },
  AUDIT_ENTRY_FOREIGN: {
    meaning: 'An object under `audit/` is no entry of the audit trail.',
    next: 'Move it away.',
  },
  BACKFILL_CANCEL_TIMEOUT: {
    meaning: 'A window of the backfill is being written.',
    next: 'Cancel it again.',
  },
  BACKFILL_KEY: {
    meaning: 'Rows cannot be told apart by what is declared as key.',
    next: 'Declare the column, with a type that can be compared.',
  },
  BACKFILL_NOT_DONE: { meaning: 'A window is noted as done and is not.', next: PASSES },
  BACKFILL_RANGE: {
    meaning: 'The range is none of the cursor, or the source cannot be backfilled.',
    next: 'Ask for another range, as the message says.',
  },
  BACKFILL_RUNNING: {
    meaning: 'Another backfill of the source is on its way.',
    next: 'Wait for its end, or cancel it.',
  },
  BACKFILL_TOO_MANY_KEYS: {
    meaning: 'The lake has too many rows to look up their keys.',
    next: 'Cancel the backfill, and ask for it with a shorter `--window`.',
  },
  BACKFILL_WINDOW_TOO_LARGE: {
    meaning: 'The lake has too many rows in one window.',
    next: 'Cancel the backfill, and ask for it with a shorter `--window`.',
  },
  BAD_CONTRACT: {
    meaning: 'The schema of a contract cannot be one.',
    next: 'Correct it; `headgate validate` names the field.',
  },
  BAD_EVENT: { meaning: 'A function was started with something that is none of its events.', next: DEPLOY },
  BUS_MISSING: { meaning: 'The push function does not know the stream or the bucket.', next: DEPLOY },
  CLAIMS_MISSING: { meaning: 'An item of the claims is gone before its time.', next: RESTORE },
  CLAIMS_THROTTLED: { meaning: 'DynamoDB answered none of the keys of a read.', next: PASSES },
  CLAIM_CONTENTION: {
    meaning: 'Other writers of a claim bucket were first, many times in a row.',
    next: PASSES,
  },
  CLAIM_ITEM_FOREIGN: {
    meaning: 'An item among the claims was not written by Headgate.',
    next: 'Remove it, and find out who writes there.',
  },
  CLAIM_ITEM_TOO_LARGE: {
    meaning: 'Claims do not fit into one item.',
    next: 'Report it: batches are cut below that.',
  },
  CLAIM_OBJECTS_UNKNOWN: {
    meaning: 'Claims are in a bucket that this version does not know.',
    next: SAME_VERSION,
  },
  CLAIM_OBJECT_DAMAGED: { meaning: 'An object of claims is cut off.', next: RESTORE },
  COLUMN_NOT_UTF8: {
    meaning: 'A column of a database holds text that is not UTF-8.',
    next: 'Declare it as bytes, or correct its values.',
  },
  CURSOR_CHANGED: {
    meaning: 'The cursor of a table is another one than so far.',
    next: 'Change it back, or do as the message says.',
  },
  CURSOR_TYPE_CHANGED: {
    meaning: 'The type of the cursor in the contract has changed.',
    next: 'Change it back, or declare the source under a new name.',
  },
  EXTRACT_NOT_LANDED: { meaning: 'An extract has no time left to land.', next: PASSES },
  EXTRACT_TOO_MANY_FILES: {
    meaning: 'An extract has more files than one commit may have.',
    next: "Set partition: 'day', or read the table by a cursor.",
  },
  FOREIGN_OBJECT: {
    meaning: 'Where a file of the lake should be is an object of somebody else.',
    next: 'Move it away; the lane goes on by itself.',
  },
  FRAME_TOO_LARGE: {
    meaning: 'A frame does not fit into a record of the stream.',
    next: 'Report it: frames are cut below that.',
  },
  FRAME_VANISHED: {
    meaning: 'A frame was there and is gone before it landed.',
    next: 'See the runbook: it can be restored for a day.',
  },
  FUNCTION_FAILED: {
    meaning: 'A function that a command has started failed.',
    next: 'The message has its error; look that up.',
  },
  INTENT_TOO_LARGE: {
    meaning: 'A commit has more files than the ledger can announce.',
    next: "Set partition: 'day'.",
  },
  ISSUER_UNAVAILABLE: {
    meaning: 'The keys of a token issuer cannot be read.',
    next: 'It passes; if it stays so, check `auth.issuer` and that the issuer answers.',
  },
  KEYS_NOT_COMPARED: { meaning: 'Keys of rows could not be compared for deletes.', next: PASSES },
  LANDED_LIST_MISSING: { meaning: 'A list of objects that have landed is gone.', next: RESTORE },
  LANDING_REFUSED: {
    meaning: 'The landing zone did not take all frames of a request.',
    next: 'The sender repeats it; the log says why S3 refused.',
  },
  LANE_CONTENTION: { meaning: 'Other writers of a lane were first, many times in a row.', next: PASSES },
  LEDGER_UNREADABLE: {
    meaning: 'What the ledger has announced was changed by something else.',
    next: RESTORE,
  },
  EVENTS_NOT_TAKEN: {
    meaning: 'The default event bus did not take all findings of the hourly watch.',
    next: 'Nothing: the run is repeated, and what was not told is told then.',
  },
  LOG_QUERY_FAILED: {
    meaning: 'A query of CloudWatch Logs did not end well.',
    next: 'Repeat the command, or ask for a shorter period.',
  },
  MALFORMED_BODY: { meaning: 'A body is no JSON.', next: 'The sender corrects it.' },
  MANIFEST_EXPIRED: {
    meaning: 'Nobody knows any more whether a frame has landed.',
    next: 'See the runbook: the rows of the frame are looked up.',
  },
  NOTHING_HELD_BACK: { meaning: 'There are no deletes to accept.', next: 'Nothing.' },
  NOT_DEPLOYED: {
    meaning: 'A stack is not there, in this account and region.',
    next: 'Deploy it, or set AWS_PROFILE and AWS_REGION.',
  },
  OBJECTS_NOT_DELETED: { meaning: 'S3 did not delete some objects.', next: PASSES },
  OBJECT_VANISHED: {
    meaning: 'A file was there and is gone.',
    next: 'It is repeated; find out who deletes in the lake.',
  },
  OUT_OF_TIME: { meaning: "The function's time was up first.", next: PASSES },
  PARKED_DELIVERY_EMPTY: {
    meaning: 'A parked delivery has no records in it.',
    next: 'Read them from the stream while it keeps them.',
  },
  PARKED_DELIVERY_INVALID: {
    meaning: 'An object is no parked delivery.',
    next: 'Name one that Lambda has written.',
  },
  PARTITION_KEY_INVALID: { meaning: 'A partition key is empty or too long.', next: 'Report it.' },
  POSITION_MODE_CHANGED: {
    meaning: 'A table is read in another way than so far.',
    next: 'Change it back, or do as the message says.',
  },
  QUARANTINE_FILE_FOREIGN: {
    meaning: 'A file was not written by Headgate.',
    next: 'Name one that was.',
  },
  QUARANTINE_FILE_MISSING: {
    meaning: 'There is no such file in quarantine.',
    next: '`headgate dlq list --records` names those that are there.',
  },
  REPLAY_FOREIGN: {
    meaning: 'A delivery belongs to another deployment.',
    next: 'Replay it with the configuration of that one.',
  },
  REPLAY_SOURCE_UNKNOWN: {
    meaning: 'The source that records are replayed as is not declared.',
    next: 'Name one that is.',
  },
  REPLAY_TOO_OLD: {
    meaning: 'The ledger does not know any more what of a delivery has landed.',
    next: 'Look for its records in the lake, and push those that are missing.',
  },
  REPLAY_TOO_YOUNG: {
    meaning: 'The function that failed may still be at work on a delivery.',
    next: 'Replay it 20 minutes after it was parked.',
  },
  ROW_SET_TOO_LARGE: {
    meaning: 'Too many scattered rows of one file are replayed at once.',
    next: 'Replay all rows of the file, or rows that follow each other.',
  },
  ROW_SET_UNREADABLE: {
    meaning: 'What the ledger knows of replayed rows is of another version.',
    next: SAME_VERSION,
  },
  SCHEDULE_INCOMPLETE: { meaning: 'A schedule has no target.', next: DEPLOY },
  SECRET_UNUSABLE: {
    meaning: 'A parameter holds no usable signing secret.',
    next: 'Set it as the service shows it.',
  },
  SPLIT_NOT_STAGED: { meaning: 'A range of an extract is not staged (any more).', next: PASSES },
  SPLIT_TOO_LARGE: {
    meaning: 'A range of an extract cannot be read within one run.',
    next: 'Set `rowsPerSplit` lower, or do as the message says.',
  },
  STAGED_BATCH_VANISHED: { meaning: 'A batch that was decided is gone before it landed.', next: RESTORE },
  STAGED_FILE_VANISHED: { meaning: 'A staged file is gone before it landed.', next: RESTORE },
  STREAM_REFUSED: {
    meaning: 'The stream did not take all frames of a request.',
    next: 'The sender repeats it; raise `ingest.shards` if it goes on.',
  },
  STREAM_THROTTLED: {
    meaning: 'Shards of the stream are full.',
    next: 'Raise `ingest.shards` if it goes on.',
  },
  TABLE_NOT_WRITTEN: {
    meaning: 'DuckDB could not write a table: memory or disk of the function.',
    next: 'It is repeated; if it goes on, report it.',
  },
  TABLE_WRITER_UNAVAILABLE: { meaning: 'DuckDB cannot be opened.', next: DEPLOY },
  TOO_MANY_RECORDS: {
    meaning: 'A request has more records than allowed.',
    next: 'The sender sends several requests.',
  },
  TOO_MANY_WRITE_KEYS: {
    meaning: 'A source has as many active write keys as it may have.',
    next: 'Revoke one first.',
  },
  UNKNOWN_SOURCE: { meaning: 'A function was started for a source that it does not know.', next: DEPLOY },
  UNREADABLE_BATCH: { meaning: 'A staged batch is of another version, or damaged.', next: SAME_VERSION },
  UNREADABLE_DELETES: { meaning: 'Staged deletes are of another version.', next: SAME_VERSION },
  UNREADABLE_EXTRACT: { meaning: 'A staged extract is of another version.', next: SAME_VERSION },
  UNREADABLE_FRAME: {
    meaning: 'Bytes are no frame that this version can read.',
    next: 'They go to quarantine; deploy producers and consumers of one version.',
  },
  UNREADABLE_MANIFEST: { meaning: 'A manifest is of another version, or damaged.', next: SAME_VERSION },
  UNREADABLE_POSITION: {
    meaning: 'The position of a lane is of another version, or was changed by hand.',
    next: SAME_VERSION,
  },
  WRITE_KEY_TAKEN: { meaning: 'A write key exists already.', next: 'Create another one.' },
} as const satisfies Readonly<Record<string, EngineError>>;
