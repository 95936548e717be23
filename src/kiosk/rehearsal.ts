// A display that has no room for a QR is known before a charge is made for it: what a customer pays by is laid out once on its
// size. Its text pays nobody, and no display is given it.
import type { Display } from '../../drivers/device.ts';
import { hasRoomFor } from '../../drivers/display/render.ts';
import type { Scene } from '../../drivers/display/scene.ts';
import { wait } from '../lib/clock.ts';
import { formatTlv } from '../protocol/qris.ts';
import { sceneOf, type ScreenContext } from './screens.ts';
import { contextOf, kioskOf, noteHealth, type Run } from './selling.ts';
import type { State } from './state.ts';

/** The first screen is out by then: keys and it come first. */
const afterMs = 500;

/**
 * As long as Midtrans' QRIS texts become (240 to 280 characters), with the longest names; its checksum is never right, since
 * tag 63 is short.
 */
export const longestQr = formatTlv([
  ['00', '01'],
  ['01', '12'],
  [
    '26',
    formatTlv([
      ['00', 'COM.GO-JEK.WWW'],
      ['01', '9'.repeat(19)],
      ['02', 'G123456789'],
      ['03', 'UMI'],
    ]),
  ],
  [
    '51',
    formatTlv([
      ['00', 'ID.CO.QRIS.WWW'],
      ['02', 'ID1020021234567'],
      ['03', 'UMI'],
    ]),
  ],
  ['52', '5812'],
  ['53', '360'],
  ['58', 'ID'],
  ['59', 'Warung Kopi & Teh Merdeka'],
  ['60', 'JAKARTA SELATAN'],
  ['61', '1234567890'],
  ['54', '10000000.00'],
  [
    '62',
    formatTlv([
      ['50', '7f3c2b1a-9e8d-4c5b-a6f7-0123456789ab'],
      ['07', 'A01'],
    ]),
  ],
  ['63', '000'],
]);

/** The screen of the dearest sale, as the kiosk would show it now. */
export function rehearsedScene(state: State, context: ScreenContext): Scene {
  const sale = {
    saleId: '0'.repeat(26),
    amountIdr: context.rules.limits.maxIdr,
    items: [],
    pieces: 1,
    verdict: 'pending',
    bootId: '',
    qrOn: 'display',
  } as const;
  const totalMs = 180_000;
  const times = { deadlineMs: context.nowMs + totalMs, totalMs, lookAtMs: context.nowMs };
  return sceneOf(
    { ...state, phase: { at: 'paying', sale, qrString: longestQr, ...times } },
    context,
  );
}

/** A display that has no room for it serves for no QR until it is opened anew. */
export async function rehearse(run: Run, display: Display): Promise<void> {
  const gone = new AbortController();
  void display.closed.then(() => {
    gone.abort();
  });
  const ended = AbortSignal.any([run.stopping.signal, gone.signal]);
  await wait(run.clock, afterMs, ended);
  if (ended.aborted) return;
  if (hasRoomFor(rehearsedScene(kioskOf(run).state(), contextOf(run)), display.geometry)) return;
  noteHealth(run, 'display', { ok: false, code: 'display-no-qr' });
}
