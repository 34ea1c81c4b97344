import { periodsOf, type Range, type Series } from './metric-history.ts';

/*
 * The part of CloudWatch's metric math that alarms of the templates use, as its documentation has it:
 * https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/using-metric-math.html
 * An expression with anything else is refused, so that no alarm is tested by a wrong guess.
 */

type Value = number | Series;

/** What is not documented, and is tried both ways. */
export interface MathDoubts {
  /** FILL gives values for a metric that has none at all in the range. */
  readonly fillsEmptySeries: boolean;
}

interface Context {
  readonly series: ReadonlyMap<string, Series>;
  readonly range: Range;
  readonly doubts: MathDoubts;
}

type Expression = (context: Context) => Value;

/**
 * Evaluates an expression over series by id.
 *
 * @throws Error for syntax that is not known here, and for a result that is no series
 */
export function evaluateMath(
  text: string,
  series: ReadonlyMap<string, Series>,
  range: Range,
  doubts: MathDoubts,
): Series {
  const value = parse(text)({ series, range, doubts });
  if (typeof value === 'number') throw new Error(`${text} is a number; an alarm needs a series`);
  return value;
}

const TOKEN = /\s*(?:(\d+(?:\.\d+)?)|([A-Za-z_]\w*)|(<=|>=|==|!=|[-+*/(),<>]))/y;

function tokenise(text: string): string[] {
  const tokens: string[] = [];
  TOKEN.lastIndex = 0;
  const end = text.trimEnd().length;
  while (TOKEN.lastIndex < end) {
    const at = TOKEN.lastIndex;
    const match = TOKEN.exec(text);
    if (match === null) throw new Error(`cannot read metric math from ${JSON.stringify(text.slice(at))}`);
    tokens.push(match[0].trim());
  }
  return tokens;
}

/** Binary operators by how tightly they bind. */
const LEVELS: readonly Readonly<Record<string, (a: number, b: number) => number>>[] = [
  { OR: (a, b) => Number(a !== 0 || b !== 0) },
  { AND: (a, b) => Number(a !== 0 && b !== 0) },
  {
    '<': (a, b) => Number(a < b),
    '>': (a, b) => Number(a > b),
    '<=': (a, b) => Number(a <= b),
    '>=': (a, b) => Number(a >= b),
    '==': (a, b) => Number(a === b),
    '!=': (a, b) => Number(a !== b),
  },
  { '+': (a, b) => a + b, '-': (a, b) => a - b },
  { '*': (a, b) => a * b, '/': (a, b) => a / b },
];

function parse(text: string): Expression {
  const tokens = tokenise(text);
  let next = 0;
  const take = (): string => tokens[next++] ?? '';
  const expect = (token: string): void => {
    const found = take();
    if (found !== token) throw new Error(`${text}: expected ${token}, found ${found || 'its end'}`);
  };
  const binary = (level: number): Expression => {
    const operators = LEVELS[level];
    if (operators === undefined) return unary();
    let left = binary(level + 1);
    for (;;) {
      const operator = operators[tokens[next] ?? ''];
      if (operator === undefined) return left;
      next++;
      const [a, b] = [left, binary(level + 1)];
      left = (context) => combine(operator, a(context), b(context));
    }
  };
  const unary = (): Expression => {
    if (tokens[next] !== '-') return primary();
    next++;
    const operand = unary();
    return (context) => combine((a, b) => a - b, 0, operand(context));
  };
  const primary = (): Expression => {
    const token = take();
    if (token === '(') {
      const inner = binary(0);
      expect(')');
      return inner;
    }
    if (/^\d/.test(token)) return () => Number(token);
    if (tokens[next] !== '(') {
      return ({ series }) => {
        const found = series.get(token);
        if (found === undefined) throw new Error(`${text}: no metric ${token}`);
        return found;
      };
    }
    next++;
    const args = [binary(0)];
    while (tokens[next] === ',') {
      next++;
      args.push(binary(0));
    }
    expect(')');
    return call(token, args, text);
  };
  const whole = binary(0);
  if (next !== tokens.length) throw new Error(`${text}: what is ${tokens.slice(next).join(' ')}?`);
  return whole;
}

function call(name: string, args: readonly Expression[], text: string): Expression {
  const [first, second, third] = args;
  if (name === 'FILL' && first !== undefined && second !== undefined && args.length === 2) {
    return (context) => fill(first(context), second(context), context);
  }
  if (name === 'IF' && first !== undefined && second !== undefined && args.length <= 3) {
    return (context) => choose(first(context), second(context), third?.(context));
  }
  throw new Error(`${text}: ${name} with ${String(args.length)} arguments is not known here`);
}

/**
 * Missing values count as 0 beside one that is there; a division by zero has no value. Where both are missing there is
 * nothing to compute.
 */
function combine(operator: (a: number, b: number) => number, a: Value, b: Value): Value {
  if (typeof a === 'number' && typeof b === 'number') return operator(a, b);
  const times = new Set([...timesOf(a), ...timesOf(b)]);
  const result = new Map<number, number>();
  for (const time of times) {
    const value = operator(valueAt(a, time) ?? 0, valueAt(b, time) ?? 0);
    if (Number.isFinite(value)) result.set(time, value);
  }
  return result;
}

function fill(value: Value, filler: Value, { range, doubts }: Context): Series {
  if (typeof value === 'number') throw new Error('FILL takes a series');
  if (value.size === 0 && !doubts.fillsEmptySeries) return value;
  const filled = new Map<number, number>();
  for (const time of periodsOf(range)) {
    const found = value.get(time) ?? valueAt(filler, time);
    if (found !== undefined) filled.set(time, found);
  }
  return filled;
}

function choose(condition: Value, then: Value, otherwise: Value | undefined): Value {
  if (typeof condition === 'number') throw new Error('IF takes a series as its condition');
  const result = new Map<number, number>();
  for (const [time, isTrue] of condition) {
    const value = isTrue !== 0 ? (valueAt(then, time) ?? 0) : valueAt(otherwise, time);
    if (value !== undefined) result.set(time, value);
  }
  return result;
}

const timesOf = (value: Value): Iterable<number> => (typeof value === 'number' ? [] : value.keys());

function valueAt(value: Value | undefined, time: number): number | undefined {
  return typeof value === 'object' ? value.get(time) : value;
}
