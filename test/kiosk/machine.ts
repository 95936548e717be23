// For tests of the machine: a kiosk's rules, a state, and a way to run events through `step` and see what it asked for.
import { formatTlv, withCrc } from '../../src/protocol/qris.ts';
import { startCursor } from '../../src/protocol/sale.ts';
import { step } from '../../src/kiosk/sale.ts';
import type { NewEvent } from '../../src/kiosk/kiosk.ts';
import type { Rules } from '../../src/kiosk/rules.ts';
import { newState } from '../../src/kiosk/new-state.ts';
import {
  parts,
  patience,
  type Effect,
  type Phase,
  type State,
  type Told,
} from '../../src/kiosk/state.ts';

export const saleA = 'ksk01-01JD0000000000000000000000';
export const saleB = 'ksk01-01JD0000000000000000000001';
export const ledgerId = 'ledger-1';
export const payee = { nmid: 'ID1099000000001', pan: '9360091400000000017' };

export const rules: Rules = {
  limits: { minIdr: 1, maxIdr: 10_000_000 },
  payee,
  catalogue: new Map([
    ['8991002101234', { id: 'kopi', name: 'Kopi susu', priceIdr: 12_000 }],
    ['96385074', { id: 'teh', name: 'Teh', priceIdr: 5_000 }],
  ]),
  required: ['journal', 'relay', 'display', 'dispenser'],
  qrOn: 'display',
  acceptBlindPrinter: false,
  receipts: true,
  maxPieces: 99,
};

/** A QRIS text as Midtrans makes one, for this amount and payee. */
export function qris(amountIdr: number, to = payee): string {
  return withCrc(
    formatTlv([
      ['00', '01'],
      ['01', '12'],
      [
        '26',
        formatTlv([
          ['00', 'COM.GO-JEK.WWW'],
          ['01', to.pan],
          ['02', 'G000000001'],
          ['03', 'UMI'],
        ]),
      ],
      [
        '51',
        formatTlv([
          ['00', 'ID.CO.QRIS.WWW'],
          ['02', to.nmid],
          ['03', 'UMI'],
        ]),
      ],
      ['52', '5812'],
      ['53', '360'],
      ['58', 'ID'],
      ['59', 'KIOS CONTOH'],
      ['60', 'BANDUNG'],
      ['61', '40111'],
      ['54', `${amountIdr}.00`],
      ['62', formatTlv([['07', 'A01']])],
    ]),
  );
}

export function tell(
  verdict: Told['verdict'],
  more: Partial<Told> = {},
): Extract<NewEvent, { kind: 'told' }> {
  const told: Told = {
    saleId: saleA,
    amountIdr: 15_000,
    verdict,
    seq: 1,
    prev: 0,
    ledgerId,
    askedAtMs: 0,
    ...(verdict === 'pending' ? { qrString: qris(15_000), expiresInMs: 180_000 } : {}),
    ...more,
  };
  return { kind: 'told', via: 'http', told };
}

/** One machine with a clock that the test turns. */
export class Machine {
  nowMs = 0;
  state: State;
  /** Everything that was ever asked for. */
  readonly effects: Effect[] = [];
  rules: Rules;

  constructor(some: Partial<Rules> = {}) {
    this.rules = { ...rules, ...some };
    this.state = newState(startCursor, ledgerId);
    this.boot('boot-1');
  }

  /** A start of the process, with every part reporting that it works. */
  boot(bootId: string): Effect[] {
    const asked = this.take({ kind: 'restarted', bootId });
    for (const part of parts) this.take({ kind: 'part', part, health: { ok: true } });
    this.sameLedger();
    return asked;
  }

  /** The same, by another configuration. */
  bootWith(some: Partial<Rules>): Effect[] {
    this.rules = { ...rules, ...some };
    return this.boot(this.state.bootId);
  }

  /** The relay has answered the catch-up: nothing is new. */
  sameLedger(): Effect[] {
    return this.take({
      kind: 'caught-up',
      told: [],
      ledgerId: this.state.ledgerId,
      more: false,
    });
  }

  take(event: NewEvent): Effect[] {
    const [next, effects] = step(this.state, { ...event, atMs: this.nowMs }, this.rules);
    this.state = next;
    this.effects.push(...effects);
    return [...effects];
  }

  keys(...keys: Extract<NewEvent, { kind: 'key' }>['key'][]): Effect[] {
    return keys.flatMap((key) => this.take({ kind: 'key', key, freshId: saleA }));
  }

  scan(text: string): Effect[] {
    return this.take({ kind: 'scan', scan: { text } });
  }

  wakeAfter(ms: number): Effect[] {
    this.nowMs += ms;
    return this.take({ kind: 'woke' });
  }

  get at(): Phase['at'] {
    return this.state.phase.at;
  }

  phase<K extends Phase['at']>(at: K): Extract<Phase, { at: K }> {
    const { phase } = this.state;
    if (phase.at !== at) throw new Error(`the kiosk is at ${phase.at}, not at ${at}`);
    return phase as Extract<Phase, { at: K }>;
  }

  /** Rp 15.000 typed, charged, its QR on show. */
  showQr(): this {
    this.keys('1', '5', '000', 'enter');
    this.take(tell('pending', { askedAtMs: this.nowMs }));
    this.phase('paying');
    return this;
  }

  /** Somebody has read the code on the screen, and puts it away. */
  codeRead(): void {
    this.nowMs += patience.readMs;
    this.keys('enter');
  }

  count(kind: Effect['kind']): number {
    return this.effects.filter((effect) => effect.kind === kind).length;
  }
}
