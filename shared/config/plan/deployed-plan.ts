import * as z from 'zod';
import { FUNCTION_SIZES } from '../../domain/plan/function-sizes.ts';
import { toTime } from '../../domain/plan/words.ts';
import { lanesOf, lanesThatServe } from './lanes.ts';
import { retentionHoursOf } from './plan-lanes.ts';
import { SHARED_STREAM, type ResourcePlan } from './plan-resources.ts';
import { sourceOf, streamOf } from './planned-design.ts';

const sourceEntry = z.strictObject({
  lane: z.string(),
  freshness: z.string(),
  /** Minutes between two runs; absent on a stream. */
  everyMinutes: z.number().optional(),
  /** The stream that it is on. */
  stream: z.string().optional(),
});
const streamEntry = z.strictObject({
  shards: z.number(),
  batchingWindowSeconds: z.number(),
  retentionHours: z.number(),
});

const deployedPlan = z.object({
  version: z.literal(1),
  sources: z.record(z.string(), sourceEntry),
  streams: z.record(z.string(), streamEntry).default({}),
  memoryMiB: z.record(z.string(), z.number()).default({}),
});

/** What is deployed, in few words: it is kept beside the deployment, and compared with the next plan. */
export type DeployedPlan = z.output<typeof deployedPlan>;

/** Where the parameters of a deployment are that keep its plan. */
export const planParameterPath = (name: string): string => `/${name}/plan/`;

/** What a standard parameter of SSM holds, in bytes; ours are ASCII but for freshness, which is too. */
const MAX_TEXT = 4_000;

/** The part of a plan that is deployed. */
export function toDeployedPlan(resources: ResourcePlan): DeployedPlan {
  const names = Object.keys(resources.config.sources);
  const functions = new Set(names.flatMap((name) => lanesThatServe(sourceOf(name, resources))));
  return {
    version: 1,
    sources: Object.fromEntries(
      names.map((name) => {
        const source = sourceOf(name, resources);
        const stream = streamOf(name, resources);
        const everyMinutes =
          resources.reads.find((read) => read.source === name)?.minutes ??
          (stream === undefined
            ? resources.landing.find(({ sources }) => sources.includes(name))?.windowMinutes
            : undefined);
        return [
          name,
          {
            lane: lanesOf(source).landed,
            freshness: source.freshness,
            ...(everyMinutes !== undefined && { everyMinutes }),
            ...(stream !== undefined && { stream: stream.name }),
          },
        ];
      }),
    ),
    streams: Object.fromEntries(
      resources.streams.map(({ name, shards, eventSource }) => [
        name,
        {
          shards,
          batchingWindowSeconds: eventSource.maxBatchingWindowSeconds,
          retentionHours: retentionHoursOf(resources.config),
        },
      ]),
    ),
    memoryMiB: Object.fromEntries(
      [...functions].sort().map((name) => [name, FUNCTION_SIZES[name].memoryMiB]),
    ),
  };
}

/** A plan as texts that are short enough for a parameter each: every one is JSON, and a plan with a part of the sources. */
export function toPlanTexts({ sources, streams, memoryMiB }: DeployedPlan): readonly string[] {
  const texts: string[] = [];
  let part: DeployedPlan = { version: 1, sources: {}, streams: {}, memoryMiB };
  const add = (next: DeployedPlan): void => {
    if (JSON.stringify(next).length > MAX_TEXT) {
      texts.push(JSON.stringify(part));
      part = { version: 1, sources: {}, streams: {}, memoryMiB: {} };
    }
  };
  for (const [name, stream] of Object.entries(streams)) {
    add({ ...part, streams: { ...part.streams, [name]: stream } });
    part = { ...part, streams: { ...part.streams, [name]: stream } };
  }
  for (const [name, source] of Object.entries(sources)) {
    add({ ...part, sources: { ...part.sources, [name]: source } });
    part = { ...part, sources: { ...part.sources, [name]: source } };
  }
  return [...texts, JSON.stringify(part)];
}

/** The plan that these texts are; undefined where one of them is not a part of a plan that this version knows. */
export function readPlanTexts(texts: readonly string[]): DeployedPlan | undefined {
  let plan: DeployedPlan = { version: 1, sources: {}, streams: {}, memoryMiB: {} };
  for (const text of texts) {
    const part = deployedPlan.safeParse(parseJson(text));
    if (!part.success) return undefined;
    plan = {
      version: 1,
      sources: { ...plan.sources, ...part.data.sources },
      streams: { ...plan.streams, ...part.data.streams },
      memoryMiB: { ...plan.memoryMiB, ...part.data.memoryMiB },
    };
  }
  return plan;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** What a deployment would change. */
export interface PlanChange {
  /** `sources.orders`, `streams.ingest`, `functions.push`. */
  readonly what: string;
  readonly change: 'added' | 'removed' | 'changed';
  /** For people. */
  readonly says: string;
  /** What to think of before it is deployed. */
  readonly note: string | undefined;
}

/**
 * What would change if a plan was deployed over another.
 *
 * @param name of the deployment
 */
export function diffPlans(
  deployed: DeployedPlan,
  planned: DeployedPlan,
  name: string,
): readonly PlanChange[] {
  return [
    ...diffEntries('sources', deployed.sources, planned.sources, describeSource, noteOnSource(planned)),
    ...diffEntries('streams', deployed.streams, planned.streams, describeStream, noteOnStream),
    ...diffEntries(
      'functions',
      deployed.memoryMiB,
      planned.memoryMiB,
      (memoryMiB) => `${String(memoryMiB)} MiB`,
      (_before, after, lane) => (after === undefined ? noteOnStack(name, lane) : undefined),
    ),
  ];
}

function diffEntries<Entry>(
  kind: string,
  before: Readonly<Record<string, Entry>>,
  after: Readonly<Record<string, Entry>>,
  describe: (entry: Entry) => string,
  noteOn: (before: Entry | undefined, after: Entry | undefined, name: string) => string | undefined,
): readonly PlanChange[] {
  const names = [...new Set([...Object.keys(before), ...Object.keys(after)])].sort();
  return names.flatMap((name): PlanChange[] => {
    const old = before[name];
    const next = after[name];
    const what = `${kind}.${name}`;
    const note = noteOn(old, next, name);
    if (old === undefined)
      return next === undefined ? [] : [{ what, change: 'added', says: describe(next), note }];
    if (next === undefined) return [{ what, change: 'removed', says: describe(old), note }];
    if (describe(old) === describe(next)) return [];
    return [{ what, change: 'changed', says: `${describe(old)} → ${describe(next)}`, note }];
  });
}

type SourceEntry = z.output<typeof sourceEntry>;
type StreamEntry = z.output<typeof streamEntry>;

const describeSource = ({ lane, freshness, everyMinutes, stream }: SourceEntry): string =>
  [
    `${lane} lane`,
    stream === undefined ? undefined : `stream ${stream}`,
    everyMinutes === undefined ? undefined : `every ${toTime(everyMinutes * 60_000)}`,
    `fresh within ${freshness}`,
  ]
    .filter((part) => part !== undefined)
    .join(', ');

const describeStream = ({ shards, batchingWindowSeconds, retentionHours }: StreamEntry): string =>
  `${String(shards)} shard${shards === 1 ? '' : 's'}, batches of ${String(batchingWindowSeconds)} s, kept for ${toTime(retentionHours * 3_600_000)}`;

const noteOnSource =
  (planned: DeployedPlan) =>
  (before: SourceEntry | undefined, after: SourceEntry | undefined): string | undefined => {
    if (
      before?.stream === SHARED_STREAM &&
      after?.stream !== SHARED_STREAM &&
      !(SHARED_STREAM in planned.streams)
    ) {
      return 'no source needs the shared stream any more: it is left where it is, with what has not landed; let it drain before you delete it';
    }
    if (before === undefined || after !== undefined) return undefined;
    if (before.lane === 'land')
      return 'its schedule goes with it: stop its senders and wait until its frames in the landing zone have landed, or they stay there';
    if (before.lane === 'stream')
      return 'stop its senders and wait until the stream has been read: records that are read later go to quarantine as UNKNOWN_SOURCE';
    return undefined;
  };

/** A stack that is not part of an app any more is left where it is, with what it knew. */
const LEFT_STACKS: Readonly<Record<string, { readonly stack: string; readonly does: string }>> = {
  push: { stack: 'push', does: 'accepting records of its senders' },
  stream: { stack: 'stream', does: 'landing what is on its streams' },
  land: { stack: 'landing', does: 'landing what waits in it' },
  pull: { stack: 'pull', does: 'reading its sources' },
  extract: { stack: 'extract', does: 'reading its sources' },
};

/** What becomes of the stack of a lane that has lost its last source. */
function noteOnStack(name: string, lane: string): string | undefined {
  const left = LEFT_STACKS[lane];
  if (left === undefined) return undefined;
  const stack = `${name}-${left.stack}`;
  return (
    `no source needs it any more: a deployment leaves the stack ${stack} behind, which goes on ${left.does}. When nothing waits: ` +
    `npx cdk deploy --exclusively ${name}-observability, aws cloudformation delete-stack --stack-name ${stack}, npx cdk deploy --all ` +
    '(docs/operations.md, "Before you remove or rename a source")'
  );
}

/** Kinesis takes at most twice as many shards at a time, and half as many at the least. */
function noteOnStream(before: StreamEntry | undefined, after: StreamEntry | undefined): string | undefined {
  if (before === undefined) return undefined;
  if (after === undefined)
    return 'the stream is kept, with what has not landed, and costs what it did: let it be read to its end before you deploy, and delete it when it is empty';
  if (after.shards > 2 * before.shards)
    return `Kinesis doubles at most: deploy with ${String(2 * before.shards)} shards first`;
  if (after.shards < before.shards / 2)
    return `Kinesis halves at most: deploy with ${String(Math.ceil(before.shards / 2))} shards first`;
  return undefined;
}
