/** A JSON Schema 2020-12 document, as data. */
export type JsonSchema = Readonly<Record<string, unknown>>;

/**
 * The type of a lake column. Each has one DuckDB and one Parquet type; `json` is text that holds any JSON value,
 * for what the schema leaves open. A `timestamp` is an instant, a `local-timestamp` a date and time of no zone, both in
 * microseconds.
 */
export type ColumnType =
  | {
      readonly kind:
        | 'string'
        | 'int32'
        | 'int64'
        | 'float'
        | 'double'
        | 'boolean'
        | 'timestamp'
        | 'local-timestamp'
        | 'date'
        | 'uuid'
        | 'json'
        | 'bytes';
    }
  | {
      readonly kind: 'decimal';
      /** Digits altogether: 1 to 38. */
      readonly precision: number;
      /** Digits behind the point: 0 to `precision`. */
      readonly scale: number;
    }
  | { readonly kind: 'list'; readonly element: ColumnType }
  | { readonly kind: 'struct'; readonly fields: readonly Column[] };

/** A named column, or a field of a struct. */
export interface Column {
  readonly name: string;
  readonly type: ColumnType;
}

/** What records of a source must look like, and the lake columns that follow from it. */
export interface Contract {
  /** First 12 hex digits of the SHA-256 of the canonical schema: the same schema has the same version anywhere. */
  readonly version: string;
  readonly schema: JsonSchema;
  readonly columns: readonly Column[];
}

/** One rule that a record breaks. */
export interface Violation {
  /** The field, as a path joined by dots; empty for the record itself. */
  readonly field: string;
  /** The rule's name, for example `type`, `required`, `precision`, `depth`. */
  readonly rule: string;
  /** A sentence for people, which names the field, the problem and what is allowed. */
  readonly message: string;
}
