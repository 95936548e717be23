// What the relay remembers of sendings instead of writing each.
import { expect, test } from 'vitest';
import { createSendings, type Sending } from '../../src/relay/store/sendings.ts';

function sending(kioskId: string, seq: number): Sending {
  return { kioskId, seq, saleId: `${kioskId}-${seq}`, nextAtMs: 1_000 };
}

test('the highest number of each kiosk is remembered until it is acknowledged', () => {
  const sendings = createSendings();
  expect(sendings.highest('ksk01')).toBe(0);
  for (const seq of [1, 2, 3]) sendings.add(sending('ksk01', seq));
  sendings.add(sending('ksk02', 9));
  expect(sendings.highest('ksk01')).toBe(3);
  sendings.forget('ksk01', 2);
  expect(sendings.highest('ksk01')).toBe(3);
  sendings.forget('ksk01', 3);
  expect(sendings.highest('ksk01')).toBe(0);
  expect(sendings.takeAll()).toEqual([sending('ksk02', 9)]);
});

test('what was taken to be written is forgotten', () => {
  const sendings = createSendings();
  sendings.add(sending('ksk01', 1));
  expect(sendings.takeAll()).toHaveLength(1);
  expect(sendings.takeAll()).toEqual([]);
  expect(sendings.highest('ksk01')).toBe(0);
});

test('there is a limit, and room again when something was acknowledged', () => {
  const sendings = createSendings();
  for (let seq = 1; seq <= 10_000; seq++) expect(sendings.add(sending('ksk01', seq))).toBe(true);
  expect(sendings.add(sending('ksk02', 1))).toBe(false);
  sendings.forget('ksk01', 5);
  expect(sendings.add(sending('ksk02', 1))).toBe(true);
});
