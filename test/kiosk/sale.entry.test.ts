// What is typed and scanned before there is a sale: labels with a price, the question after a payment, two places for a QR.
import { describe, expect, test } from 'vitest';
import { checkDigit } from '../../drivers/scanner/barcode.ts';
import { missingParts, toldParts } from '../../src/kiosk/missing.ts';
import type { NewEvent } from '../../src/kiosk/kiosk.ts';
import { maxReports, patience, type Part } from '../../src/kiosk/state.ts';
import type { ErrorCode } from '../../src/protocol/errors.ts';
import { Machine, ledgerId, qris, saleA, saleB, tell } from './machine.ts';

/** An EAN-13 out of its first twelve digits. */
function ean(digits: string): string {
  return `${digits}${checkDigit(digits)}`;
}

function lostPart(part: Part, code: ErrorCode): NewEvent {
  return { kind: 'part', part, health: { ok: false, code } };
}

describe('a label that carries its price (EAN-13, prefix 20 to 29)', () => {
  const priceLabels = {
    ...{ prefixes: ['21'], itemDigits: 5, priceDigits: 5, stepIdr: 1 },
    items: new Map([['2112345', { id: 'mangga', name: 'Mangga' }]]),
  };

  test('is sold at that price, beside what has a price of its own', () => {
    const kiosk = new Machine({ priceLabels });
    kiosk.scan(ean('211234508750'));
    kiosk.scan('96385074');
    expect(kiosk.keys('enter')).toMatchObject([
      {
        ...{ kind: 'charge', amountIdr: 13_750 },
        items: [
          { id: 'mangga', name: 'Mangga', priceIdr: 8_750, quantity: 1 },
          { id: 'teh', quantity: 1 },
        ],
      },
    ]);
  });

  test('two weights of one item are two lines with two prices', () => {
    const kiosk = new Machine({ priceLabels });
    for (const digits of ['211234508750', '211234512000', '211234508750']) kiosk.scan(ean(digits));
    expect(kiosk.phase('basket').items).toMatchObject([
      { priceIdr: 8_750, quantity: 2 },
      { priceIdr: 12_000, quantity: 1 },
    ]);
  });

  test.each([
    ['with a wrong check digit', '2112345087500', 'barcode-check-digit'],
    ['of an item that nobody knows', ean('219999908750'), 'barcode-unknown'],
    ['of another prefix', ean('221234508750'), 'barcode-unknown'],
    ['that says nothing', ean('211234500000'), 'amount-zero'],
  ])('%s is refused', (_name, text, code) => {
    const kiosk = new Machine({ priceLabels });
    kiosk.scan(text);
    expect(kiosk.phase('blocked').codes).toEqual([code]);
  });

  test('counts in the shop’s own steps, and leaves out a price’s check digit', () => {
    const layout = { ...priceLabels, itemDigits: 5, priceDigits: 4, stepIdr: 100 };
    const kiosk = new Machine({ priceLabels: layout });
    kiosk.scan(ean('211234590125'));
    expect(kiosk.phase('basket').items).toMatchObject([{ priceIdr: 12_500 }]);
  });

  test('is unknown where the operator has not said how the shop lays them out', () => {
    const kiosk = new Machine();
    kiosk.scan(ean('211234508750'));
    expect(kiosk.phase('blocked').codes).toEqual(['barcode-unknown']);
  });
});

test('backspace takes the last thing out of the basket, clear all of them', () => {
  const kiosk = new Machine();
  for (const code of ['8991002101234', '96385074', '96385074']) kiosk.scan(code);
  kiosk.keys('backspace');
  expect(kiosk.phase('basket').items).toMatchObject([{ id: 'kopi' }, { id: 'teh', quantity: 1 }]);
  kiosk.keys('clear');
  expect(kiosk.at).toBe('idle');
});

describe('the same amount shortly after it was paid', () => {
  const askAgainMs = 30_000;

  function paid(kiosk = new Machine({ askAgainMs })): Machine {
    kiosk.showQr();
    kiosk.take(tell('paid'));
    kiosk.take({ kind: 'dispensed', saleId: saleA, result: 'done' });
    return kiosk;
  }
  function again(kiosk: Machine): void {
    for (const key of ['1', '5', '000', 'enter'] as const) {
      kiosk.take({ kind: 'key', key, freshId: saleB });
    }
  }

  test('is asked about; Enter charges it as a sale of its own', () => {
    const kiosk = paid();
    again(kiosk);
    expect(kiosk.phase('asking').amountIdr).toBe(15_000);
    expect(kiosk.count('charge')).toBe(1);
    kiosk.nowMs += patience.bounceMs;
    const asked = kiosk.take({ kind: 'key', key: 'enter', freshId: saleB });
    expect(asked).toEqual([{ kind: 'charge', saleId: saleB, amountIdr: 15_000, items: [] }]);
  });

  test('the second Enter of a hurried hand is no answer', () => {
    const kiosk = paid();
    again(kiosk);
    kiosk.nowMs += patience.bounceMs - 1;
    kiosk.take({ kind: 'key', key: 'enter', freshId: saleB });
    expect(kiosk.count('charge')).toBe(1);
  });

  test.each(['cancel', 'clear', 'backspace'] as const)('%s leaves', (key) => {
    const kiosk = paid();
    again(kiosk);
    kiosk.keys(key);
    expect(kiosk.at).toBe('idle');
  });

  test('nobody answers: it is put away', () => {
    const kiosk = paid();
    again(kiosk);
    kiosk.wakeAfter(patience.entryMs);
    expect(kiosk.at).toBe('idle');
  });

  test('another amount, or later, is not asked about', () => {
    const other = paid();
    other.keys('1', '6', '000', 'enter');
    const later = paid();
    later.wakeAfter(askAgainMs);
    again(later);
    expect([other.at, later.at]).toEqual(['charging', 'charging']);
  });

  test('after a claim as well: its money is here', () => {
    const kiosk = new Machine({ askAgainMs }).showQr();
    kiosk.take(tell('paid-late'));
    kiosk.nowMs += patience.readMs;
    kiosk.keys('enter');
    again(kiosk);
    expect(kiosk.at).toBe('asking');
  });

  test('after a sale that was not paid it is not asked about', () => {
    const kiosk = new Machine({ askAgainMs }).showQr();
    kiosk.keys('cancel');
    kiosk.take(tell('cancelled'));
    again(kiosk);
    expect(kiosk.at).toBe('charging');
  });

  test('where the operator wants no question there is none', () => {
    const kiosk = paid(new Machine());
    again(kiosk);
    expect(kiosk.at).toBe('charging');
  });
});

describe('what still works is offered: display and paper serve for each other', () => {
  const both = { qrElsewhere: true } as const;
  const dark = lostPart('display', 'display-lost');
  const empty = lostPart('printer', 'printer-paper-out');

  test('with a dark panel the QR is printed', () => {
    const kiosk = new Machine(both);
    kiosk.take(dark);
    kiosk.keys('1', '5', '000', 'enter');
    expect(kiosk.take(tell('pending'))).toMatchObject([
      { kind: 'print', slip: 'qr', qrString: qris(15_000) },
    ]);
    expect(kiosk.phase('paying').sale.qrOn).toBe('paper');
  });

  test('without paper the QR is shown', () => {
    const paper = { ...both, qrOn: 'paper', required: ['journal', 'relay', 'printer'] } as const;
    const kiosk = new Machine(paper);
    kiosk.take(empty);
    kiosk.keys('1', '5', '000', 'enter');
    expect(kiosk.take(tell('pending'))).toEqual([]);
    expect(kiosk.phase('paying').sale.qrOn).toBe('display');
  });

  test('without either nothing is sold, and both are named', () => {
    const kiosk = new Machine(both);
    kiosk.take(dark);
    kiosk.take(empty);
    kiosk.keys('5', '000', 'enter');
    expect(kiosk.phase('blocked').codes).toEqual(['display-lost', 'printer-paper-out']);
  });

  test('a printer that was not yet heard of in this run is none', () => {
    const kiosk = new Machine(both);
    kiosk.take({ kind: 'restarted', bootId: 'boot-1' });
    const missing = missingParts(kiosk.state, kiosk.rules);
    expect(missing).toEqual(expect.arrayContaining(['display-lost', 'printer-lost']));
  });

  test('the panel goes dark while a QR is up: the same QR comes on paper, once', () => {
    const kiosk = new Machine(both).showQr();
    kiosk.nowMs = 60_000;
    expect(kiosk.take(dark)).toMatchObject([
      { kind: 'print', slip: 'qr', leftMs: 120_000 - patience.hideEarlyMs },
    ]);
    kiosk.take({ kind: 'part', part: 'display', health: { ok: true } });
    expect(kiosk.take(dark)).toEqual([]);
    expect(kiosk.take(tell('paid'))).toMatchObject([{ kind: 'dispense' }]);
  });

  test('a QR that the panel cannot show readably comes on paper; without paper its charge is stopped', () => {
    const kiosk = new Machine(both).showQr();
    const unreadable = { kind: 'not-shown', saleId: saleA } as const;
    expect(kiosk.take(unreadable)).toMatchObject([{ kind: 'print', slip: 'qr' }]);
    const bare = new Machine(both);
    bare.take(empty);
    bare.showQr();
    expect(bare.take(unreadable)).toMatchObject([{ kind: 'stop' }]);
  });

  test('a restart with the slip in the customer’s hand prints it no second time on another way', () => {
    const kiosk = new Machine({ ...both, qrOn: 'paper', required: ['printer'] }).showQr();
    kiosk.boot('boot-1');
    kiosk.take(tell('pending', { expiresInMs: 100_000 }));
    expect(kiosk.phase('paying').sale.qrOn).toBe('paper');
  });
});

describe('what keeps it from selling is told to the relay by the code of the screen', () => {
  const cloned = { kind: 'refused', code: 'kiosk-cloned', retryable: false } as const;

  test.each<[string, NewEvent]>([
    ['display-lost', lostPart('display', 'display-lost')],
    ['dispenser-failed', lostPart('dispenser', 'dispenser-failed')],
    ['disk-full', lostPart('journal', 'disk-full')],
    ['relay-unreachable', lostPart('relay', 'relay-unreachable')],
    ['kiosk-cloned', { kind: 'catch-up-failed', failure: cloned }],
    ['recovering', { kind: 'ledger-differs', asked: ledgerId }],
  ])('%s', (code, event) => {
    const kiosk = new Machine();
    kiosk.take(event);
    kiosk.keys('5', '000', 'enter');
    expect(kiosk.phase('blocked').codes).toEqual([code]);
    const told = Object.values(toldParts(kiosk.state, kiosk.rules));
    expect(told.filter((part) => !part.ok)).toEqual([{ ok: false, code }]);
  });

  test('also when the relay takes no more reports', () => {
    const kiosk = new Machine();
    const report = { result: 'done', tries: 0, retryAtMs: 0 } as const;
    const reports = Array.from({ length: maxReports }, (_, i) => ({
      ...report,
      saleId: String(i),
    }));
    kiosk.state = { ...kiosk.state, reports };
    expect(toldParts(kiosk.state, kiosk.rules).relay).toEqual({
      ...{ ok: false, code: 'relay-unreachable' },
    });
  });

  test('a part that is away and not needed is told, and the kiosk sells', () => {
    const kiosk = new Machine();
    kiosk.take(lostPart('scanner', 'scanner-lost'));
    expect(toldParts(kiosk.state, kiosk.rules).scanner).toEqual({
      ok: false,
      code: 'scanner-lost',
    });
    kiosk.keys('5', '000', 'enter');
    expect(kiosk.at).toBe('charging');
  });
});
