import { Command, InvalidArgumentError } from 'commander';
import { discardRecords } from '../dlq/discard-records.ts';
import type { DlqDeps } from '../dlq/dlq-deps.ts';
import { editRecord } from '../dlq/edit-record.ts';
import { listDeadLetters } from '../dlq/list-command.ts';
import { replayRecords } from '../dlq/replay-command.ts';
import { addSelection } from '../dlq/selection.ts';
import { showHistory } from '../dlq/show-history.ts';
import { showRecord } from '../dlq/show-record.ts';

const KEYS = 'keys or prefixes in the lake bucket: quarantine/… or aws/lambda/…';
const DEFAULT_LIMIT = 50;

/** `headgate dlq`: what did not land. */
export function createDlqCommand(deps: DlqDeps, configFile: string): Command {
  const command = new Command('dlq')
    .description('What did not land: parked deliveries and the quarantine; look at it, mend it, land it')
    .addHelpText('after', '\nExample:\n  $ headgate dlq list');
  const add = (name: string, description: string): Command =>
    command
      .command(name)
      .description(description)
      .option('--config <path>', 'configuration file', configFile)
      .option('--json', 'print JSON');

  addSelection(add('list', 'Show what is in quarantine, by source and reason, and what is parked'))
    .option('--records', 'show single records, the newest first')
    .option('--limit <n>', 'most records to show', toCount, DEFAULT_LIMIT)
    .option('--all', 'also what is replayed or given up')
    .addHelpText(
      'after',
      '\nExamples:\n  $ headgate dlq list --source orders\n  $ headgate dlq list --records --reason CONTRACT --from "2 days"',
    )
    .action((options: Parameters<typeof listDeadLetters>[1]) => listDeadLetters(deps, options));

  addSelection(add('show', 'Show one record of the quarantine: why it is there, and its bytes'))
    .argument(
      '<record>',
      'its identity, its file and row (quarantine/….parquet#3), or a parked delivery (aws/lambda/…)',
    )
    .addHelpText('after', '\nExample:\n  $ headgate dlq show pull/orders/17/4')
    .action((record: string, options: Parameters<typeof showRecord>[2]) => showRecord(deps, record, options));

  addSelection(add('replay', 'Land records under their original identity; safe to repeat'))
    .argument('[key...]', KEYS)
    .option('--dry-run', 'say what would land, be a duplicate or stay; change nothing')
    .option(
      '--set <path=value>',
      'give a field of every record a value (JSON, or text); repeatable',
      collect,
      [],
    )
    .option('--unset <path>', 'remove a field of every record; repeatable', collect, [])
    .option('--as <source>', 'source that records of unknown source belong to')
    .addHelpText(
      'after',
      '\nExamples:\n  $ headgate dlq replay aws/lambda/\n  $ headgate dlq replay --source orders --reason CONTRACT --dry-run' +
        '\n  $ headgate dlq replay --source orders --from "2 days" --set currency=EUR',
    )
    .action((keys: readonly string[], options: Parameters<typeof replayRecords>[2]) =>
      replayRecords(deps, keys, options),
    );

  addSelection(add('edit', 'Mend one record and land it; without --set, --unset or --file in your $EDITOR'))
    .argument('<record>', 'its identity, or its file and row: quarantine/….parquet#3')
    .option('--set <path=value>', 'give a field a value (JSON, or text); repeatable', collect, [])
    .option('--unset <path>', 'remove a field; repeatable', collect, [])
    .option('--file <path>', 'take the record from this file')
    .option('--as <source>', 'source that a record of unknown source belongs to')
    .option('--yes', 'do not ask')
    .addHelpText('after', '\nExample:\n  $ headgate dlq edit pull/orders/17/4 --set customer.country=DE')
    .action((record: string, options: Parameters<typeof editRecord>[2]) => editRecord(deps, record, options));

  addSelection(add('discard', 'Give records up: they stay where they are, and no replay lands them'))
    .argument('[key...]', 'keys or prefixes in the lake bucket: quarantine/…')
    .option('--why <text>', 'why, for the audit trail')
    .option('--yes', 'do not ask')
    .addHelpText(
      'after',
      '\nExample:\n  $ headgate dlq discard --source orders --reason MALFORMED --why "test of the supplier"',
    )
    .action((keys: readonly string[], options: Parameters<typeof discardRecords>[2]) =>
      discardRecords(deps, keys, options),
    );

  add('history', 'Show who replayed, edited or gave up what')
    .option('--from <time>', 'since when: "2026-01-31", or "7 days" ago', '7 days')
    .option('--limit <n>', 'most entries to show', toCount, DEFAULT_LIMIT)
    .addHelpText('after', '\nExample:\n  $ headgate dlq history --from "30 days"')
    .action((options: Parameters<typeof showHistory>[1]) => showHistory(deps, options));
  return command;
}

function toCount(text: string): number {
  if (/^[1-9]\d{0,5}$/.test(text)) return Number(text);
  throw new InvalidArgumentError('must be a whole number from 1 to 999999.');
}

const collect = (text: string, before: readonly string[]): readonly string[] => [...before, text];
