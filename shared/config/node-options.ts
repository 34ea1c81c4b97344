/**
 * Options of Node in every function.
 *
 * Semi-space: a batch makes some 100,000 short-lived objects. With V8's default of 16 MB they are copied and promoted
 * while they are in use; with 32 MB they die young, which saves the consumer a sixth of its CPU time (docs/benchmarks.md).
 */
export const NODE_OPTIONS = ['--enable-source-maps', '--max-semi-space-size=32'] as const;
