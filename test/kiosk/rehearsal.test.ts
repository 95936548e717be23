// A display is tried with what a customer pays by before anybody wants to pay.
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { DeviceError, Display, Geometry, PixelForm } from '../../drivers/device.ts';
import { qrMatrix, qrSize } from '../../drivers/display/qr.ts';
import { hasRoomFor } from '../../drivers/display/render.ts';
import { longestQr, rehearse, rehearsedScene } from '../../src/kiosk/rehearsal.ts';
import { contextOf } from '../../src/kiosk/selling.ts';
import { parseQris } from '../../src/protocol/qris.ts';
import { qrisText } from '../drivers/display-scenes.ts';
import { openStillRun, type StillRun } from './still-run.ts';

const longEnoughMs = 1_000;
const roomy = { width: 480, height: 320 };
/** Enough for words, not for a QR. */
const tiny = { width: 240, height: 64 };

let still: StillRun;
beforeEach(async () => {
  still = await openStillRun();
});
afterEach(() => {
  still.close();
});

function displayOf(
  geometry: Geometry,
  panel?: PixelForm,
): { display: Display; goes: (error?: DeviceError) => void } {
  const { promise, resolve } = Promise.withResolvers<DeviceError | undefined>();
  const show = (): never => expect.fail('a rehearsal is nothing to show');
  const display: Display = {
    name: 'display of a test',
    geometry,
    closed: promise,
    open: () => Promise.resolve(),
    close: () => Promise.resolve(),
    health: () => ({ state: 'up' }),
    show,
    ...(panel === undefined ? {} : { panel: { form: panel, show } }),
  };
  return { display, goes: resolve };
}

const ofDisplay = (): unknown => still.machine.state.parts.display;

describe('a display that comes', () => {
  test.each([
    ['as pixels', undefined],
    ['as the memory of a panel that hangs upright', { bitsPerPixel: 16, turn: 90 } as const],
  ])('with room for a QR serves, %s', async (_, panel) => {
    void rehearse(still.run, displayOf(roomy, panel).display);
    await still.clock.advance(longEnoughMs);
    expect(ofDisplay()).toEqual({ ok: true });
  });

  test('without room for one is told to operator and customer, and nothing is sold by it', async () => {
    void rehearse(still.run, displayOf(tiny).display);
    await still.clock.advance(longEnoughMs);
    expect(ofDisplay()).toEqual({ ok: false, code: 'display-no-qr' });
    expect(still.run.told).toBe('display-no-qr');
    still.machine.keys('5', '000', 'enter');
    expect(still.machine.phase('blocked').codes).toEqual(['display-no-qr']);
  });

  test('and is gone before it was tried is not blamed', async () => {
    const { display, goes } = displayOf(tiny);
    void rehearse(still.run, display);
    goes();
    await still.clock.advance(longEnoughMs);
    expect(ofDisplay()).toEqual({ ok: true });
  });

  test('while the run ends is not tried any more', async () => {
    void rehearse(still.run, displayOf(tiny).display);
    still.run.stopping.abort();
    await still.clock.advance(longEnoughMs);
    expect(ofDisplay()).toEqual({ ok: true });
  });
});

describe('what it is tried with', () => {
  test('is the screen of the dearest sale, with a QR that is longer than the usual ones', () => {
    const { run, machine } = still;
    const scene = rehearsedScene(machine.state, contextOf(run));
    expect(scene).toMatchObject({ amount: 'Rp 10.000.000', qr: { text: longestQr } });
    const usual = qrisText(10_000_000, 260);
    expect(longestQr.length).toBeGreaterThan(usual.length);
    expect(qrSize(longestQr)).toBe(qrMatrix(longestQr).size);
  });

  test('pays nobody', () => {
    expect(parseQris(longestQr).ok).toBe(false);
  });

  test('is the QR: a display that is too small for it may have room for the words', () => {
    const { run, machine } = still;
    const { qr, ...words } = rehearsedScene(machine.state, contextOf(run));
    expect(hasRoomFor(words, tiny)).toBe(true);
    expect(hasRoomFor({ ...words, ...(qr === undefined ? {} : { qr }) }, tiny)).toBe(false);
  });
});
