// Where the planted bugs of a kiosk take hold: between the machine and its lines. Without a bug nothing here is called.
import type { DispenseResult } from '../../drivers/device.ts';
import type { NewEvent } from '../../src/kiosk/kiosk.ts';
import type { RelayClient } from '../../src/kiosk/relay-client.ts';
import type { Rules } from '../../src/kiosk/rules.ts';
import type { Effect, State, Told } from '../../src/kiosk/state.ts';
import type { Clock } from '../../src/lib/clock.ts';
import type { Sale } from '../../src/protocol/sale.ts';
import type { Bug } from './bugs.ts';
import type { Draw } from './draw.ts';

/** The events that a kiosk with this bug takes for one. */
export function spoilEvent(bug: Bug, event: NewEvent, { phase }: State): readonly NewEvent[] {
  // The message itself still moves the cursor, after the bug has had its way.
  if (bug === 'mqtt-as-fetched' && event.kind === 'told' && event.told.verdict === 'paid') {
    return [{ ...event, via: 'http', told: { ...event.told, settledAgoMs: 0 } }, event];
  }
  if (bug === 'late-money-vends' && event.kind === 'told' && event.told.verdict === 'paid-late') {
    return [{ ...event, via: 'http', told: asPaid(event.told) }, event];
  }
  if (bug === 'served-for-ever' && event.kind === 'told' && event.told.verdict === 'paid') {
    return [{ ...event, told: { ...event.told, settledAgoMs: 0 } }];
  }
  if (event.kind === 'dispensed' || event.kind === 'dispenser-recalled') {
    return [{ ...event, result: spoilResult(bug, event.result) }];
  }
  if (bug === 'honoured-again' && event.kind === 'claim-sought' && event.found !== undefined) {
    return [{ ...event, found: { ...event.found, honoured: false } }];
  }
  if (bug === 'ledger-unchecked' && event.kind === 'ledger-differs') return [];
  if (event.kind !== 'request-failed') return [event];
  const { saleId, request } = event;
  if (bug === 'report-once' && request === 'report') return [{ kind: 'reported', saleId }];
  if (bug === 'error-ends-sale' && request === 'stop' && 'sale' in phase) {
    const { amountIdr } = phase.sale;
    const numbers = { seq: 0, prev: 0, ledgerId: '', askedAtMs: 0 };
    const told: Told = { saleId, amountIdr, verdict: 'cancelled', ...numbers };
    return [{ kind: 'told', via: 'http', told }];
  }
  return [event];
}

function spoilResult(bug: Bug, result: DispenseResult | 'never'): DispenseResult | 'never' {
  if (result !== 'unknown') return result;
  if (bug === 'unknown-is-done') return 'done';
  return bug === 'unknown-is-failed' ? 'failed' : result;
}

/** What a kiosk with this bug finds in its journal. */
export function spoilState(bug: Bug, state: unknown): unknown {
  if (state === undefined) return state;
  if (bug === 'reports-forgotten') return { ...(state as State), reports: [] };
  if (bug === 'sale-forgotten') return { ...(state as State), phase: { at: 'idle' } };
  return state;
}

function asPaid(told: Told): Told {
  const { fulfilment: _fulfilment, ...rest } = told;
  return { ...rest, verdict: 'paid', settledAgoMs: 0 };
}

/** What a kiosk with this bug counts its deadlines by. */
export function spoilClock(bug: Bug, clock: Clock): Clock {
  if (bug !== 'wall-clock-for-deadlines') return clock;
  return { ...clock, monotonicMs: () => clock.nowMs() };
}

/** An effect as a kiosk with this bug would do it. */
export function spoilEffect(
  bug: Bug,
  effect: Effect,
  { phase }: State,
  { idrPerPulse }: Rules,
): Effect {
  if (bug === 'price-of-the-day' && effect.kind === 'dispense' && 'sale' in phase) {
    const { amountIdr, items } = phase.sale;
    const pieces = idrPerPulse === undefined ? 1 : amountIdr / idrPerPulse;
    return items.length > 0 ? effect : { ...effect, pieces };
  }

  if (bug !== 'pulse-again-after-restart' || effect.kind !== 'recall-dispenser') return effect;
  const pieces = 'sale' in phase ? phase.sale.pieces : 1;
  return { kind: 'dispense', saleId: effect.saleId, pieces };
}

/** The calls of a kiosk with this bug. */
export function spoilClient(bug: Bug, client: RelayClient, draw: Draw): RelayClient {
  switch (bug) {
    case 'fresh-id-on-retry':
      return withFreshIds(client, draw);
    case 'message-unproved':
      return {
        ...client,
        prove: (document, askedAtMs) => Promise.resolve(asTold(document, askedAtMs)),
      };
    case 'grant-unproved':
      return {
        ...client,
        redeem: async (effect) => {
          await client.redeem(effect);
          return { ok: true, value: undefined };
        },
      };
    default:
      return client;
  }
}

function asTold(document: Sale, askedAtMs: number): Told {
  const { saleId, amountIdr, verdict, seq, prev, ledgerId } = document;
  return { saleId, amountIdr, verdict, seq, prev, ledgerId, askedAtMs };
}

function withFreshIds(client: RelayClient, draw: Draw): RelayClient {
  const charged = new Set<string>();
  return {
    ...client,
    async charge(effect) {
      const { saleId } = effect;
      const repeated = charged.has(saleId);
      charged.add(saleId);
      if (!repeated) return client.charge(effect);
      const other = saleId.slice(0, -4) + String(draw.between(1000, 9999));
      const answer = await client.charge({ ...effect, saleId: other });
      return answer.ok ? { ok: true, value: { ...answer.value, saleId } } : answer;
    },
  };
}
