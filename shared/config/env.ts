import * as z from 'zod';

/** Environment of each Lambda function; infra sets exactly these, handlers read exactly these. */
export const pushEnv = z.object({
  /** Where frames of streamed sources go; absent where none is. */
  INGEST_STREAM: z.string().min(1).optional(),
  /** What of the stream has landed, and how many records were accepted. */
  LEDGER_TABLE: z.string().min(1),
  /** Where the landing zone is; absent where no source uses it. */
  LAKE_BUCKET: z.string().min(1).optional(),
  ACCESS_TABLE: z.string().min(1),
  CLAIMS_TABLE: z.string().min(1),
});

export const streamEnv = z.object({
  LAKE_BUCKET: z.string().min(1),
  CLAIMS_TABLE: z.string().min(1),
  LEDGER_TABLE: z.string().min(1),
  /** JSON object: name of each source's own stream → source. Frames on any stream name their source themselves. */
  SOURCE_STREAMS: z
    .string()
    .default('{}')
    .transform((text) => z.record(z.string(), z.string()).parse(JSON.parse(text))),
});

export const landEnv = z.object({
  LAKE_BUCKET: z.string().min(1),
  CLAIMS_TABLE: z.string().min(1),
  LEDGER_TABLE: z.string().min(1),
});

/** Of the functions that read sources on a schedule: `pull` and `extract`. */
export const pullEnv = z.object({
  LAKE_BUCKET: z.string().min(1),
  CLAIMS_TABLE: z.string().min(1),
  LEDGER_TABLE: z.string().min(1),
  /** URL of the queue that invokes this function. */
  WORK_QUEUE: z.string().min(1),
  /** Group of its schedules, one for each source. */
  SCHEDULE_GROUP: z.string().min(1),
});

export const watchEnv = z.object({
  LEDGER_TABLE: z.string().min(1),
  /** Set by the embedded cloud, where nothing adds up lines of logs: they are read one by one. */
  AWS_ENDPOINT_URL: z.string().min(1).optional(),
});

/**
 * Reads a function's environment.
 *
 * @throws Error that names every variable that is missing or wrong
 */
export function readEnv<Schema extends z.ZodType>(schema: Schema, env: NodeJS.ProcessEnv): z.output<Schema> {
  const result = schema.safeParse(env);
  if (result.success) return result.data;
  throw new Error(
    `the function's environment is incomplete: ${result.error.issues
      .map((issue) => `${issue.path.map(String).join('.')}: ${issue.message}`)
      .join('; ')}`,
  );
}
