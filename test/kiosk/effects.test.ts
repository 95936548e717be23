// What a kiosk learns of its printer from a slip that was refused, and of its dispenser from an order that was: the next
// customer is told at once, or served.
import { expect, test } from 'vitest';
import { DeviceError, type Device, type Dispenser, type Printer } from '../../drivers/device.ts';
import { createDispenser } from '../../drivers/dispenser/dispenser.ts';
import { createNoDispenser } from '../../drivers/dispenser/none.ts';
import type { Supervised } from '../../drivers/supervise.ts';
import { createPerform, type EffectsOptions } from '../../src/kiosk/effects.ts';
import { createRelayClient } from '../../src/kiosk/relay-client.ts';
import { systemClock as clock } from '../../src/lib/clock.ts';
import { silentLog as log } from '../../src/lib/log.ts';
import { Machine, saleA, tell } from './machine.ts';
import { identityFor } from './signer.ts';

const standing = <D extends Device>(device: D): Supervised<D> => ({
  current: () => device,
  health: () => device.health(),
  stop: () => Promise.resolve(),
});

type Parts = Pick<EffectsOptions, 'post' | 'onPart' | 'slip'> & {
  devices: { printer?: Printer; dispenser: Dispenser };
};

/** The effects over these devices, without a relay. */
function performOf({ devices, ...rest }: Parts): ReturnType<typeof createPerform> {
  const { printer, dispenser } = devices;
  return createPerform({
    client: createRelayClient({
      ...{ identity: identityFor('http://127.0.0.1:1'), keys: new Map(), bootId: 'b', clock, log },
      send: () => Promise.reject(new Error('no relay is here')),
    }),
    ...{ link: () => undefined, clock, log, signal: new AbortController().signal },
    devices: () => ({
      printer: printer === undefined ? undefined : standing(printer),
      dispenser: standing(dispenser),
      ...{ healths: () => [], stop: () => Promise.resolve() },
    }),
    ...{ ledgerId: () => '', proved: () => [], seekClaim: () => undefined, pastSlips: () => [] },
    lastCarriedOut: () => [],
    mintId: () => saleA,
    ...rest,
  });
}

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
  const perform = performOf({
    devices: { printer, dispenser: createNoDispenser() },
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

test('an order is carried out once in a life, whoever asks for it again', async () => {
  const orders: string[] = [];
  const dispenser: Dispenser = {
    ...createNoDispenser(),
    dispense: ({ id }) => {
      orders.push(id);
      return Promise.resolve('done');
    },
  };
  const dispensed = Promise.withResolvers<undefined>();
  const perform = performOf({
    devices: { dispenser },
    post: ({ kind }) => {
      if (kind === 'dispensed') dispensed.resolve(undefined);
    },
    onPart: () => undefined,
    slip: () => ({ blocks: [] }),
  });
  for (const dispenseId of [undefined, undefined, 'claim-1', 'claim-1']) {
    const granted = dispenseId === undefined ? {} : { dispenseId };
    perform({ kind: 'dispense', saleId: saleA, pieces: 1, ...granted });
  }
  await dispensed.promise;
  expect(orders).toEqual([saleA, 'claim-1']);
});

test('an order that no board can be given leaves the dispenser blameless', async () => {
  const kiosk = new Machine();
  const dispenser = createDispenser({ at: 'serial:/dev/ttyS99?baudRate=9600', clock });
  kiosk.showQr();
  kiosk.take(tell('paid'));
  const answered = Promise.withResolvers<undefined>();
  const perform = performOf({
    devices: { dispenser },
    post: (event) => {
      kiosk.take(event);
      answered.resolve(undefined);
    },
    onPart: () => undefined,
    slip: () => ({ blocks: [] }),
  });
  perform({ kind: 'dispense', saleId: saleA, pieces: 100 });
  await answered.promise;
  expect(kiosk.phase('result').outcome).toBe('claim');
  expect(kiosk.state.reports).toMatchObject([{ result: 'failed', detail: 'never-started' }]);
  expect(kiosk.state.parts.dispenser.ok).toBe(true);
});
