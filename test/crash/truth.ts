const MAX_GAPS = 5;

/** What one writer has sent: the numbers of its records, each once however often it was sent. */
export interface Sent {
  /** Records that must be in the lake. */
  readonly valid: ReadonlySet<number>;
  /** Records that violate their contract, and must be in quarantine. */
  readonly violating: ReadonlySet<number>;
}

/** A row that stands in a file of the lake. */
export interface FoundRow {
  readonly zone: 'raw' | 'quarantine';
  readonly writer: string;
  readonly n: number;
}

/** What the lake holds of one writer. */
export interface Truth {
  /** Records that are nowhere. */
  readonly lost: number;
  /** Rows beyond the one that belongs there. */
  readonly duplicated: number;
  /** First and last number of the first runs of lost records, for people. */
  readonly gaps: readonly (readonly [from: number, to: number])[];
}

/**
 * Holds the rows of the lake against what was sent. A row in the wrong zone is no row of its record, and one too many
 * where it is; so is a row that nobody has sent.
 *
 * @returns by writer; a writer that has sent nothing is there if the lake has rows of it
 */
export function compareLake(
  sent: ReadonlyMap<string, Sent>,
  rows: readonly FoundRow[],
): ReadonlyMap<string, Truth> {
  const times = new Map<string, Map<string, number>>();
  for (const { writer, zone, n } of rows) {
    const ofWriter = times.get(writer) ?? new Map<string, number>();
    const name = `${zone}/${String(n)}`;
    ofWriter.set(name, (ofWriter.get(name) ?? 0) + 1);
    times.set(writer, ofWriter);
  }
  const truths = new Map<string, Truth>();
  for (const writer of new Set([...sent.keys(), ...times.keys()])) {
    const ofWriter = times.get(writer) ?? new Map<string, number>();
    const { valid = new Set<number>(), violating = new Set<number>() } = sent.get(writer) ?? {};
    const expected = new Map<string, number>([
      ...[...valid].map((n) => [`raw/${String(n)}`, n] as const),
      ...[...violating].map((n) => [`quarantine/${String(n)}`, n] as const),
    ]);
    const missing = [...expected].filter(([name]) => !ofWriter.has(name)).map(([, n]) => n);
    let duplicated = 0;
    for (const [name, count] of ofWriter) duplicated += expected.has(name) ? count - 1 : count;
    truths.set(writer, { lost: missing.length, duplicated, gaps: toRuns(missing).slice(0, MAX_GAPS) });
  }
  return truths;
}

function toRuns(numbers: readonly number[]): (readonly [number, number])[] {
  const runs: [number, number][] = [];
  for (const n of numbers.toSorted((a, b) => a - b)) {
    const last = runs.at(-1);
    if (last?.[1] === n - 1) last[1] = n;
    else runs.push([n, n]);
  }
  return runs;
}
