// What of a screen is painted anew when it follows another one: a key changes one line of it, the rest stands. PURE. It must
// never leave out a row in which the two differ.
import type { Box } from './blit.ts';
import type { Item } from './blocks.ts';
import type { Layout } from './layout.ts';
import type { RowRun } from './rows.ts';

/** The rows in which the layouts may differ, their QR aside; undefined: in all of them. */
export function rowsToRepaint(before: Layout, after: Layout, height: number): RowRun | undefined {
  if (before.ground !== after.ground || !sameQr(before.qr, after.qr)) return undefined;
  const [old, fresh] = [before.items, after.items];
  const shorter = Math.min(old.length, fresh.length);
  let same = 0;
  while (same < shorter && isSame(old[same], fresh[same])) same++;
  let [oldEnd, freshEnd] = [old.length, fresh.length];
  while (oldEnd > same && freshEnd > same && isSame(old[oldEnd - 1], fresh[freshEnd - 1])) {
    oldEnd--;
    freshEnd--;
  }
  const changed = [...old.slice(same, oldEnd), ...fresh.slice(same, freshEnd)];
  if (changed.length === 0) return { first: 0, count: 0 };
  const first = Math.max(0, Math.min(...changed.map(({ box }) => box.y)));
  const end = Math.min(height, Math.max(...changed.map(({ box }) => box.y + box.height)));
  return { first, count: Math.max(0, end - first) };
}

function sameQr(a: Layout['qr'], b: Layout['qr']): boolean {
  return a?.modulePx === b?.modulePx && isSameBox(a?.box, b?.box);
}

function isSame(a: Item | undefined, b: Item | undefined): boolean {
  if (a?.colour !== b?.colour || !isSameBox(a?.box, b?.box)) return false;
  if (a?.kind === 'fill') return b?.kind === 'fill' && a.radius === b.radius;
  return b?.kind === 'text' && a?.text === b.text && a.sizePx === b.sizePx && a.bold === b.bold;
}

function isSameBox(a: Box | undefined, b: Box | undefined): boolean {
  return a?.x === b?.x && a?.y === b?.y && a?.width === b?.width && a?.height === b?.height;
}
