// Keeps blocks of words that were made before: most of a screen stands on the one before it, too. It never grows without end.
import type { Block, Typesetter } from './blocks.ts';

/** A screen with a QR tries some sixty blocks before they fit; an amount is a new one with each key. */
const maxBlocks = 300;

export function createBlockMemory(): Typesetter['remember'] {
  const blocks = new Map<string, Block>();
  return (key, make) => {
    const known = blocks.get(key);
    if (known !== undefined) return known;
    const block = make();
    if (blocks.size >= maxBlocks) blocks.clear();
    blocks.set(key, block);
    return block;
  };
}
