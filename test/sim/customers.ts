// The people in front of a kiosk: they pay in time, late, in the race with a cancel or twice, they cancel, walk away, come
// back with claim codes, type wrong ones, scan garbage and hammer keys.
import type { Key } from '../../drivers/device.ts';
import { claimCode } from '../../src/protocol/claim-code.ts';
import { scannedClaim } from '../../src/kiosk/redeem.ts';
import type { Transaction } from '../../src/twin/transaction.ts';
import type { RelayFleet } from './relay-fleet.ts';
import type { SimKiosk } from './sim-kiosk.ts';
import { qrLifeMs } from './sim-relay.ts';
import { technicianCode } from './sim-rules.ts';
import type { World } from './world.ts';

const keys: readonly Key[] = [
  ...(['0', '1', '5', '9', '00', '000', 'enter', 'cancel', 'clear', 'backspace'] as const),
  'language',
];
const garbage = [
  ...['', '0', 'KLAIM123', 'KLAIM00000000000', '8991234567890', '8991234567897', 'A'.repeat(512)],
];

export class Customers {
  readonly #world: World;
  readonly #fleet: RelayFleet;
  readonly #kiosk: SimKiosk;
  /** False: nobody comes any more, and nobody pays. */
  here = true;
  started = 0;

  constructor(world: World, fleet: RelayFleet, kiosk: SimKiosk) {
    this.#world = world;
    this.#fleet = fleet;
    this.#kiosk = kiosk;
    kiosk.onShown = (saleId, qrString) => {
      const charge = fleet.midtrans.books.findByQr(qrString);
      if (charge !== undefined && this.here) this.#plan(saleId, charge);
      if (this.here) this.#failWhilePaying();
    };
    kiosk.onPaper = (qrString) => {
      const charge = fleet.midtrans.books.findByQr(qrString);
      if (charge === undefined || !this.here || !world.draw.chance(200)) return;
      this.#pay(world.draw.between(500, 40_000), charge, false);
    };
    this.#act();
  }

  /** Types an amount and begins a sale. */
  type(): void {
    const { draw, count } = this.#world;
    this.started++;
    count.sales++;
    const { idrPerPulse } = this.#kiosk.rules;
    const amountIdr =
      idrPerPulse === undefined ? draw.between(1, 250) * 1_000 : draw.between(1, 99) * idrPerPulse;
    for (const digit of String(amountIdr)) this.#kiosk.press(digit as Key);
    this.#kiosk.press('enter');
    if (this.here && draw.chance(100)) this.#kiosk.press('enter');
  }

  /** Somebody comes back with the slip of one of this kiosk's claims, in runs about them also an old one. False: there is none. */
  bringClaim(): boolean {
    const { draw, say } = {
      draw: this.#world.draw,
      say: this.#world.say.bind(this.#world),
    };
    const any = this.#isAboutClaims && this.here;
    const claims = (this.#kiosk.disk.read?.claimed() ?? []).filter((one) => any || !one.honoured);
    const claim = claims[draw.between(0, Math.max(0, claims.length - 1))];
    if (claim === undefined) return false;
    say('customer', `brings the claim of ${claim.saleId}`);
    this.#enter(claimCode(this.#kiosk.claimSecret, claim.saleId));
    return true;
  }

  get #isAboutClaims(): boolean {
    return this.#world.faults.focus === 'claims';
  }

  #enter(code: string): void {
    if (this.#world.draw.chance(500)) {
      this.#kiosk.scan(scannedClaim(code));
      return;
    }
    for (const key of ['clear', '00'] as const) this.#kiosk.press(key);
    for (const digit of code) this.#kiosk.press(digit as Key);
    this.#kiosk.press('enter');
  }

  #act(): void {
    const { clock, draw, faults } = this.#world;
    clock.after(draw.between(300, 4_000), () => {
      if (!this.here) return;
      if (faults.strikes('kiosk crash')) this.#kiosk.crash();
      const at = this.#kiosk.state?.phase.at;
      if (faults.strikes('garbage scanned')) this.#kiosk.scan(this.#garbage());
      else if (at === 'idle' && faults.strikes('wrong code')) this.#enter(this.#wrongCode());
      else if (at === 'idle' && draw.chance(this.#isAboutClaims ? 650 : 60)) this.bringClaim();
      else if (at === 'idle' && draw.chance(500)) this.type();
      else if (at === 'charging' && draw.chance(80)) this.#kiosk.press('cancel');
      else if (draw.chance(60)) this.#hammer();
      this.#act();
    });
  }

  /** A guess, or the technician's, which is no claim's. */
  #wrongCode(): string {
    const { draw } = this.#world;
    return draw.chance(300) ? technicianCode : String(draw.between(10 ** 10, 10 ** 11 - 1));
  }

  #garbage(): string {
    return garbage[this.#world.draw.between(0, garbage.length - 1)] ?? '';
  }

  #hammer(): void {
    const { draw } = this.#world;
    for (let press = draw.between(1, 8); press > 0; press--) {
      const key = keys[draw.between(0, keys.length - 1)];
      if (key !== undefined) this.#kiosk.press(key);
    }
  }

  /** What this customer will do about the QR in front of them. */
  #plan(saleId: string, charge: Transaction): void {
    const { draw, faults } = this.#world;
    const mood = draw.between(0, 99);
    if (mood < 45) this.#pay(draw.between(1_500, 25_000), charge, false);
    else if (mood < 55) {
      const atMs = qrLifeMs + draw.between(-6_000, 10_000);
      this.#pay(atMs, charge, draw.chance(500));
    } else if (mood < 67) {
      const atMs = draw.between(1_500, 20_000);
      this.#cancel(atMs, saleId);
      this.#pay(Math.max(0, atMs + draw.between(-400, 1_500)), charge, draw.chance(300));
    } else if (mood < 72) {
      this.#pay(draw.between(1_500, 20_000), charge, false);
      this.#pay(draw.between(1_500, 40_000), charge, false);
    } else if (mood < 85) this.#cancel(draw.between(500, 40_000), saleId);
    if (faults.strikes('money after the end')) {
      this.#pay(draw.between(qrLifeMs + 5_000, 500_000), charge, true);
    }
  }

  /** Money then grows old while nobody looks, or its age is counted wrong. */
  #failWhilePaying(): void {
    const { clock, draw, faults } = this.#world;
    const { focus } = faults;
    if (focus === undefined || focus === 'claims' || draw.chance(200)) return;
    clock.after(draw.between(500, 25_000), () => {
      if (!this.here) return;
      if (focus === 'clock') this.#kiosk.jumpClock();
      else this.#kiosk.end(true, draw.between(5_000, 900_000));
    });
  }

  #pay(afterMs: number, charge: Transaction, late: boolean): void {
    this.#world.clock.after(afterMs, () => {
      if (!this.here) return;
      const moved = this.#fleet.midtrans.pay(charge, late);
      this.#world.say('customer', `pays ${charge.orderId}${moved ? '' : ', in vain'}`);
    });
  }

  #cancel(afterMs: number, saleId: string): void {
    this.#world.clock.after(afterMs, () => {
      const phase = this.#kiosk.state?.phase;
      if (phase === undefined || !('sale' in phase) || phase.sale.saleId !== saleId) return;
      this.#kiosk.press('cancel');
    });
  }
}
