// What the journal knows of past sales: the best proof of each, what the kiosk did, and whose claim code it is.
import { DatabaseSync } from 'node:sqlite';
import { describe, expect, test } from 'vitest';
import { claimCode, saleOfCode } from '../../src/protocol/claim-code.ts';
import { notesOf, withoutProofs } from '../../src/kiosk/notes.ts';
import { PastSales, type SaleNote } from '../../src/kiosk/past-sales.ts';
import { postSales } from '../../src/kiosk/recover.ts';
import type { KioskEvent } from '../../src/kiosk/state.ts';
import { silentLog } from '../../src/lib/log.ts';
import type { RecoverAnswer, RecoverBody } from '../../src/protocol/api.ts';
import { startCursor, type Fulfilment } from '../../src/protocol/sale.ts';
import type { Verdict } from '../../src/protocol/verdict.ts';
import { Machine, ledgerId, saleA, saleB, tell } from './machine.ts';

const minted = (saleId = saleA): Extract<SaleNote, { kind: 'minted' }> => ({
  ...{ kind: 'minted', saleId, amountIdr: 15_000, pieces: 1 },
  items: [{ id: 'kopi', name: 'Kopi', priceIdr: 15_000, quantity: 1 }],
});
const proof = (verdict: Verdict, fulfilment?: Fulfilment): SaleNote => ({
  ...{ kind: 'proof', saleId: saleA, verdict, proof: `${verdict} ${fulfilment ?? ''}` },
  ...(fulfilment === undefined ? {} : { fulfilment }),
});
const did = (result: Fulfilment): SaleNote => ({ kind: 'fulfilment', saleId: saleA, result });

function past(...notes: SaleNote[]): PastSales {
  const made = new PastSales(new DatabaseSync(':memory:'));
  notes.forEach((note, index) => {
    made.note([note], index + 1);
  });
  return made;
}

describe('what a relay without memory is given', () => {
  test.each([
    ['the newest verdict', [proof('pending'), proof('paid')], 'paid '],
    ['not the older one that comes late', [proof('paid'), proof('pending')], 'paid '],
    ['the one with the fulfilment', [proof('paid'), proof('paid', 'done')], 'paid done'],
    ['not the repetition without it', [proof('paid', 'done'), proof('paid')], 'paid done'],
    ['late money after a dead charge', [proof('expired'), proof('paid-late')], 'paid-late '],
    ['that it was closed, not a restored `paid`', [proof('expired'), proof('paid')], 'expired '],
    ['never a verdict that cannot follow', [proof('refunded'), proof('paid')], 'refunded '],
  ] as const)('%s', (_name, notes, expected) => {
    expect(past(minted(), ...notes).proved()).toEqual([{ saleId: saleA, proof: expected }]);
  });

  test('that it was paid in the end, where this kiosk gave its goods', () => {
    const sold = past(minted(), proof('expired'), did('done'), proof('paid'));
    expect(sold.proved()).toMatchObject([{ proof: 'paid ', fulfilment: 'done' }]);
  });

  test('what the kiosk did, and the goods of a claim are goods', () => {
    const sold = past(minted(), proof('paid'), did('failed'));
    expect(sold.proved()).toMatchObject([{ fulfilment: 'failed' }]);
    sold.note([{ kind: 'honoured', saleId: saleA, dispenseId: 'd1' }], 9);
    expect(sold.proved()).toMatchObject([{ fulfilment: 'done' }]);
  });

  test('nothing of a sale for which the relay has signed nothing', () => {
    expect(past(minted(), did('abandoned')).proved()).toEqual([]);
  });

  test('money that may be owed comes first', () => {
    const both = past(minted(), proof('paid'), did('failed'));
    both.note([minted(saleB), { kind: 'proof', saleId: saleB, verdict: 'paid', proof: 'p' }], 8);
    both.note([{ kind: 'fulfilment', saleId: saleB, result: 'done' }], 9);
    expect(both.proved().map(({ saleId }) => saleId)).toEqual([saleA, saleB]);
  });

  test('a damaged row does not take the others with it', () => {
    const db = new DatabaseSync(':memory:');
    const sales = new PastSales(db);
    sales.note([minted(), proof('paid'), did('failed'), minted(saleB)], 1);
    sales.note([{ kind: 'proof', saleId: saleB, verdict: 'paid', proof: 'p' }], 2);
    db.exec(`UPDATE sales SET fulfilment = 'nonsense', items = '{' WHERE saleId = '${saleA}'`);
    expect(sales.proved()).toMatchObject([{ saleId: saleB }]);
    expect(sales.claimed()).toMatchObject([{ saleId: saleB }]);
  });
});

describe('whose claim code it is', () => {
  const secret = Buffer.alloc(32, 7).toString('base64url');
  const find = (sales: PastSales, saleId = saleA): unknown =>
    saleOfCode(secret, claimCode(secret, saleId), sales.claimed());

  test.each([
    ['goods that did not come', [proof('paid'), did('failed')], true],
    ['goods of which nobody knows', [proof('paid'), did('unknown')], true],
    ['a sale that was abandoned', [proof('pending'), did('abandoned')], true],
    ['late money', [proof('expired'), proof('paid-late')], true],
    ['a sale with its goods', [proof('paid'), did('done')], false],
    ['a cancelled sale', [proof('cancelled')], false],
  ] as const)('%s: %s', (_name, notes, known) => {
    const found = find(past(minted(), ...notes));
    expect(found !== undefined).toBe(known);
    if (known) expect(found).toMatchObject({ saleId: saleA, amountIdr: 15_000, honoured: false });
  });

  test('with the pieces that were bought, whatever a piece costs by now', () => {
    const typed: SaleNote = { ...minted(), items: [], pieces: 3 };
    expect(find(past(typed, proof('paid'), did('failed')))).toMatchObject({ pieces: 3 });
  });

  test('a row with other pieces than were written is nobody’s', () => {
    const db = new DatabaseSync(':memory:');
    const sales = new PastSales(db);
    sales.note([minted(), proof('paid'), did('failed')], 1);
    db.exec('UPDATE sales SET pieces = 9');
    expect(find(sales)).toBeUndefined();
  });

  test('a claim that was honoured is known, and known as that', () => {
    const sales = past(minted(), proof('paid'), did('failed'));
    sales.note([{ kind: 'honoured', saleId: saleA, dispenseId: 'd1' }], 9);
    expect(find(sales)).toMatchObject({ honoured: true });
  });

  test('what a dispenser carried out last is named as it was ordered', () => {
    const sold = past(minted(), proof('paid'), did('failed'), minted(saleB));
    expect(sold.lastCarriedOut()).toEqual([]);
    sold.note([{ kind: 'fulfilment', saleId: saleB, result: 'done' }], 8, '2026-01-01T10:00:00Z');
    expect(sold.lastCarriedOut()).toEqual([saleB]);
    const honoured = { kind: 'honoured', saleId: saleA, dispenseId: 'd1' } as const;
    sold.note([honoured], 9, '2026-01-01T11:00:00Z');
    expect(sold.lastCarriedOut()).toEqual(['d1']);
  });

  test('a late proof of an older sale does not hide which order was the last, nor does the clock', () => {
    const sold = past(minted(), proof('paid'), minted(saleB));
    sold.note([did('done')], 7, '2026-01-01T09:00:00Z');
    sold.note([{ kind: 'fulfilment', saleId: saleB, result: 'done' }], 8, '2026-01-01T10:00:00Z');
    sold.note([proof('paid', 'done')], 9, '2026-01-01T11:00:00Z');
    expect(sold.lastCarriedOut()).toEqual([saleA, saleB]);
    const jumped = past(minted(), minted(saleB));
    jumped.note([did('done')], 7, '2036-01-01T09:00:00Z');
    jumped.note([{ kind: 'fulfilment', saleId: saleB, result: 'done' }], 8, '2026-01-01T10:00:00Z');
    expect(jumped.lastCarriedOut()).toEqual([saleB, saleA]);
  });

  test('a sale that was not minted here has no goods here', () => {
    expect(find(past(proof('paid'), did('failed')))).toBeUndefined();
  });

  test('a code with a wrong check digit is nobody’s', () => {
    const sales = past(minted(), proof('paid'), did('failed'));
    const code = claimCode(secret, saleA);
    const wrong = `${code.slice(0, 10)}${(Number(code.at(-1)) + 1) % 10}`;
    expect(saleOfCode(secret, wrong, sales.claimed())).toBeUndefined();
  });
});

describe('what the steps of a sale add', () => {
  function notes(kiosk: Machine, event: Parameters<Machine['take']>[0]): readonly SaleNote[] {
    const before = kiosk.state;
    kiosk.take(event);
    return notesOf(before, { ...event, atMs: 0 }, kiosk.state);
  }

  test('its minting, each proof, and what was done', () => {
    const kiosk = new Machine();
    kiosk.keys('1', '5', '000');
    expect(notes(kiosk, { kind: 'key', key: 'enter', freshId: saleA })).toEqual([
      { kind: 'minted', saleId: saleA, amountIdr: 15_000, items: [], pieces: 1 },
    ]);
    expect(notes(kiosk, tell('pending', { proof: 'p1' }))).toEqual([
      { kind: 'proof', saleId: saleA, verdict: 'pending', proof: 'p1' },
    ]);
    expect(notes(kiosk, tell('paid', { proof: 'p2' }))).toMatchObject([{ proof: 'p2' }]);
    expect(notes(kiosk, { kind: 'dispensed', saleId: saleA, result: 'failed' })).toEqual([
      { kind: 'fulfilment', saleId: saleA, result: 'failed' },
    ]);
    const late = [tell('paid-late', { proof: 'p3', saleId: saleB }).told];
    const page = { kind: 'caught-up', told: late, ledgerId, more: false } as const;
    expect(notes(kiosk, page)).toMatchObject([{ saleId: saleB, proof: 'p3' }]);
  });

  test.each([
    ['done', ['honoured']],
    ['failed', []],
    ['unknown', []],
  ] as const)('a redemption that ends %s', (result, kinds) => {
    const kiosk = new Machine();
    const found = {
      saleId: saleA,
      amountIdr: 5,
      items: [],
      pieces: 1,
      verdict: 'paid',
      honoured: false,
    } as const;
    kiosk.scan('KLAIM12345678901');
    kiosk.take({ kind: 'claim-sought', code: '12345678901', freshId: 'd1', found });
    kiosk.take({ kind: 'granted', saleId: saleA, dispenseId: 'd1', amountIdr: 5 });
    const end = { kind: 'dispensed', saleId: saleA, dispenseId: 'd1', result } as const;
    expect(notes(kiosk, end).map(({ kind }) => kind)).toEqual(kinds);
  });

  test('proofs stand beside the entries, not in them', () => {
    const event = { ...tell('paid', { proof: 'p1' }), atMs: 0 };
    expect(JSON.stringify(withoutProofs(event))).not.toContain('p1');
    const page: KioskEvent = {
      ...{ kind: 'caught-up', told: [event.told], ledgerId, more: false, atMs: 0 },
    };
    expect(JSON.stringify(withoutProofs(page))).not.toContain('p1');
  });
});

describe('the post to the relay', () => {
  const many = Array.from({ length: 1_001 }, (_, i) => ({ saleId: saleA, proof: `p${i}` }));
  const taken = (body: RecoverBody, more: Partial<RecoverAnswer> = {}): RecoverAnswer => ({
    ...{ ledgerId: 'ledger-2', taken: body.sales.length, refused: [], recovering: true },
    ...more,
  });

  test('comes in pages, each with the cursor', async () => {
    const bodies: RecoverBody[] = [];
    const post = (body: RecoverBody): Promise<{ ok: true; value: RecoverAnswer }> => {
      bodies.push(body);
      return Promise.resolve({ ok: true, value: taken(body) });
    };
    expect(await postSales(post, many, '7.0a1b2c3d', silentLog)).toMatchObject({
      ok: true,
      value: { ledgerId: 'ledger-2', recovering: true },
    });
    expect(bodies.map(({ sales }) => sales.length)).toEqual([500, 500, 1]);
    expect(bodies.every(({ since }) => since === '7.0a1b2c3d')).toBe(true);
    bodies.length = 0;
    await postSales(post, [], startCursor, silentLog);
    expect(bodies).toEqual([{ sales: [], since: startCursor }]);
  });

  test('goes on over sales that are refused, and ends at a page that is', async () => {
    let posts = 0;
    const refused = [{ index: 0, code: 'bad-proof' }];
    const good = await postSales(
      (body) => Promise.resolve({ ok: true, value: taken(body, { refused }) }),
      many,
      startCursor,
      silentLog,
    );
    expect(good.ok).toBe(true);
    const failure = { kind: 'lost', code: 'relay-unreachable' } as const;
    const bad = await postSales(
      () =>
        Promise.resolve(
          ++posts === 2 ? { ok: false, failure } : { ok: true, value: taken({ sales: [] }) },
        ),
      many,
      startCursor,
      silentLog,
    );
    expect(bad).toEqual({ ok: false, failure });
    expect(posts).toBe(2);
  });

  test('is no post when the ledger changes between two pages', async () => {
    let posts = 0;
    const bad = await postSales(
      (body) => Promise.resolve({ ok: true, value: taken(body, { ledgerId: `l${++posts}` }) }),
      many,
      startCursor,
      silentLog,
    );
    expect(bad).toMatchObject({ ok: false, failure: { code: 'ledger-differs' } });
  });
});
