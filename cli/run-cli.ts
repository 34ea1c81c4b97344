import { Command, CommanderError } from 'commander';
import { ConfigError } from '../shared/config/define-config.ts';
import { DEFAULT_CONFIG_FILE } from '../shared/config/load-config.ts';
import { HeadgateError } from '../shared/domain/errors.ts';
import { createAuditCommand } from './commands/audit.ts';
import { createBackfillCommand } from './commands/backfill.ts';
import { createCostCommand, type CostDeps } from './commands/cost.ts';
import { createDiscoverCommand, type DiscoverDeps } from './commands/discover.ts';
import { createCheckpointCommand } from './commands/checkpoint.ts';
import { createDlqCommand } from './commands/dlq.ts';
import type { DlqDeps } from './dlq/dlq-deps.ts';
import { createDoctorCommand, type DoctorDeps } from './commands/doctor.ts';
import { createKeysCommand, type KeysDeps } from './commands/keys.ts';
import { createLakeCommand } from './commands/lake.ts';
import { createPauseCommands } from './commands/pause.ts';
import { createPlanCommand, type PlanDeps } from './commands/plan.ts';
import { createQueryCommand } from './commands/query.ts';
import { createTailCommand } from './status/tail-command.ts';
import { createInspectCommand } from './status/inspect-command.ts';
import { createStatusCommand } from './status/status-command.ts';
import { createValidateCommand } from './commands/validate.ts';
import type { AuditDeps } from './open-audit.ts';
import type { LakeDeps } from './open-lake.ts';
import type { LogsDeps } from './open-logs.ts';
import type { PullDeps } from './open-pull.ts';
import { CommandError, UsageError } from './terminal.ts';

/** 0: done. 1: problems were found, or the command failed. 2: it was called in a wrong way. */
export type ExitCode = 0 | 1 | 2;

/** What the commands need from the outside. */
export type CliDeps = KeysDeps &
  LakeDeps &
  LogsDeps &
  AuditDeps &
  DlqDeps &
  DiscoverDeps &
  PullDeps &
  DoctorDeps &
  CostDeps &
  PlanDeps;

/** Commands exit by throwing, so that this function decides the code. Subcommands do not inherit it by themselves. */
function throwInsteadOfExit(command: Command, deps: CliDeps): void {
  command.exitOverride().configureOutput({
    writeOut: (text) => {
      deps.terminal.out(text.trimEnd());
    },
    writeErr: (text) => {
      deps.terminal.err(text.trimEnd());
    },
  });
  for (const subcommand of command.commands) throwInsteadOfExit(subcommand, deps);
}

/** All commands. What they do with a command line that is wrong is up to `runCli`. */
export function createProgram(deps: CliDeps): Command {
  const program = new Command('headgate')
    .description('Headgate: declared sources land in the lake')
    .addHelpText(
      'after',
      '\nExample:\n  $ headgate keys create orders\n\nExit codes: 0 ok, 1 problems, 2 wrong usage',
    )
    .showHelpAfterError('(see --help)')
    .addCommand(createValidateCommand(deps, DEFAULT_CONFIG_FILE))
    .addCommand(createPlanCommand(deps, DEFAULT_CONFIG_FILE))
    .addCommand(createDoctorCommand(deps, DEFAULT_CONFIG_FILE))
    .addCommand(createDiscoverCommand(deps, DEFAULT_CONFIG_FILE))
    .addCommand(createKeysCommand(deps, DEFAULT_CONFIG_FILE))
    .addCommand(createLakeCommand(deps, DEFAULT_CONFIG_FILE))
    .addCommand(createQueryCommand(deps, DEFAULT_CONFIG_FILE))
    .addCommand(createAuditCommand(deps, DEFAULT_CONFIG_FILE))
    .addCommand(createDlqCommand(deps, DEFAULT_CONFIG_FILE));
  program
    .addCommand(createStatusCommand(deps, DEFAULT_CONFIG_FILE))
    .addCommand(createInspectCommand(deps, DEFAULT_CONFIG_FILE))
    .addCommand(createTailCommand(deps, DEFAULT_CONFIG_FILE))
    .addCommand(createCostCommand(deps, DEFAULT_CONFIG_FILE))
    .addCommand(createCheckpointCommand(deps, DEFAULT_CONFIG_FILE))
    .addCommand(createBackfillCommand(deps, DEFAULT_CONFIG_FILE));
  for (const command of createPauseCommands(deps, DEFAULT_CONFIG_FILE)) program.addCommand(command);
  return program;
}

/**
 * Runs one command line.
 *
 * @param args without the program's own name
 */
export async function runCli(args: readonly string[], deps: CliDeps): Promise<ExitCode> {
  const program = createProgram(deps);
  throwInsteadOfExit(program, deps);
  try {
    await program.parseAsync(args, { from: 'user' });
    return 0;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
    if (error instanceof ConfigError && args.includes('--json')) {
      deps.terminal.out(JSON.stringify({ valid: false, problems: error.problems }));
      return 1;
    }
    const isExplained =
      error instanceof CommandError ||
      error instanceof UsageError ||
      error instanceof ConfigError ||
      error instanceof HeadgateError;
    if (!isExplained) throw error;
    deps.terminal.err(error.message);
    return error instanceof UsageError ? 2 : 1;
  }
}
