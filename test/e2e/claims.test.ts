// A claim at a real kiosk: no goods, a slip, its code typed or scanned, the goods, and honoured at the relay; once.
import { afterEach, expect, test } from 'vitest';
import type { Key } from '../../drivers/device.ts';
import type { ClaimRow } from '../../src/relay/sale-row.ts';
import { claimAt } from './relay-file.ts';
import { World } from './world.ts';

let world: World | undefined;

afterEach(async () => {
  await world?.end();
  world = undefined;
});

interface Owed {
  saleId: string;
  /** Eleven digits. */
  code: string;
  /** What the slip's QR says. */
  scanned: string;
}

/** Paid, and the board was jammed; then a technician has mended it. */
async function owed(at: World): Promise<Owed> {
  const mark = at.kiosk.mark;
  const slips = at.sheets.length;
  at.board.jamAt(1);
  at.press('1', '5', '000', 'enter');
  await at.pay(await at.qrOnScreen());
  const end = await at.phase('result', mark);
  expect(end['outcome']).toBe('claim');
  const saleId = String(end['saleId']);
  const slip = await at.sheet(slips + 1);
  const printed = /(\d{4}) (\d{4}) (\d{3})/.exec(slip.text.join('\n'));
  const code = printed?.slice(1).join('') ?? '';
  await untilClaim(at, saleId, ({ state }) => state === 'open');
  await mend(at);
  await at.toIdle();
  return { saleId, code, scanned: at.qrOnPaper(slip) };
}

async function mend(at: World): Promise<void> {
  const mark = at.kiosk.mark;
  at.board.jamAt(undefined);
  await at.board.unplug();
  await at.board.plug();
  await at.kiosk.waitFor(
    'a kiosk that sells',
    (line) => line.msg === 'kiosk.selling' && line['selling'] === true,
    mark,
  );
}

function typeCode(at: World, code: string): void {
  at.press('clear', '0', '0', ...(Array.from(code) as Key[]), 'enter');
}

function untilClaim(at: World, saleId: string, fits: (claim: ClaimRow) => boolean): Promise<void> {
  return at.poll('the claim', async () => {
    const claim = await claimAt(at, saleId);
    return claim !== undefined && fits(claim);
  });
}

const honoured = ({ state }: ClaimRow): boolean => state === 'honoured';

test('no goods, a slip, the code typed: goods under the grant’s own id, honoured, and never again', async () => {
  world = await World.start();
  const { saleId, code, scanned } = await owed(world);
  expect(scanned).toBe(`KLAIM${code}`);
  const mark = world.kiosk.mark;
  typeCode(world, code);
  expect(await world.phase('result', mark)).toMatchObject({ outcome: 'done', saleId });
  await untilClaim(world, saleId, honoured);
  const { dispenseId } = (await claimAt(world, saleId)) ?? {};
  expect(dispenseId).not.toBe(saleId);
  expect(world.pulses).toEqual([dispenseId]);

  const again = world.kiosk.mark;
  typeCode(world, code);
  expect(await world.phase('blocked', again)).toMatchObject({ codes: ['claim-honoured'] });
  await world.kiosk.kill();
  await world.startKiosk();
  await world.ready();
  world.scanner.scan({ text: scanned });
  expect(await world.phase('blocked')).toMatchObject({ codes: ['claim-honoured'] });
  expect(world.pulses).toHaveLength(1);
  expect(await world.transactions()).toHaveLength(1);
});

test('jammed once more: the claim is open again, and the same slip, scanned, brings the goods', async () => {
  world = await World.start();
  const { saleId, code, scanned } = await owed(world);
  world.board.jamAt(1);
  const mark = world.kiosk.mark;
  typeCode(world, code);
  expect(await world.phase('result', mark)).toMatchObject({ outcome: 'claim', saleId });
  await untilClaim(
    world,
    saleId,
    ({ state, note }) => state === 'open' && note === 'redeem-failed',
  );
  await world.toIdle();
  await mend(world);
  const again = world.kiosk.mark;
  world.scanner.scan({ text: scanned });
  expect(await world.phase('result', again)).toMatchObject({ outcome: 'done', saleId });
  await untilClaim(world, saleId, honoured);
  expect(world.pulses).toHaveLength(1);
});

test('killed with the grant in hand: at most one dispense, never by itself, and the claim ends honoured', async () => {
  world = await World.start();
  // Its board is believed when it says "never" because it knows this order; before the first one nobody's would be.
  world.press('5', '000', 'enter');
  await world.pay(await world.qrOnScreen());
  await world.phase('result');
  await world.sheet(1);
  await world.toIdle();
  const sold = world.pulses.length;
  const { saleId, code } = await owed(world);
  typeCode(world, code);
  await world.kiosk.waitForMessage('claim.granted');
  await world.kiosk.kill();
  await world.startKiosk();
  await world.ready();
  await untilClaim(world, saleId, ({ state }) => state === 'open' || state === 'honoured');
  const first = await claimAt(world, saleId);
  expect(world.pulses).toHaveLength(sold + (first?.state === 'honoured' ? 1 : 0));
  if (first?.state === 'open') {
    // Whatever the kiosk said after its start, its dispenser may call for a technician.
    await mend(world);
    await world.toIdle();
    typeCode(world, code);
  }
  await untilClaim(world, saleId, honoured);
  expect(world.pulses).toHaveLength(sold + 1);
});

test('killed while the goods of a claim are coming: the board is asked, and they come once', async () => {
  world = await World.start({ pulseMs: 2000 });
  const { saleId, code } = await owed(world);
  typeCode(world, code);
  await world.untilPulse();
  await world.kiosk.kill();
  await world.startKiosk();
  expect(await world.phase('result')).toMatchObject({ outcome: 'done', saleId });
  await untilClaim(world, saleId, honoured);
  expect(world.pulses).toHaveLength(1);
});

test('killed after the goods of a claim came, before anybody was told: honoured all the same', async () => {
  world = await World.start();
  const { saleId, code } = await owed(world);
  typeCode(world, code);
  await world.untilPulse();
  await world.kiosk.waitFor(
    'the goods',
    (line) => line.msg === 'sale.dispensed' && line['result'] === 'done',
  );
  await world.kiosk.kill();
  await world.startKiosk();
  await untilClaim(world, saleId, honoured);
  expect(world.pulses).toHaveLength(1);
});

test('five wrong codes lock the entry over a restart, for the right one, too', async () => {
  world = await World.start();
  const { code } = await owed(world);
  await world.toIdle();
  for (const last of [1, 2, 3, 4, 5]) {
    const mark = world.kiosk.mark;
    typeCode(world, `1234567890${last === 3 ? 4 : last}`);
    const { codes } = await world.phase('blocked', mark);
    expect(codes).toEqual([last < 5 ? 'claim-code-wrong' : 'claim-entry-locked']);
  }
  await world.kiosk.kill();
  await world.startKiosk();
  await world.ready();
  world.scanner.scan({ text: `KLAIM${code}` });
  expect(await world.phase('blocked')).toMatchObject({ codes: ['claim-entry-locked'] });
  expect(world.pulses).toEqual([]);
});

test('with the relay away the customer reads that the code stays good, and it does', async () => {
  world = await World.start();
  const { saleId, code } = await owed(world);
  await world.relay.kill();
  const mark = world.kiosk.mark;
  typeCode(world, code);
  const { codes } = await world.phase('blocked', mark);
  expect(codes).toContain('claim-not-now');
  const back = world.kiosk.mark;
  await world.startRelay();
  await world.kiosk.waitFor(
    'a kiosk that sells',
    (line) => line.msg === 'kiosk.selling' && line['selling'] === true,
    back,
  );
  typeCode(world, code);
  expect(await world.phase('result', back)).toMatchObject({ outcome: 'done', saleId });
  await untilClaim(world, saleId, honoured);
  expect(world.pulses).toHaveLength(1);
});
