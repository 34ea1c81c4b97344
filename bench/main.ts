import { Command } from 'commander';
import { benchConsumer } from './consumer.ts';

const program = new Command('bench').description('Measures Headgate on this machine.');

program
  .command('consumer')
  .description('The path from frames to Parquet, in MB of raw JSON per CPU-second, beside JSON.parse.')
  .option('--json', 'print one JSON object')
  .option('--rounds <count>', 'measurements per figure; the median counts', '9')
  .action(async (options: { json?: boolean; rounds: string }) => {
    const rounds = Number(options.rounds);
    if (!Number.isInteger(rounds) || rounds < 1 || rounds > 1000) {
      program.error(`--rounds must be a whole number from 1 to 1000, not ${JSON.stringify(options.rounds)}`);
    }
    await benchConsumer({ json: options.json === true, rounds });
  });

await program.parseAsync();
