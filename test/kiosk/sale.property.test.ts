// The sale machine under random events: total, at most one dispense a sale, and goods only for proved money.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { errors, type ErrorCode } from '../../src/protocol/errors.ts';
import { verdicts } from '../../src/protocol/verdict.ts';
import { missingParts } from '../../src/kiosk/missing.ts';
import { nextWake, step } from '../../src/kiosk/sale.ts';
import type { NewEvent } from '../../src/kiosk/kiosk.ts';
import { newState } from '../../src/kiosk/new-state.ts';
import { parts, type Effect, type State } from '../../src/kiosk/state.ts';
import { ledgerId, qris, rules, saleA, saleB } from './machine.ts';
import { startCursor } from '../../src/protocol/sale.ts';

const ids = [saleA, saleB];
const everything = {
  ...rules,
  ...{ qrElsewhere: true as const, technicianCode: '314159', askAgainMs: 30_000 },
};
const keys = [
  '0',
  '1',
  '5',
  '00',
  '000',
  'enter',
  'enter',
  'backspace',
  'clear',
  'cancel',
  'language',
] as const;
const code = fc.constantFrom(...(Object.keys(errors) as ErrorCode[]));
const saleId = fc.constantFrom(...ids);
const amount = fc.constantFrom(1, 5, 5000, 12_000, 15_000);

const told = fc
  .record({
    saleId,
    amountIdr: amount,
    verdict: fc.constantFrom(...verdicts),
    seq: fc.nat(9),
    prev: fc.nat(9),
    expiresInMs: fc.constantFrom(undefined, 0, 180_000),
    settledAgoMs: fc.constantFrom(undefined, 0, 500_000),
    fulfilment: fc.constantFrom(undefined, undefined, undefined, 'done' as const),
  })
  .map(({ expiresInMs, settledAgoMs, fulfilment, ...rest }) => ({
    ...rest,
    ledgerId,
    askedAtMs: 0,
    qrString: qris(rest.amountIdr),
    ...(expiresInMs === undefined ? {} : { expiresInMs }),
    ...(settledAgoMs === undefined ? {} : { settledAgoMs }),
    ...(fulfilment === undefined ? {} : { fulfilment }),
  }));

/** Somebody with a slip: the code is scanned, and the journal knows it. */
interface ClaimComes {
  kind: 'claim';
  honoured: boolean;
  amountIdr: number;
}
type AnyEvent = NewEvent | ClaimComes;

const code11 = '12345678901';

function expanded(event: AnyEvent): NewEvent[] {
  if (event.kind !== 'claim') return [event];
  const { honoured, amountIdr } = event;
  const found = {
    saleId: saleB,
    amountIdr,
    items: [],
    pieces: 1,
    verdict: 'paid' as const,
    honoured,
  };
  return [
    { kind: 'scan', scan: { text: `KLAIM${code11}` } },
    { kind: 'claim-sought', code: code11, freshId: '', found },
  ];
}

const anyEvent: fc.Arbitrary<AnyEvent> = fc.oneof(
  fc.record({ kind: fc.constant('key' as const), key: fc.constantFrom(...keys), freshId: saleId }),
  fc.record({
    kind: fc.constant('scan' as const),
    scan: fc.record({
      text: fc.constantFrom('96385074', 'x', '8991002101234', 'TEKNISI314159', 'TEKNISI271828'),
    }),
  }),
  fc.record({
    kind: fc.constant('told' as const),
    via: fc.constantFrom('http' as const, 'mqtt' as const),
    told,
  }),
  fc.record({
    kind: fc.constant('caught-up' as const),
    told: fc.array(told, { maxLength: 3 }),
    ledgerId: fc.constantFrom(ledgerId, ledgerId, 'ledger-2'),
    more: fc.boolean(),
  }),
  fc.record({ kind: fc.constant('ledger-differs' as const), asked: fc.constant(ledgerId) }),
  fc.record({
    kind: fc.constant('recovered' as const),
    post: fc.constantFrom('all' as const, 'nothing' as const),
    ledgerId: fc.constantFrom(ledgerId, 'ledger-2'),
    recovering: fc.boolean(),
  }),
  fc.record({ kind: fc.constant('recover-failed' as const), code }),
  fc.record({ kind: fc.constant('claim' as const), honoured: fc.boolean(), amountIdr: amount }),
  fc.record({
    kind: fc.constant('granted' as const),
    saleId,
    dispenseId: fc.constant(''),
    amountIdr: amount,
  }),
  fc.record({
    kind: fc.constant('request-failed' as const),
    request: fc.constantFrom(
      'charge' as const,
      'look' as const,
      'stop' as const,
      'report' as const,
    ),
    saleId,
    failure: fc.oneof(
      fc.record({ kind: fc.constantFrom('unsent' as const, 'lost' as const), code }),
      fc.record({ kind: fc.constant('refused' as const), code, retryable: fc.boolean() }),
    ),
  }),
  fc.record({ kind: fc.constant('reported' as const), saleId }),
  fc.record({
    kind: fc.constant('dispensed' as const),
    saleId,
    result: fc.constantFrom('done' as const, 'failed' as const, 'unknown' as const),
  }),
  fc.record({
    kind: fc.constant('dispenser-recalled' as const),
    saleId,
    result: fc.constantFrom('done' as const, 'never' as const, 'unknown' as const),
  }),
  fc.record({
    kind: fc.constant('printed' as const),
    slip: fc.constantFrom('qr' as const, 'claim' as const, 'day' as const, 'void' as const),
    saleId,
    result: fc.constantFrom('printed' as const, 'failed' as const, 'unknown' as const),
  }),
  fc.record({ kind: fc.constant('not-shown' as const), saleId }),
  fc.record({
    kind: fc.constant('restarted' as const),
    bootId: fc.constantFrom('boot-1', 'boot-2'),
  }),
  fc.record({
    kind: fc.constant('part' as const),
    part: fc.constantFrom(...parts),
    health: fc.constantFrom(...[{ ok: true as const }, { ok: true as const }], {
      ok: false as const,
      code: 'printer-paper-out' as const,
    }),
  }),
  fc.record({
    kind: fc.constant('catch-up-failed' as const),
    failure: fc.record({
      ...{ kind: fc.constant('refused' as const), code, retryable: fc.boolean() },
    }),
  }),
  fc.record({
    kind: fc.constant('slips-found' as const),
    slips: fc.constant([{ saleId: saleB, amountIdr: 1, slip: 'receipt' as const }]),
  }),
  fc.constant({ kind: 'woke' as const }),
);

/** Sale ids are unique in the world: an Enter takes the next one that was never used. */
function withFreshIds(events: readonly NewEvent[]): NewEvent[] {
  let minted = 0;
  return events.map((event) =>
    (event.kind === 'key' && event.key === 'enter') || event.kind === 'claim-sought'
      ? { ...event, freshId: `ksk01-01JD00000000000000000${String(minted++).padStart(5, '0')}` }
      : event,
  );
}

test('no series of events breaks it, and no sale is dispensed twice or unpaid', () => {
  fc.assert(
    fc.property(
      fc.array(fc.tuple(anyEvent, fc.constantFrom(0, 10, 3000, 60_000)), { maxLength: 60 }),
      (series) => {
        const events = withFreshIds(series.flatMap(([event]) => expanded(event)));
        let state: State = newState(startCursor, ledgerId);
        let atMs = 0;
        const dispensed = new Map<string, number>();
        events.forEach((event, index) => {
          atMs += series[index]?.[1] ?? 0;
          const { phase } = state;
          const current = 'sale' in phase ? phase.sale.saleId : undefined;
          const redeeming = phase.at === 'redeeming' ? phase.dispenseId : undefined;
          // Events about "the sale" are aimed at the real one, or the machine would ignore nearly all of them.
          const aimed = aim(event, current, state);
          const [next, effects]: readonly [State, readonly Effect[]] = step(
            state,
            { ...aimed, atMs },
            everything,
          );
          for (const effect of effects) {
            if (effect.kind !== 'dispense') continue;
            const id = effect.dispenseId ?? effect.saleId;
            dispensed.set(id, (dispensed.get(id) ?? 0) + 1);
            if (aimed.kind === 'granted') {
              expect(id).toBe(redeeming);
            } else {
              expect(effect.dispenseId).toBeUndefined();
              expect(aimed.kind === 'told' || aimed.kind === 'caught-up').toBe(true);
            }
            expect(next.phase.at).toBe('dispensing');
          }
          expect(JSON.parse(JSON.stringify(next))).toEqual(next);
          if (next.ledgerId !== state.ledgerId) expect(aimed.kind).toBe('recovered');
          if (next.phase.at === 'charging' && state.phase.at !== 'charging') {
            expect(state.ledger.at).toBe('same');
            expect(missingParts(state, everything)).toEqual([]);
          }
          const wake = nextWake(next);
          expect(wake === undefined || Number.isFinite(wake)).toBe(true);
          state = next;
        });
        for (const times of dispensed.values()) expect(times).toBe(1);
      },
    ),
    { numRuns: 3000 },
  );
});

function aim(event: NewEvent, saleId: string | undefined, state: State): NewEvent {
  if (saleId === undefined) return event;
  const amountIdr = 'sale' in state.phase ? state.phase.sale.amountIdr : 0;
  switch (event.kind) {
    case 'told':
      return event.told.saleId === saleA
        ? { ...event, told: { ...event.told, saleId, amountIdr, qrString: qris(amountIdr) } }
        : event;
    case 'granted': {
      const { phase } = state;
      if (phase.at !== 'redeeming') return event;
      return { ...event, saleId, dispenseId: phase.dispenseId };
    }
    case 'dispensed':
    case 'dispenser-recalled': {
      const { phase } = state;
      const granted = phase.at === 'dispensing' ? phase.dispenseId : undefined;
      const aimed = { ...event, saleId };
      return granted === undefined ? aimed : { ...aimed, dispenseId: granted };
    }
    case 'request-failed':
    case 'reported':
    case 'printed':
    case 'not-shown':
      return event.saleId === saleA ? { ...event, saleId } : event;
    default:
      return event;
  }
}
