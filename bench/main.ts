import { Command, InvalidArgumentError, Option } from 'commander';
import { benchClaims } from './claims.ts';
import { benchConsumer } from './consumer.ts';
import { WORKLOADS, type WorkloadName } from './cost/tiers.ts';
import { benchCost } from './cost.ts';
import { benchDrain } from './drain.ts';
import { benchHttp } from './http.ts';
import { benchOverhead } from './overhead.ts';
import { benchPull } from './pull.ts';
import { benchPush } from './push.ts';
import { benchStatus } from './status.ts';
import { benchReplay } from './replay.ts';

function toRounds(text: string): number {
  const rounds = Number(text);
  if (Number.isInteger(rounds) && rounds >= 1 && rounds <= 1000) return rounds;
  throw new InvalidArgumentError('It must be a whole number from 1 to 1000.');
}

function toRows(text: string): number {
  const rows = Number(text);
  if (Number.isInteger(rows) && rows >= 1000 && rows <= 1_000_000_000) return rows;
  throw new InvalidArgumentError('It must be a whole number from 1000 to 1000000000.');
}

const program = new Command('bench').description('Measures Headgate on this machine.');

program
  .command('consumer')
  .description('The path from frames to Parquet, in MB of raw JSON per CPU-second, beside JSON.parse.')
  .option('--json', 'print one JSON object')
  .option('--rounds <count>', 'measurements per figure; the median counts', toRounds, 9)
  .action(async (options: { json?: boolean; rounds: number }) => {
    await benchConsumer({ json: options.json === true, rounds: options.rounds });
  });

program
  .command('overhead')
  .description('What claims and ledger add to the CPU time of a batch, through the DynamoDB adapters.')
  .option('--json', 'print one JSON object')
  .option('--rounds <count>', 'measurements per figure; the median counts', toRounds, 9)
  .action(async (options: { json?: boolean; rounds: number }) => {
    const isGood = await benchOverhead({ json: options.json === true, rounds: options.rounds });
    if (!isGood) process.exitCode = 1;
  });

program
  .command('claims')
  .description(
    'Request units of DynamoDB that claims and ledger consume, and calls per batch, on an embedded cloud.',
  )
  .option('--json', 'print one JSON object')
  .action(async (options: { json?: boolean }) => {
    if (!(await benchClaims({ json: options.json === true }))) process.exitCode = 1;
  });

program
  .command('drain')
  .description('How the backlog of a shard drains after an outage of one hour, by a measured consumer.')
  .option('--json', 'print one JSON object')
  .option('--rounds <count>', 'measurements per figure; the median counts', toRounds, 9)
  .action(async (options: { json?: boolean; rounds: number }) => {
    const isGood = await benchDrain({ json: options.json === true, rounds: options.rounds });
    if (!isGood) process.exitCode = 1;
  });

program
  .command('push')
  .description(
    'The push function: CPU time beside a bare handler, and what it answers under load and throttles of the stream.',
  )
  .option('--json', 'print one JSON object')
  .option('--rounds <count>', 'measurements per figure; the median counts', toRounds, 9)
  .action(async (options: { json?: boolean; rounds: number }) => {
    const isGood = await benchPush({ json: options.json === true, rounds: options.rounds });
    if (!isGood) process.exitCode = 1;
  });

program
  .command('pull')
  .description(
    'A table of a real PostgreSQL read whole into Parquet, beside COPY to nowhere and beside dlt, one after the other.',
  )
  .option('--json', 'print one JSON object')
  .option('--rows <count>', 'rows of the table', toRows, 5_000_000)
  .option('--rounds <count>', 'measurements of what is fast; the median counts', toRounds, 3)
  .option('--no-dlt', 'leave dlt out')
  .action(async ({ json, ...options }: { json?: boolean; rows: number; rounds: number; dlt: boolean }) => {
    const isGood = await benchPull({ json: json === true, ...options });
    if (!isGood) process.exitCode = 1;
  });

program
  .command('http')
  .description(
    'An API read page by page into Parquet: as fast as it goes, in memory that stays, and up to its limit.',
  )
  .option('--json', 'print one JSON object')
  .option('--pages <count>', 'pages of the API', toRows, 10_000)
  .action(async ({ json, pages }: { json?: boolean; pages: number }) => {
    if (!(await benchHttp({ json: json === true, pages }))) process.exitCode = 1;
  });

program
  .command('replay')
  .description('The list of 100,000 records in quarantine, and their replay, on an embedded cloud.')
  .option('--json', 'print one JSON object')
  .option('--records <count>', 'records in quarantine', toRows, 100_000)
  .action(async ({ json, records }: { json?: boolean; records: number }) => {
    if (!(await benchReplay({ json: json === true, records }))) process.exitCode = 1;
  });

program
  .command('status')
  .description('The state of 200 sources with a day of records, on an embedded cloud.')
  .option('--json', 'print one JSON object')
  .action(async ({ json }: { json?: boolean }) => {
    if (!(await benchStatus({ json: json === true }))) process.exitCode = 1;
  });

program
  .command('cost')
  .description(
    'What each class of freshness costs: a workload of each on an embedded cloud, metered, beside the model, in $/GB at 100 GB a day.',
  )
  .option('--json', 'print one JSON object')
  .addOption(new Option('--workloads <names...>', 'run some of them').choices(WORKLOADS).default(WORKLOADS))
  .action(async (options: { json?: boolean; workloads: WorkloadName[] }) => {
    const isGood = await benchCost({ json: options.json === true, workloads: options.workloads });
    if (!isGood) process.exitCode = 1;
  });

await program.parseAsync();
