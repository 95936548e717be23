// For tests of claims: a customer with a slip in front of the machine.
import type { Key } from '../../drivers/device.ts';
import type { NewEvent } from '../../src/kiosk/kiosk.ts';
import type { Effect, FoundClaim, RequestFailure as Failure } from '../../src/kiosk/state.ts';
import { Machine, saleA } from './machine.ts';

export const code = '12345678901';
export const dispenseId = 'ksk01-01JD0000000000000000000009';
export const other = 'ksk01-01JD0000000000000000000008';
export const claim: FoundClaim = {
  saleId: saleA,
  amountIdr: 15_000,
  items: [],
  pieces: 3,
  verdict: 'paid',
  honoured: false,
};

/** Whoever has a slip, in front of the kiosk. */
export class Desk extends Machine {
  type(digits = code): Effect[] {
    return this.keys('clear', '00', ...(Array.from(digits) as Key[]), 'enter');
  }
  sought(freshId = dispenseId): Effect[] {
    return this.take({ kind: 'claim-sought', code, freshId, found: claim });
  }
  wrong(): void {
    this.type();
    this.take({ kind: 'claim-sought', code, freshId: dispenseId });
  }
  redeeming(): this {
    this.type();
    this.sought();
    this.phase('redeeming');
    return this;
  }
  grant(change: { saleId?: string; dispenseId?: string; amountIdr?: number } = {}): Effect[] {
    return this.take({ kind: 'granted', saleId: saleA, dispenseId, amountIdr: 15_000, ...change });
  }
  refuse(failure: Failure): Effect[] {
    return this.take(failed(failure));
  }
  dispensing(): this {
    this.redeeming().grant();
    this.phase('dispensing');
    return this;
  }
  end(result: 'done' | 'failed' | 'unknown', id = dispenseId): Effect[] {
    return this.take({ kind: 'dispensed', saleId: saleA, dispenseId: id, result });
  }
  get codes(): readonly string[] {
    return this.phase('blocked').codes;
  }
}

const failed = (failure: Failure): NewEvent => ({
  kind: 'request-failed',
  request: 'redeem',
  saleId: saleA,
  dispenseId,
  failure,
});
