// What a reading of the machine's health means, by codes that a person can act on. PURE. None of them stops a sale.
import type { ErrorCode } from '../protocol/errors.ts';
import type { Card, Hardware } from './hardware.ts';
import type { PartHealth } from './state.ts';

/** What is watched beside the parts of a sale; the relay hears of them in the status, under these names. */
export const hardwareParts = ['power', 'heat', 'card', 'clock'] as const;
export type HardwarePart = (typeof hardwareParts)[number];
/** Only what this machine tells. */
export type HardwareHealth = Readonly<Partial<Record<HardwarePart, PartHealth>>>;

/** From here on a Raspberry Pi makes itself slower. */
const hotC = 80;
/**
 * So often may a card have been written from end to end. Cheap ones are made for some 1,000 erasures, and a small synced
 * write costs about five times its bytes; with both guessed, this says "bring another card", not "it is dead".
 */
const wornAfterFullWrites = 200;
/** Of an eMMC that counts for itself. */
const wornPercent = 90;

/** @param clockOffsetMs the relay's signed time minus ours, 0 when they agree; undefined: not heard */
export function hardwareHealth(
  { undervoltage, temperatureC, fileSystemErrors, card }: Hardware,
  clockOffsetMs?: number,
): HardwareHealth {
  const wear = card === undefined ? undefined : isWorn(card);
  return {
    ...told('power', undervoltage, 'power-low'),
    ...told('heat', temperatureC === undefined ? undefined : temperatureC >= hotC, 'machine-hot'),
    ...told('card', wear, 'card-worn'),
    // A file system that is damaged matters more than an estimate, and a well one does not hide that estimate.
    ...told('card', (fileSystemErrors ?? 0) > 0 || undefined, 'card-errors'),
    ...told('clock', clockOffsetMs === undefined ? undefined : clockOffsetMs !== 0, 'clock-skew'),
  };
}

/** The codes alone, each once. */
export function hardwareCodes(health: HardwareHealth): readonly ErrorCode[] {
  return Object.values(health).flatMap((part) => (part.ok ? [] : [part.code]));
}

function isWorn(card: Card): boolean {
  if (card.lifeUsedPercent !== undefined) return card.lifeUsedPercent > wornPercent;
  return fullWrites(card) >= wornAfterFullWrites;
}

/** How often the whole card was written, by what is known of it. */
export function fullWrites({ sizeBytes, writtenBytes, lifetimeWrittenBytes = 0 }: Card): number {
  return Math.max(writtenBytes, lifetimeWrittenBytes) / sizeBytes;
}

function told(part: HardwarePart, isIll: boolean | undefined, code: ErrorCode): HardwareHealth {
  if (isIll === undefined) return {};
  return { [part]: isIll ? { ok: false, code } : { ok: true } };
}
