// The drivers' contracts on the devices that this machine really has and that the environment names; a visible skip,
// with its reason, for every other kind. A device that is not named is never opened: it may be somebody's keyboard.
import { readFile } from 'node:fs/promises';
import { describe, expect, test } from 'vitest';
import { createDispenser } from '../../drivers/dispenser/dispenser.ts';
import { createDisplay } from '../../drivers/display/display.ts';
import { createKeypad } from '../../drivers/keypad/keypad.ts';
import { createPrinter } from '../../drivers/printer/printer.ts';
import { printerProfiles } from '../../drivers/printer/profiles.ts';
import { createScanner } from '../../drivers/scanner/scanner.ts';
import { systemClock } from '../../src/lib/clock.ts';
import { testDispenser } from '../drivers/dispenser.contract.ts';
import { stripes } from '../drivers/display.contract.ts';
import { testKeypad } from '../drivers/keypad.contract.ts';
import { testPrinter } from '../drivers/printer.contract.ts';
import { testScanner } from '../drivers/scanner.contract.ts';
import { kinds, named, nodesFor, type Kind } from './kernel-devices.ts';

const never = new AbortController().signal;
const clock = systemClock;
const nothing = async (): Promise<void> => Promise.resolve();
/** Ids that a real board has not heard of in an earlier run either. */
let lastId = 0;
const freshId = (): string => `rig01-${clock.nowMs().toString(36).toUpperCase()}-${++lastId}`;

const suites: Readonly<Record<Kind, (at: string) => void>> = {
  keypad: (at) => {
    testKeypad(at, async () =>
      Promise.resolve({ make: (onKey) => createKeypad({ at, onKey, clock }) }),
    );
  },
  scanner: (at) => {
    testScanner(at, async () =>
      Promise.resolve({ make: (onScan) => createScanner({ at, onScan, clock }) }),
    );
  },
  display: testFramebuffer,
  printer: (at) => {
    const name = process.env['KIOS_TEST_PRINTER_PROFILE'] ?? 'generic-58';
    const profile = Object.values(printerProfiles).find((one) => one.name === name);
    if (profile === undefined) throw new Error(`KIOS_TEST_PRINTER_PROFILE: no profile ${name}`);
    testPrinter(at, async () =>
      Promise.resolve({
        make: () => createPrinter({ at, profile, clock }),
        proves: profile.proof !== 'none',
        dispose: nothing,
      }),
    );
  },
  dispenser: (at) => {
    testDispenser(at, async () =>
      Promise.resolve({ make: () => createDispenser({ at, clock }), freshId, dispose: nothing }),
    );
  },
};

for (const kind of Object.keys(kinds) as Kind[]) {
  const found = named(kind);
  if ('at' in found) suites[kind](found.at);
  else test.skip(`a real ${kind}: ${found.missing}`, () => undefined);
}

/** A panel cannot be unplugged by a program; that what is shown reaches its memory can be read back. */
function testFramebuffer(at: string): void {
  describe(`the display ${at}`, () => {
    test('has each frame in its memory, and keeps the last one after the close', async (context) => {
      const node = /^fb:([^?]*)/.exec(at)?.[1] ?? context.skip(`${at} is no framebuffer`);
      const display = createDisplay({ at, clock });
      await display.open(never);
      expect(display.health()).toEqual({ state: 'up' });
      const memoryWith = async (seed: number): Promise<Buffer> => {
        await display.show(stripes(display.geometry, seed));
        return readFile(node);
      };
      const [first, second, again] = [
        await memoryWith(1),
        await memoryWith(2),
        await memoryWith(1),
      ];
      expect(second.equals(first)).toBe(false);
      expect(again.equals(first)).toBe(true);
      await display.close();
      expect(await display.closed).toBeUndefined();
      expect((await readFile(node)).equals(first)).toBe(true);
    });
  });
}

test('a kind that is named is tested at that address, and no other node is offered', () => {
  const { variable } = kinds.printer;
  const before = process.env[variable];
  process.env[variable] = 'lp:/dev/usb/lp7';
  expect(named('printer')).toEqual({ at: 'lp:/dev/usb/lp7' });
  process.env[variable] = '';
  const missing =
    nodesFor('printer').length === 0 ? /no such device/ : /name it: KIOS_TEST_PRINTER/;
  expect(named('printer')).toEqual({ missing: expect.stringMatching(missing) as string });
  if (before === undefined) Reflect.deleteProperty(process.env, variable);
  else process.env[variable] = before;
});
