#!/usr/bin/env node
// Starts the command on Node 24, which runs TypeScript as it is: on this one, or on the project's own.
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';

const NEEDED_MAJOR = 24;

if (Number(process.versions.node.split('.')[0]) >= NEEDED_MAJOR) {
  await import('./main.ts');
} else {
  const node = join(import.meta.dirname, '../node_modules/.bin/node');
  if (!existsSync(node)) {
    console.error(
      `headgate needs Node ${String(NEEDED_MAJOR)}, this is ${process.version}; run "npm ci", which installs it for the project`,
    );
    process.exit(1);
  }
  const main = join(import.meta.dirname, 'main.ts');
  const { status } = spawnSync(node, [main, ...process.argv.slice(2)], { stdio: 'inherit' });
  process.exit(status ?? 1);
}
