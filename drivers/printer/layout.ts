// Lines of a fixed number of columns. PURE. Nothing is ever cut off: what does not fit goes on in the next line.

/**
 * Breaks text into lines of at most `columns` characters: at spaces where it can, inside a word that is longer than a
 * line where it must. Line feeds break too. A line that fits is left as it is, its spaces included.
 */
export function wrap(text: string, columns: number): string[] {
  if (text.length <= columns && !text.includes('\n')) return [text.trimEnd()];
  return text.split('\n').flatMap((line) => wrapLine(line.trimEnd(), columns));
}

function wrapLine(line: string, columns: number): string[] {
  const lines: string[] = [];
  let rest = line;
  while (rest.length > columns) {
    const space = rest.lastIndexOf(' ', columns);
    const head = space > 0 ? rest.slice(0, space).trimEnd() : '';
    if (head === '') {
      lines.push(rest.slice(0, columns));
      rest = rest.slice(columns).trimStart();
    } else {
      lines.push(head);
      rest = rest.slice(space + 1).trimStart();
    }
  }
  return [...lines, rest];
}

/**
 * Left and right text on one line, the right one against the edge. When both do not fit, the left one is wrapped
 * first, and the right one takes a line of its own if the last left line leaves no room.
 */
export function pairLines(left: string, right: string, columns: number): string[] {
  const lefts = wrap(left, columns);
  const rights = wrap(right, columns);
  const last = lefts.at(-1) ?? '';
  const first = rights[0] ?? '';
  const gap = columns - last.length - first.length;
  if (gap >= 1 || last === '') {
    const joined = last + ' '.repeat(Math.max(gap, 0)) + first;
    return [...lefts.slice(0, -1), joined, ...rights.slice(1).map((one) => one.padStart(columns))];
  }
  return [...lefts, ...rights.map((one) => one.padStart(columns))];
}
