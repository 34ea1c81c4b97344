import { Annotations, Stack } from 'aws-cdk-lib/core';
import { CfnDatabase, CfnTable } from 'aws-cdk-lib/aws-glue';
import type { IBucket } from 'aws-cdk-lib/aws-s3';
import { Construct } from 'constructs';
import type { HeadgateConfig } from '../../shared/config/schema.ts';
import { toContract } from '../../shared/domain/to-contract.ts';
import { type CatalogTable, planQuarantineTable, planSourceTable } from '../catalog/plan-table.ts';

/** Source under which records that belong to none are quarantined. */
const UNKNOWN_SOURCE = 'unknown';

/** The Glue catalog of the lake: a database of landed records and one of quarantined ones, a table per source. */
export class LakeCatalog extends Construct {
  /** The database of landed records. */
  readonly databaseName: string;

  constructor(scope: Construct, id: string, config: HeadgateConfig, lake: IBucket) {
    super(scope, id);
    // Athena wants names with hyphens quoted.
    this.databaseName = config.name.replaceAll('-', '_');
    const raw = this.database('Raw', this.databaseName, `Headgate ${config.name}: landed records`);
    const quarantine = this.database(
      'Quarantine',
      `${this.databaseName}_quarantine`,
      `Headgate ${config.name}: records that could not land`,
    );
    for (const [name, source] of Object.entries(config.sources)) {
      const contract = toContract(source.contract.schema);
      const table = planSourceTable(name, source, contract);
      this.table(`Raw-${name}`, raw, table, lake);
      if (table.unexpressed.length > 0) {
        Annotations.of(this).addWarningV2(
          `headgate:catalog-${name}`,
          `sources.${name}.contract.schema: Athena cannot express ${table.unexpressed.join(', ')}, because nested ` +
            'fields have names other than letters, digits and "_". They are in the Parquet files; read them there.',
        );
      }
    }
    for (const name of new Set([...Object.keys(config.sources), UNKNOWN_SOURCE])) {
      this.table(`Quarantine-${name}`, quarantine, planQuarantineTable(name), lake);
    }
  }

  private database(id: string, name: string, description: string): CfnDatabase {
    return new CfnDatabase(this, id, {
      catalogId: Stack.of(this).account,
      databaseName: name,
      databaseInput: { name, description },
    });
  }

  private table(id: string, database: CfnDatabase, table: CatalogTable, lake: IBucket): void {
    new CfnTable(this, id, {
      catalogId: Stack.of(this).account,
      databaseName: database.ref,
      tableInput: {
        name: table.name,
        description: table.description,
        tableType: 'EXTERNAL_TABLE',
        partitionKeys: [...table.partitions],
        parameters: {
          EXTERNAL: 'TRUE',
          classification: 'parquet',
          'projection.enabled': 'true',
          ...table.projection,
        },
        storageDescriptor: {
          columns: [...table.columns],
          location: lake.s3UrlForObject(table.prefix),
          inputFormat: 'org.apache.hadoop.hive.ql.io.parquet.MapredParquetInputFormat',
          outputFormat: 'org.apache.hadoop.hive.ql.io.parquet.MapredParquetOutputFormat',
          serdeInfo: { serializationLibrary: 'org.apache.hadoop.hive.ql.io.parquet.serde.ParquetHiveSerDe' },
        },
      },
    });
  }
}
