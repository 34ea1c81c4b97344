/*
 * `numeric` as PostgreSQL sends it: four int16 (number of digits, weight, sign, digits behind the point as shown) and
 * base-10000 digits, the first of which stands for 10000^weight. No zero digits at either end.
 * https://github.com/postgres/postgres/blob/master/src/backend/utils/adt/numeric.c (numeric_send)
 */

const HEADER_BYTES = 8;
const NEGATIVE = 0x4000;
const SPECIAL: Readonly<Record<number, string>> = {
  0xc000: 'NaN',
  0xd000: 'Infinity',
  0xf000: '-Infinity',
};
/** 10^12 times 10^3 is still exact as a double. */
const SAFE_DIGITS = 3;

const POWERS = Array.from({ length: 39 }, (_, i) => 10n ** BigInt(i));

/**
 * A numeric times 10^scale, exactly.
 *
 * @returns undefined when it does not fit into decimal(precision, scale): too large, more digits behind the point, or
 *   no number (NaN, Infinity)
 */
export function readNumeric(
  view: DataView,
  start: number,
  precision: number,
  scale: number,
): number | bigint | undefined {
  const count = view.getInt16(start);
  const weight = view.getInt16(start + 2);
  const sign = view.getUint16(start + 4);
  if (sign > NEGATIVE) return undefined;
  if (count === 0) return 0;
  // The power of ten that the last digit stands for, after scaling.
  const exponent = 4 * (weight - count + 1) + scale;
  // Its last digit is not zero, so something would be left behind the scale.
  if (exponent < -3) return undefined;
  if (4 * weight + scale > 38) return undefined;
  return count <= SAFE_DIGITS && exponent <= SAFE_DIGITS
    ? readSmall(view, start, count, exponent, sign === NEGATIVE, precision)
    : readLarge(view, start, count, exponent, sign === NEGATIVE, precision);
}

function readSmall(
  view: DataView,
  start: number,
  count: number,
  exponent: number,
  isNegative: boolean,
  precision: number,
): number | undefined {
  let value = 0;
  for (let i = 0; i < count; i += 1) value = value * 10_000 + view.getInt16(start + HEADER_BYTES + 2 * i);
  if (exponent >= 0) value *= 10 ** exponent;
  else {
    const divisor = 10 ** -exponent;
    if (value % divisor !== 0) return undefined;
    value /= divisor;
  }
  if (value >= 10 ** precision) return undefined;
  return isNegative ? -value : value;
}

function readLarge(
  view: DataView,
  start: number,
  count: number,
  exponent: number,
  isNegative: boolean,
  precision: number,
): bigint | undefined {
  let value = 0n;
  for (let i = 0; i < count; i += 1)
    value = value * 10_000n + BigInt(view.getInt16(start + HEADER_BYTES + 2 * i));
  if (exponent >= 0) value *= POWERS[exponent] as bigint;
  else {
    const divisor = POWERS[-exponent] as bigint;
    if (value % divisor !== 0n) return undefined;
    value /= divisor;
  }
  if (value >= (POWERS[precision] as bigint)) return undefined;
  return isNegative ? -value : value;
}

/** A numeric as the database writes it. */
export function numericToText(view: DataView, start: number): string {
  const count = view.getInt16(start);
  const weight = view.getInt16(start + 2);
  const sign = view.getUint16(start + 4);
  const special = SPECIAL[sign];
  if (special !== undefined) return special;
  const shown = view.getUint16(start + 6);
  const digit = (power: number): string => {
    const i = weight - power;
    const value = i >= 0 && i < count ? view.getInt16(start + HEADER_BYTES + 2 * i) : 0;
    return String(value).padStart(4, '0');
  };
  let whole = '';
  for (let power = Math.max(weight, 0); power >= 0; power -= 1) whole += digit(power);
  let fraction = '';
  for (let power = -1; fraction.length < shown; power -= 1) fraction += digit(power);
  return (
    (sign === NEGATIVE ? '-' : '') +
    whole.replace(/^0+(?=\d)/, '') +
    (shown > 0 ? `.${fraction.slice(0, shown)}` : '')
  );
}
