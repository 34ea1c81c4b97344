import type { Plugin } from 'esbuild';
import { toBundleModule } from '../../shared/config/compile-validators.ts';
import type { HeadgateConfig } from '../../shared/config/schema.ts';
import { projectDir } from './paths.ts';

const MODULE = 'headgate:bundle';

/**
 * Answers imports of `headgate:bundle` with the configuration as data and its contracts as code, so that nothing is
 * read or compiled during a cold start. Its type is in lambdas/bundle.d.ts.
 */
export function bundlePlugin(config: HeadgateConfig): Plugin {
  return {
    name: MODULE,
    setup(build) {
      build.onResolve({ filter: /^headgate:bundle$/ }, () => ({ path: MODULE, namespace: MODULE }));
      build.onLoad({ filter: /.*/, namespace: MODULE }, () => ({
        contents: toBundleModule(config),
        loader: 'js',
        resolveDir: projectDir,
      }));
    },
  };
}
