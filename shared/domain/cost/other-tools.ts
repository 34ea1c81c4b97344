import { planShards } from '../plan/shards.ts';
import {
  firehoseBytes,
  HOURS_PER_MONTH,
  kinesisPutUnits,
  SECONDS_PER_MONTH,
  toBilledGb,
} from './metering.ts';
import { priceUsage, type Bill } from './price-usage.ts';
import { PRICES, type PriceTable } from './prices.ts';
import type { Usage } from './usage.ts';
import { rawBytesPerSecond, recordsPerMonth, type Workload } from './workload.ts';

/** Another way to do what Headgate does, and what it costs. */
export interface OtherTool {
  readonly name: string;
  /** What it is billed by, for people. */
  readonly billedBy: string;
  /** When it is the right choice. */
  readonly suits: string;
  /** What the figure takes for granted, besides the prices. */
  readonly assumes: string;
  /** What it uses in a month, up to files of Parquet in S3, or as near to that as it comes. */
  readonly usage: (workload: Workload) => Usage;
}

/** Raw MB that a vCPU turns into Parquet in a second: JVM pipelines are measured between 10 and 30. */
const MB_PER_CPU_SECOND = 20;
/** How full what always runs is kept. */
const UTILISATION = 0.6;
/** Firehose closes a file at this size at the latest. */
const FIREHOSE_FILE_BYTES = 128e6;
/** What one capacity unit of DMS carries. */
const DMS_MB_PER_SECOND = 0.5;
/** Google says that what Datastream counts is 2 to 5 times what the data has. */
const DATASTREAM_FACTOR = 2;
const MAX_BROKER_MB_PER_SECOND = 15;
const MIN_BROKERS = 3;
/** A Fargate task of Debezium, and what it reads from a log in a second. */
const DEBEZIUM_MB_PER_SECOND = 10;
const DEBEZIUM_GB_PER_VCPU = 2;

const rawMbPerSecond = (workload: Workload): number => rawBytesPerSecond(workload) / 1e6;

/** vCPU-hours of work that runs only while there is something to do. */
const cpuHours = (workload: Workload): number => workload.rawBytesPerMonth / 1e6 / MB_PER_CPU_SECOND / 3600;

/** vCPUs of something that always runs. */
const standingCpus = (workload: Workload): number =>
  Math.max(1, Math.ceil(rawMbPerSecond(workload) / MB_PER_CPU_SECOND / UTILISATION));

/** A cluster of three brokers at least, that keeps records of a day three times. */
function kafkaUsage(workload: Workload): Usage {
  const brokers = Math.max(MIN_BROKERS, Math.ceil(rawMbPerSecond(workload) / MAX_BROKER_MB_PER_SECOND));
  return {
    mskBrokerHour: brokers * HOURS_PER_MONTH,
    mskStorageGbMonth: toBilledGb(rawBytesPerSecond(workload) * 86_400 * 3),
  };
}

function firehoseUsage(workload: Workload, recordsTogether: number): Usage {
  const sent = recordsPerMonth(workload) / recordsTogether;
  const gb = toBilledGb(sent * firehoseBytes(workload.recordBytes * recordsTogether));
  return {
    firehoseGb: gb,
    firehoseConversionGb: gb,
    s3Put: workload.rawBytesPerMonth / FIREHOSE_FILE_BYTES,
  };
}

/** What it is compared with: each at the same volume. */
export const OTHER_TOOLS = {
  firehose: {
    name: 'Firehose, one record each',
    billedBy: 'GB, each record rounded up to 5 KB',
    suits: 'append-only events from AWS services, when duplicates and a price per record do no harm',
    assumes: 'conversion to Parquet, no partitioning by field, no deduplication',
    usage: (workload) => firehoseUsage(workload, 1),
  },
  firehosePacked: {
    name: 'Firehose, records packed by the sender',
    billedBy: 'GB, each record rounded up to 5 KB',
    suits: 'append-only events whose senders can pack them, when duplicates do no harm',
    assumes: 'records of 5 KB, conversion to Parquet, no partitioning by field, no deduplication',
    usage: (workload) => firehoseUsage(workload, Math.max(1, Math.floor(5_000 / workload.recordBytes))),
  },
  airflowGlue: {
    name: 'Airflow + Spark (MWAA, Glue)',
    billedBy: 'DPU-hours, and an environment that always runs',
    suits: 'more than 1 TB a day in batches, or jobs that join and aggregate on the way',
    assumes: `${String(MB_PER_CPU_SECOND)} MB/s per vCPU, one small Airflow environment`,
    usage: (workload) => ({ airflowHour: HOURS_PER_MONTH, glueDpuHour: cpuHours(workload) / 4 }),
  },
  airflowEmr: {
    name: 'Airflow + Spark (MWAA, EMR Serverless)',
    billedBy: 'vCPU- and GB-hours, and an environment that always runs',
    suits: 'more than 1 TB a day in batches, by people who know Spark',
    assumes: `${String(MB_PER_CPU_SECOND)} MB/s per vCPU with 4 GB, one small Airflow environment`,
    usage: (workload) => ({
      airflowHour: HOURS_PER_MONTH,
      emrServerlessCpuHour: cpuHours(workload),
      emrServerlessGbHour: 4 * cpuHours(workload),
    }),
  },
  dataflow: {
    name: 'Dataflow (Apache Beam)',
    billedBy: 'vCPU- and GB-hours of workers, GB of data',
    suits: 'data in Google Cloud, or windows, joins and late data on the way',
    assumes: `${String(MB_PER_CPU_SECOND)} MB/s per vCPU at ${String(UTILISATION * 100)} %, 4 GB per vCPU, Streaming Engine`,
    usage: (workload) => ({
      dataflowCpuHour: standingCpus(workload) * HOURS_PER_MONTH,
      dataflowGbHour: 4 * standingCpus(workload) * HOURS_PER_MONTH,
      dataflowStreamingGb: toBilledGb(workload.rawBytesPerMonth),
    }),
  },
  kafkaFlink: {
    name: 'Kafka + Flink (MSK, Managed Flink)',
    billedBy: 'hours of brokers and of KPUs, GB-months kept',
    suits: 'several consumers of one stream, results within a second, or state over streams',
    assumes: `three brokers at least, records kept for a day, ${String(MB_PER_CPU_SECOND)} MB/s per KPU and one KPU more`,
    usage: (workload) => ({
      ...kafkaUsage(workload),
      flinkHour: (standingCpus(workload) + 1) * HOURS_PER_MONTH,
    }),
  },
  kafkaConnect: {
    name: 'Kafka Connect (MSK, MSK Connect)',
    billedBy: 'hours of brokers and of workers, GB-months kept',
    suits: 'records that are in Kafka already',
    assumes: `three brokers at least, records kept for a day, ${String(MB_PER_CPU_SECOND)} MB/s per worker`,
    usage: (workload) => ({
      ...kafkaUsage(workload),
      mskConnectHour: standingCpus(workload) * HOURS_PER_MONTH,
    }),
  },
  mskServerless: {
    name: 'Kafka (MSK Serverless)',
    billedBy: 'cluster-hours and GB',
    suits: 'Kafka clients whose load is not known',
    assumes: 'what is written is read once; what turns it into Parquet comes on top',
    usage: (workload) => ({
      mskServerlessHour: HOURS_PER_MONTH,
      mskServerlessGbIn: toBilledGb(workload.rawBytesPerMonth),
      mskServerlessGbOut: toBilledGb(workload.rawBytesPerMonth),
    }),
  },
  debezium: {
    name: 'Debezium on Fargate → Kinesis',
    billedBy: 'vCPU- and GB-hours of a task that always runs, shards',
    suits: 'every change of a database within seconds, deletes included',
    assumes: `${String(DEBEZIUM_MB_PER_SECOND)} MB/s per task of 1 vCPU and 2 GB; what turns it into Parquet comes on top`,
    usage: (workload) => {
      const tasks = Math.max(1, Math.ceil(rawMbPerSecond(workload) / DEBEZIUM_MB_PER_SECOND));
      const shards = planShards({
        bytesPerSecond: rawBytesPerSecond(workload),
        recordsPerSecond: recordsPerMonth(workload) / SECONDS_PER_MONTH,
      });
      return {
        fargateArmCpuHour: tasks * HOURS_PER_MONTH,
        fargateArmGbHour: tasks * DEBEZIUM_GB_PER_VCPU * HOURS_PER_MONTH,
        kinesisShardHour: shards * HOURS_PER_MONTH,
        kinesisPutUnit: recordsPerMonth(workload) * kinesisPutUnits(workload.recordBytes),
      };
    },
  },
  dms: {
    name: 'DMS Serverless',
    billedBy: 'capacity units per hour, while it runs',
    suits: 'moving a database once',
    assumes: `${String(DMS_MB_PER_SECOND)} MB/s per capacity unit, one at least`,
    usage: (workload) => ({
      dmsServerlessHour:
        Math.max(1, Math.ceil(rawMbPerSecond(workload) / DMS_MB_PER_SECOND)) * HOURS_PER_MONTH,
    }),
  },
  datastream: {
    name: 'Datastream',
    billedBy: 'GiB of changes',
    suits: 'database changes that go to Google Cloud',
    assumes: `what it counts is ${String(DATASTREAM_FACTOR)} times the raw data, the least that its price page names`,
    usage: (workload) => ({ datastreamGb: DATASTREAM_FACTOR * toBilledGb(workload.rawBytesPerMonth) }),
  },
  fivetran: {
    name: 'Fivetran',
    billedBy: 'rows that were active in a month',
    suits: 'many SaaS sources with a ready connector, and nobody to maintain them',
    assumes: 'each record is another row; a row that changes often counts once',
    usage: (workload) => ({ fivetranRow: recordsPerMonth(workload) }),
  },
  stitch: {
    name: 'Stitch',
    billedBy: 'rows',
    suits: 'some SaaS sources with a ready connector, and few rows',
    assumes: 'between its plans',
    usage: (workload) => ({ stitchRow: recordsPerMonth(workload) }),
  },
} as const satisfies Readonly<Record<string, OtherTool>>;

export type OtherToolName = keyof typeof OTHER_TOOLS;

/** What a tool costs at a volume, and where that comes from. */
export interface ToolQuote {
  readonly tool: OtherTool;
  readonly usdPerMonth: number;
  readonly usdPerGb: number;
  readonly bill: Bill;
  /** Pages of its prices. */
  readonly sources: readonly string[];
  /** The oldest of its prices, year and month. */
  readonly asOf: string;
  /** Whether all of its prices were read on the page of their seller. */
  readonly verified: boolean;
}

/** What another tool costs for the same workload. */
export function quoteTool(name: OtherToolName, workload: Workload, prices: PriceTable = PRICES): ToolQuote {
  const tool: OtherTool = OTHER_TOOLS[name];
  const bill = priceUsage(tool.usage(workload), prices);
  const used = bill.lines.map(({ price }) => prices[price]);
  return {
    tool,
    usdPerMonth: bill.usd,
    usdPerGb: bill.usd / (workload.rawBytesPerMonth / 1e9),
    bill,
    sources: [...new Set(used.map(({ source }) => source))],
    asOf: used.map(({ asOf }) => asOf).sort()[0] ?? '',
    verified: used.every(({ verified }) => verified),
  };
}
