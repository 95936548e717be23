// What a new configuration changes against the one before it, for the person who pushes it: settings by name, of the
// catalogue how many items. PURE.

type Settings = Readonly<Record<string, unknown>>;

/** One line for each thing that changes; none: they are the same. */
export function configChanges(before: Settings, after: Settings): string[] {
  const names = [...new Set([...Object.keys(before), ...Object.keys(after)])].sort();
  return names.flatMap((name) => {
    const [was, is] = [before[name], after[name]];
    if (sameText(was, is)) return [];
    if (name === 'catalogue') return [`catalogue: ${itemChanges(groupOf(was), groupOf(is))}`];
    if (!isGroup(was) && !isGroup(is)) return [`${name}: ${wayOf(was, is)}`];
    const [one, other] = [groupOf(was), groupOf(is)];
    const inner = [...new Set([...Object.keys(one), ...Object.keys(other)])].sort();
    return inner
      .filter((key) => !sameText(one[key], other[key]))
      .map((key) => `${name}.${key}: ${wayOf(one[key], other[key])}`);
  });
}

/** Values stay out of it: one of them is a secret. */
function wayOf(was: unknown, is: unknown): string {
  if (was === undefined) return 'set';
  return is === undefined ? "the machine's own again" : 'changed';
}

function itemChanges(was: Settings, is: Settings): string {
  // Their own: a barcode may be a word that every object knows.
  const added = Object.keys(is).filter((name) => !Object.hasOwn(was, name));
  const removed = Object.keys(was).filter((name) => !Object.hasOwn(is, name));
  const stay = Object.keys(is).filter((name) => Object.hasOwn(was, name));
  const changed = stay.filter((name) => !sameText(was[name], is[name]));
  return `${added.length} added, ${removed.length} removed, ${changed.length} changed`;
}

function isGroup(value: unknown): value is Settings {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function groupOf(value: unknown): Settings {
  return isGroup(value) ? value : {};
}

/** Whatever the order of the names. */
function sameText(one: unknown, other: unknown): boolean {
  return JSON.stringify(sorted(one)) === JSON.stringify(sorted(other));
}

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (!isGroup(value)) return value;
  const names = Object.keys(value).sort();
  return Object.fromEntries(names.map((name) => [name, sorted(value[name])]));
}
