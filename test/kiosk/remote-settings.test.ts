// What an operator may change from afar, and that nothing else of a machine can come that way: not where its journal lies,
// not a device's place, not what it goes by.
import { z } from 'zod';
import { describe, expect, test } from 'vitest';
import { kioskConfig, settings, type KioskConfig } from '../../src/kiosk/config.ts';
import { fitSettings, remoteSettings } from '../../src/kiosk/remote-settings.ts';

const goods = { '2112345': { id: 'teh', name: 'Teh botol', priceIdr: 5_000 } };

/** Each with a value that the machine of this test does not have. */
const fromAfar: Readonly<Record<string, unknown>> = {
  language: 'en',
  timeZone: 'Asia/Jayapura',
  logLevel: 'debug',
  catalogue: goods,
  priceLabels: { prefixes: ['21'], itemDigits: 5, priceDigits: 5, stepIdr: 1, priceCheck: false },
  askAgainS: 60,
  technicianCode: '271828',
  'printer.receipts': false,
  'printer.acceptBlindPrinter': true,
  'dispenser.idrPerPulse': 7_000,
  'dispenser.anyAmount': true,
};

const ofTheMachine: Readonly<Record<string, unknown>> = {
  stateDir: '/elsewhere',
  serial: 'kiosk-8',
  qrOn: 'paper',
  'keypad.at': 'terminal',
  'scanner.at': 'unix:/other',
  'scanner.prefix': 'x',
  'scanner.suffix': 'x',
  'scanner.aim': true,
  'scanner.rereadMs': 1,
  'display.at': 'terminal',
  'display.rotation': 90,
  'display.panelWidthMm': 155,
  'printer.at': 'lp:/dev/usb/lp1',
  'printer.profile': 'generic-80',
  'printer.status': 'none',
  'printer.proof': 'none',
  'printer.clearsBuffer': true,
  'dispenser.at': 'none',
};

const own: KioskConfig = kioskConfig.parse({
  stateDir: '/var/lib/kios',
  serial: 'kiosk-7',
  keypad: { at: 'hid:/dev/hidraw0' },
  scanner: { at: 'unix:/scanner' },
  display: { at: 'fb:/dev/fb0' },
  printer: { at: 'lp:/dev/usb/lp0' },
  dispenser: { at: 'unix:/dispenser', idrPerPulse: 5_000 },
  technicianCode: '314159',
});

/** `printer.at` and a value as a document. */
function nested(path: string, value: unknown): Record<string, unknown> {
  const [first = '', second] = path.split('.');
  return { [first]: second === undefined ? value : { [second]: value } };
}

function at(config: object, path: string): unknown {
  return path
    .split('.')
    .reduce<unknown>(
      (part, name) => Object.entries(part ?? {}).find(([key]) => key === name)?.[1],
      config,
    );
}

test('every setting of a kiosk stands in one of the two lists, and none in both', () => {
  const listed = [...Object.keys(fromAfar), ...Object.keys(ofTheMachine)].sort();
  expect(listed).toEqual(leaves(settings).sort());
});

test.each(Object.entries(fromAfar))('%s comes from afar', (path, value) => {
  expect(at(own, path)).not.toEqual(value);
  expect(remoteSettings.safeParse(nested(path, value)).success).toBe(true);
  const fitted = fitSettings(own, nested(path, value));
  expect(fitted).toMatchObject({ ok: true });
  if (!fitted.ok) return;
  expect(at(fitted.config, path)).toEqual(value);
  // And nothing else with it.
  const [first = ''] = path.split('.');
  const { [first as keyof KioskConfig]: _changed, ...rest } = fitted.config;
  const { [first as keyof KioskConfig]: _before, ...before } = own;
  expect(rest).toEqual(before);
  for (const other of Object.keys(ofTheMachine)) {
    expect(at(fitted.config, other)).toEqual(at(own, other));
  }
});

describe.each(Object.entries(ofTheMachine))('%s never comes from afar', (path, value) => {
  test('whatever it is set to, also to what the machine has', () => {
    for (const set of [value, at(own, path) ?? null]) {
      const signed = nested(path, set);
      expect(remoteSettings.safeParse(signed).success).toBe(false);
      expect(fitSettings(own, signed)).toEqual({
        ok: false,
        why: expect.stringContaining('Unrecognized key') as string,
      });
    }
  });

  test('not hidden behind settings that may', () => {
    const signed = { ...fromAfarWhole(), ...nested(path, value) };
    expect(fitSettings(own, signed)).toMatchObject({ ok: false });
  });
});

test('all that may come comes together', () => {
  expect(fitSettings(own, fromAfarWhole())).toMatchObject({ ok: true });
});

describe('a catalogue from afar', () => {
  const refusal = (signed: unknown, config = own): string => {
    const fitted = fitSettings(config, signed);
    return fitted.ok ? 'taken' : fitted.why;
  };
  const { keypad: _keypad, ...unkeyed } = own;

  test('with a barcode that would be left out without a word is refused', () => {
    const catalogue = Object.fromEntries([['__proto__', Object.values(goods)[0]]]);
    expect(refusal({ catalogue })).toBe('catalogue: this cannot be a barcode: take it out');
  });

  test('without goods is refused where there is no keypad either, and taken where amounts are typed', () => {
    expect(refusal({ catalogue: {} }, unkeyed)).toMatch(/^catalogue: it is empty.*nobody/);
    expect(refusal({ catalogue: goods }, unkeyed)).toBe('taken');
    expect(refusal({ catalogue: {} })).toBe('taken');
  });

  test('may be waited for by a machine that has no goods yet', () => {
    expect(unkeyed.catalogue).toEqual({});
    expect(refusal({ language: 'en' }, unkeyed)).toBe('taken');
  });
});

function fromAfarWhole(): Record<string, unknown> {
  const plain = Object.entries(fromAfar).filter(([path]) => !path.includes('.'));
  return {
    ...Object.fromEntries(plain),
    printer: { receipts: false, acceptBlindPrinter: true },
    dispenser: { idrPerPulse: 7_000, anyAmount: true },
  };
}

/** Every setting by its path; the catalogue and the labels' layout are one each. */
function leaves(schema: z.ZodObject): string[] {
  return Object.entries(schema.shape).flatMap(([name, part]) => {
    const inner = bare(part);
    if (!(inner instanceof z.ZodObject) || name === 'priceLabels') return [name];
    return Object.keys(inner.shape).map((key) => `${name}.${key}`);
  });
}

/** Without what says that it may be left out. */
function bare(schema: unknown): unknown {
  return schema instanceof z.ZodOptional ||
    schema instanceof z.ZodDefault ||
    schema instanceof z.ZodPrefault
    ? bare(schema.unwrap())
    : schema;
}
