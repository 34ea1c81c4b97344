const SPECIAL = /[\\^$.|+()[\]]/;

/**
 * A pattern of object names as a test: `*` is anything but a slash, `**` anything (with a slash after it also nothing),
 * `?` one character but a slash, `{a,b}` one of several. Everything else stands for itself.
 *
 * Names that lead out of the location when somebody joins them to a path (`..`, a leading slash) never match.
 */
export function toObjectPattern(pattern: string): (name: string) => boolean {
  let text = '';
  let braces = 0;
  for (let i = 0; i < pattern.length; i++) {
    const char = pattern.charAt(i);
    if (char === '*' && pattern.charAt(i + 1) === '*') {
      const isFolder = pattern.charAt(i + 2) === '/';
      text += isFolder ? '(?:.*/)?' : '.*';
      i += isFolder ? 2 : 1;
    } else if (char === '*') text += '[^/]*';
    else if (char === '?') text += '[^/]';
    else if (char === '{' && pattern.includes('}', i)) {
      braces++;
      text += '(?:';
    } else if (char === '}' && braces > 0) {
      braces--;
      text += ')';
    } else if (char === ',' && braces > 0) text += '|';
    else text += SPECIAL.test(char) || char === '{' || char === '}' ? `\\${char}` : char;
  }
  const expression = new RegExp(`^${text}${')'.repeat(braces)}$`, 'su');
  return (name) => expression.test(name) && !isEscaping(name);
}

/** What all names that match a pattern begin with. */
export function literalPrefix(pattern: string): string {
  return /^[^*?{]*/.exec(pattern)?.[0] ?? '';
}

/** A folder is no object, and a name that climbs is none that anybody needs. */
function isEscaping(name: string): boolean {
  return name === '' || name.startsWith('/') || name.endsWith('/') || name.split('/').includes('..');
}
