// Whole sales with real processes: twin, relay and kiosk; keys, pixels and paper at the kiosk's ports.
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { World, serverKey } from './world.ts';

let world: World;
let mark = 0;

beforeAll(async () => {
  world = await World.start({ expiresInMs: 25_000 });
});
afterAll(async () => {
  await world.end();
});
beforeEach(async () => {
  await world.toIdle();
  mark = world.kiosk.mark;
});

/** How the sale ended, in the kiosk's own words. */
async function outcome(): Promise<unknown> {
  const line = await world.phase('result', mark);
  return line['outcome'];
}

describe('with the customer in front of it', () => {
  test('15.000 by keypad: QR read from the pixels, paid, goods once, receipt', async () => {
    const sheets = world.sheets.length;
    world.press('1', '5', '000', 'enter');
    await world.pay(await world.qrOnScreen());
    expect(await outcome()).toBe('done');
    const saleId = await world.saleId(mark);
    expect(world.pulses.filter((id) => id === saleId)).toHaveLength(1);
    const receipt = await world.sheet(sheets + 1);
    expect(receipt.text.join('\n')).toContain('Rp 15.000');
    expect(await world.statusAtMidtrans(saleId)).toBe('settlement');
  });

  test('two items by barcode are one sale of both', async () => {
    world.scanner.scan({ text: '8991002101234' });
    world.scanner.scan({ text: '96385074' });
    await world.phase('basket', mark);
    world.press('enter');
    const qr = await world.qrOnScreen();
    expect(qr).toContain('540817000.00');
    await world.pay(qr, { issuer: 'dana' });
    expect(await outcome()).toBe('done');
  });

  test('cancelled by the customer: the QR on the photograph can no longer be paid', async () => {
    world.press('7', '000', 'enter');
    const qr = await world.qrOnScreen();
    world.press('cancel');
    expect(await outcome()).toBe('cancelled');
    expect((await world.wallet('pay', { qrString: qr })).ok).toBe(false);
  });

  test('nobody pays: the relay expires the charge, the kiosk says so', async () => {
    world.press('8', '000', 'enter');
    const qr = await world.qrOnScreen();
    expect(await outcome()).toBe('expired');
    expect((await world.wallet('pay', { qrString: qr })).ok).toBe(false);
  });

  test('declined in the wallet: the QR stays payable', async () => {
    world.press('9', '000', 'enter');
    const qr = await world.qrOnScreen();
    await world.wallet('decline', { qrString: qr });
    await world.pay(qr);
    expect(await outcome()).toBe('done');
  });

  test('money that comes after the cancel is late money: a claim, no goods', async () => {
    world.press('6', '000', 'enter');
    const qr = await world.qrOnScreen();
    world.press('cancel');
    expect(await outcome()).toBe('cancelled');
    const saleId = await world.saleId(mark);
    await world.pay(qr, { late: true });
    await world.kiosk.waitFor(
      'a claim',
      (line) => line.msg === 'sale.phase' && line['outcome'] === 'claim',
      mark,
    );
    expect(world.pulses).not.toContain(saleId);
  });
});

describe('when Midtrans misbehaves', () => {
  const charge = async (...faults: unknown[]): Promise<void> => {
    await world.faults(...faults);
    world.press('5', '000', 'enter');
  };

  test('a QR of another amount is never shown, and its charge is stopped', async () => {
    await charge({ on: 'charge', do: { kind: 'qr', change: 'amount' } });
    expect(['cancelled', 'denied']).toContain(await outcome());
    expect(await world.statusAtMidtrans(await world.saleId(mark))).toBe('cancel');
  });

  test.each(['crc', 'merchant'])('a QR with a wrong %s is never shown', async (change) => {
    await charge({ on: 'charge', do: { kind: 'qr', change } });
    expect(['cancelled', 'denied']).toContain(await outcome());
  });

  test('a denial that may be tried again says so', async () => {
    await charge({ on: 'charge', do: { kind: 'body', statusCode: '202', channelCode: '900' } });
    const line = await world.phase('result', mark);
    expect(line).toMatchObject({ outcome: 'denied', because: 'charge-try-again' });
  });

  test('a denial for good says that', async () => {
    await charge({ on: 'charge', do: { kind: 'body', statusCode: '402' } });
    expect(await world.phase('result', mark)).toMatchObject({
      outcome: 'denied',
      because: 'channel-inactive',
    });
  });

  test.each([
    ['a 500', { kind: 'http', status: 500 }],
    ['a page of HTML', { kind: 'http', status: 502, html: true }],
    ['nothing, before it charged', { kind: 'drop-before' }],
    ['nothing, after it charged', { kind: 'drop-after' }],
  ])('%s once costs a second, not the sale', async (_name, fault) => {
    await charge({ on: 'charge', do: fault });
    await world.pay(await world.qrOnScreen());
    expect(await outcome()).toBe('done');
    const saleId = await world.saleId(mark);
    expect(world.pulses.filter((id) => id === saleId)).toHaveLength(1);
  });

  test('a lost notification costs seconds: the relay asks by itself', async () => {
    await world.faults({
      on: 'notification',
      transactionStatus: 'settlement',
      do: { kind: 'drop-before' },
    });
    world.press('5', '000', 'enter');
    await world.pay(await world.qrOnScreen());
    expect(await outcome()).toBe('done');
  });

  test('a notification that comes five times dispenses once', async () => {
    await world.faults({
      on: 'notification',
      transactionStatus: 'settlement',
      do: { kind: 'duplicate', times: 4 },
    });
    world.press('5', '000', 'enter');
    await world.pay(await world.qrOnScreen());
    expect(await outcome()).toBe('done');
    const saleId = await world.saleId(mark);
    expect(world.pulses.filter((id) => id === saleId)).toHaveLength(1);
  });

  test('a forged notification moves nothing', async () => {
    world.press('5', '000', 'enter');
    const qr = await world.qrOnScreen();
    const orderId = await world.saleId(mark);
    const forged = {
      order_id: orderId,
      transaction_id: '00000000-0000-4000-8000-000000000000',
      transaction_status: 'settlement',
      status_code: '200',
      gross_amount: '5000.00',
      signature_key: 'f'.repeat(128),
      merchant_id: 'G000000001',
      payment_type: 'qris',
    };
    const answer = await fetch(`${world.relayUrl}/v1/notifications/midtrans`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(forged),
    });
    expect(answer.status).toBe(403);
    await world.pay(qr);
    expect(await outcome()).toBe('done');
  });
});

test('no key and no QR text stands in any log', () => {
  for (const program of [world.kiosk, world.relay, world.twin]) {
    expect(program.output).not.toContain(serverKey);
    expect(program.output).not.toMatch(/0002010102/);
  }
});
