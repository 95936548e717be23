// Where things lie on a kiosk's card. PURE: from the card's table of partitions to what must be changed, or why nothing
// may be. A card that anything but a freshly flashed Raspberry Pi OS lies on is never touched.

export const partitionLabel = 'kios-data';
export const sectorBytes = 512;
/** The root ends here at the latest, counted from the card's first byte: the system of a kiosk takes some 3 GB. */
const rootEndBytes = 6e9;
/** Journal, releases, clock and logs of years. */
const minDataBytes = 1e9;
/** No card is larger; a laptop's own disk is. */
const maxCardBytes = 260e9;
/** Erase blocks of cards: partitions begin and end at their multiples. */
const alignment = (4 * 1024 * 1024) / sectorBytes;
// MBR types: FAT16, FAT32, FAT32 and FAT16 by LBA; Linux.
const bootTypes = ['6', 'b', 'c', 'e'];
const linuxType = '83';

/** As `sfdisk --json` says it; sizes and starts in sectors. */
export interface PartitionTable {
  label: string;
  sectorsize?: number | undefined;
  partitions: readonly { start: number; size: number; type: string }[];
}

/** In sectors, from the card's first. */
export interface Extent {
  start: number;
  size: number;
}

export type CardPlan =
  | { kind: 'refused'; why: string }
  | { kind: 'prepared' }
  | { kind: 'change'; root: Extent & { grows: boolean }; data: Extent };

/**
 * @param bytes the size of the card
 * @param dataIsOurs a third partition carries our label
 */
export function planCard(table: PartitionTable, bytes: number, dataIsOurs: boolean): CardPlan {
  const [boot, root, third, ...more] = table.partitions;
  if (bytes > maxCardBytes) return refused(`it holds ${inGb(bytes)}: that is a disk, not a card`);
  if (bytes < rootEndBytes + minDataBytes) {
    return refused(
      `it holds ${inGb(bytes)}: a kiosk needs a card of ${inGb(rootEndBytes + minDataBytes)} or more`,
    );
  }
  const isRaspberry =
    table.label === 'dos' &&
    (table.sectorsize ?? sectorBytes) === sectorBytes &&
    boot !== undefined &&
    root !== undefined &&
    bootTypes.includes(boot.type.toLowerCase()) &&
    root.type === linuxType &&
    root.start > boot.start;
  if (!isRaspberry || more.length > 0 || (third !== undefined && !dataIsOurs)) {
    return refused('what is on it is not a freshly flashed Raspberry Pi OS');
  }
  if (third !== undefined) return { kind: 'prepared' };
  const end = alignDown(rootEndBytes / sectorBytes);
  if (root.start + root.size > end) {
    return refused(
      'its root has grown already, and cannot shrink: flash it again, and prepare it before its first boot',
    );
  }
  const size = end - root.start;
  return {
    kind: 'change',
    root: { start: root.start, size, grows: size > root.size },
    data: { start: end, size: alignDown(bytes / sectorBytes) - end },
  };
}

function refused(why: string): CardPlan {
  return { kind: 'refused', why };
}

function alignDown(sectors: number): number {
  return Math.floor(sectors / alignment) * alignment;
}

/** For a person: `31.9 GB`. */
export function inGb(bytes: number): string {
  return `${(bytes / 1e9).toFixed(1)} GB`;
}
