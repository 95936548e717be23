// What a kiosk that prints its QRs learns of its printer from a slip that was refused: the next customer is told at once.
import { expect, test } from 'vitest';
import { DeviceError, type Device, type Printer } from '../../drivers/device.ts';
import { createNoDispenser } from '../../drivers/dispenser/none.ts';
import type { Supervised } from '../../drivers/supervise.ts';
import { createPerform } from '../../src/kiosk/effects.ts';
import { createRelayClient } from '../../src/kiosk/relay-client.ts';
import { systemClock as clock } from '../../src/lib/clock.ts';
import { silentLog as log } from '../../src/lib/log.ts';
import { Machine, saleA } from './machine.ts';
import { identityFor } from './signer.ts';

const standing = <D extends Device>(device: D): Supervised<D> => ({
  current: () => device,
  health: () => device.health(),
  stop: () => Promise.resolve(),
});

/** A kiosk whose printer does `print` with its QR slip: as the machine is afterwards. */
async function afterSlip(
  print: Printer['print'],
  { asks = true, slip = true, voided = false } = {},
): Promise<Machine> {
  const kiosk = new Machine({ qrOn: 'paper', required: ['journal', 'relay', 'printer'] });
  const printed = Promise.withResolvers<undefined>();
  const printer: Printer = {
    ...{ name: 'printer', print, closed: new Promise(() => undefined) },
    ...{ open: () => Promise.resolve(), close: () => Promise.resolve() },
    health: () => ({ state: 'up' }),
    ...(asks ? { paper: () => Promise.resolve('ok') } : {}),
  };
  const perform = createPerform({
    client: createRelayClient({
      ...{ identity: identityFor('http://127.0.0.1:1'), keys: new Map(), bootId: 'b', clock, log },
      send: () => Promise.reject(new Error('no relay is here')),
    }),
    ...{ link: () => undefined, clock, log, signal: new AbortController().signal },
    devices: () => ({
      ...{ printer: standing(printer), dispenser: standing(createNoDispenser()) },
      ...{ healths: () => [], stop: () => Promise.resolve() },
    }),
    post: (event) => {
      kiosk.take(event);
      if (event.kind === 'printed')
        queueMicrotask(() => {
          printed.resolve(undefined);
        });
    },
    onPart: (part, health) => {
      if (part === 'printer') kiosk.take({ kind: 'part', part, health });
    },
    ...{ ledgerId: () => '', proved: () => [], seekClaim: () => undefined, pastSlips: () => [] },
    mintId: () => saleA,
    slip: () => (slip ? { blocks: [] } : 'clock-unknown'),
  });
  kiosk.showQr();
  for (const effect of kiosk.effects.filter(({ kind }) => kind === 'print')) perform(effect);
  if (voided) perform({ kind: 'stop', saleId: saleA, amountIdr: 15_000, reason: 'customer' });
  await printed.promise;
  return kiosk;
}

const refusing: Printer['print'] = () => {
  const error = new DeviceError('timeout', 'it does not answer when asked for its status');
  return Promise.resolve({ result: 'failed', error });
};
const lost = { ok: false, code: 'printer-lost' };

test('a printer that is mute invites no second customer', async () => {
  expect((await afterSlip(refusing)).state.parts.printer).toEqual(lost);
});

test('one that cannot be asked is not called lost: nothing would bring it back', async () => {
  expect((await afterSlip(refusing, { asks: false })).state.parts.printer).toEqual({ ok: true });
});

test('a slip that was called off, or could not be written, says nothing of the printer', async () => {
  const calledOff: Printer['print'] = async (_document, signal) => {
    await new Promise((resolve) => {
      signal.addEventListener('abort', resolve);
    });
    return { result: 'failed', error: new DeviceError('canceled', 'called off') };
  };
  expect((await afterSlip(calledOff, { voided: true })).state.parts.printer).toEqual({ ok: true });
  expect((await afterSlip(refusing, { slip: false })).state.parts.printer).toEqual({ ok: true });
});
