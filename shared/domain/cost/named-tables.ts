/** What may stand around the parts of a name in SQL. */
const QUOTES = '["`]?';

/** SQL without comments and text: a table that is named there is not read. */
const withoutText = (sql: string): string => sql.replace(/--[^\n]*|\/\*[\s\S]*?\*\/|'(?:[^']|'')*'/g, ' ');

/**
 * The tables that a statement names, behind FROM, JOIN or a comma.
 *
 * @param database of `tables`
 * @param current database that names without one are of
 */
export function namedTables(
  sql: string,
  tables: readonly string[],
  database: string,
  current: string | undefined,
): readonly string[] {
  const text = withoutText(sql);
  return tables.filter((table) => {
    const prefix =
      current === database ? `(?:${QUOTES}${database}${QUOTES}\\.)?` : `${QUOTES}${database}${QUOTES}\\.`;
    const place = new RegExp(
      `(?:\\bfrom|\\bjoin|,)\\s+(?:${QUOTES}awsdatacatalog${QUOTES}\\.)?${prefix}${QUOTES}${table}${QUOTES}(?![\\w.$-])`,
      'i',
    );
    return place.test(text);
  });
}
