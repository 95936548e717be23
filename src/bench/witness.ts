// Watches the devices for the check and remembers when each thing happened. Looks, and touches nothing.
import type { Frame } from '../../drivers/device.ts';
import type { Sheet } from '../../drivers/printer/simulator.ts';
import type { Clock } from '../lib/clock.ts';
import type { Happening, VirtualDevices } from './devices.ts';
import { CheckFailure } from './check-table.ts';
import { qrOnPaper, qrOnScreen, sameFrame } from './reading.ts';

export interface Witness {
  /** Resolves with the moment of the first screen from now on that is this one in every pixel. @throws CheckFailure */
  screen(expected: Frame, what: string, limitMs: number): Promise<number>;
  /** The next QR on screen or paper that was not seen before. @throws CheckFailure */
  freshQr(limitMs: number): Promise<{ text: string; atMs: number }>;
  /** A slip, printed since `sinceMs`, with all of these words. @throws CheckFailure */
  slip(words: readonly string[], sinceMs: number, limitMs: number): Promise<number>;
  /** The first motor pulse since `sinceMs`. @throws CheckFailure */
  pulse(sinceMs: number, limitMs: number): Promise<number>;
  /** Motor pulses so far, of all sales. */
  pulses(): number;
  close(): void;
}

type Seen = Happening & { atMs: number };

/** A check of a minute has some hundred of these; frames are not kept. */
const maxKept = 1000;

interface Sight {
  /** Shows everything kept, the screen of this moment, and all that comes, until `look` finds something. */
  until: <T>(what: string, limitMs: number, look: (seen: Seen) => T | undefined) => Promise<T>;
  kept: readonly Seen[];
  end: () => void;
}

function openSight(devices: Pick<VirtualDevices, 'watch'>, clock: Clock): Sight {
  const kept: Seen[] = [];
  const looks = new Set<(seen: Seen) => void>();
  let frame: { frame: Frame; atMs: number } | undefined;
  const end = devices.watch((happening) => {
    const seen = { ...happening, atMs: clock.monotonicMs() };
    if (seen.kind === 'frame') frame = seen;
    else if (kept.length < maxKept) kept.push(seen);
    for (const look of looks) look(seen);
  });

  const until = async <T>(
    what: string,
    limitMs: number,
    look: (seen: Seen) => T | undefined,
  ): Promise<T> => {
    const found = Promise.withResolvers<T>();
    let done = false;
    const show = (seen: Seen): void => {
      if (done) return;
      const value = look(seen);
      if (value === undefined) return;
      done = true;
      found.resolve(value);
    };
    const cancel = clock.after(limitMs, () => {
      found.reject(new CheckFailure(`waited ${limitMs / 1000} s in vain for ${what}`));
    });
    looks.add(show);
    if (frame !== undefined) show({ kind: 'frame', ...frame });
    kept.forEach(show);
    try {
      return await found.promise;
    } finally {
      cancel();
      looks.delete(show);
    }
  };

  return { until, kept, end };
}

export function createWitness(devices: Pick<VirtualDevices, 'watch'>, clock: Clock): Witness {
  const { until, kept, end } = openSight(devices, clock);
  const known = new Set<string>();
  return {
    screen: (expected, what, limitMs) =>
      until(`the screen "${what}"`, limitMs, (seen) =>
        seen.kind === 'frame' && sameFrame(seen.frame, expected) ? seen.atMs : undefined,
      ),
    freshQr: (limitMs) =>
      until('a QR that can be read', limitMs, (seen) => {
        const text = qrOf(seen);
        if (text === undefined || known.has(text)) return undefined;
        known.add(text);
        return { text, atMs: seen.atMs };
      }),
    slip: (words, sinceMs, limitMs) =>
      until(`a slip with ${words.join(', ')}`, limitMs, (seen) =>
        seen.kind === 'paper' && seen.atMs >= sinceMs && hasWords(seen.sheet, words)
          ? seen.atMs
          : undefined,
      ),
    pulse: (sinceMs, limitMs) =>
      until('a pulse of the dispenser', limitMs, (seen) =>
        seen.kind === 'pulse' && seen.atMs >= sinceMs ? seen.atMs : undefined,
      ),
    pulses: () => kept.filter(({ kind }) => kind === 'pulse').length,
    close: () => {
      end();
    },
  };
}

function qrOf(seen: Seen): string | undefined {
  if (seen.kind === 'frame') return qrOnScreen(seen.frame);
  return seen.kind === 'paper' ? qrOnPaper(seen.sheet) : undefined;
}

function hasWords(sheet: Sheet, words: readonly string[]): boolean {
  const text = sheet.text.join('\n');
  return words.every((word) => text.includes(word));
}
