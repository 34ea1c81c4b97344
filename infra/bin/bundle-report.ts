import { bundleFunctions, handlerEntries } from '../bundling/bundle-functions.ts';
import { functionsOf } from '../bundling/bundled-code.ts';
import { loadConfig } from '../../shared/config/load-config.ts';

/* node infra/bin/bundle-report.ts [config]: what the functions consist of, the largest parts first. */

const MAX_PARTS = 12;

const config = await loadConfig(process.argv[2] ?? 'headgate.config.ts');
const bundles = await bundleFunctions({ config, entries: handlerEntries(functionsOf(config)) });
for (const [name, { folder, bytesByPackage }] of bundles) {
  const total = [...bytesByPackage.values()].reduce((sum, bytes) => sum + bytes, 0);
  process.stdout.write(`${name}: ${kB(total)} in ${folder}\n`);
  for (const [part, bytes] of [...bytesByPackage].slice(0, MAX_PARTS)) {
    process.stdout.write(`  ${kB(bytes).padStart(8)}  ${part}\n`);
  }
}

function kB(bytes: number): string {
  return `${String(Math.ceil(bytes / 1000))} kB`;
}
