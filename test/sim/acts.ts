// What happens to a run from outside now and then: the operator's refunds, backups and restores, new keys, full disks,
// clocks that jump, panels that go dark, cards that are copied.
import type { RelayFleet } from './relay-fleet.ts';
import type { SimKiosk } from './sim-kiosk.ts';
import type { World } from './world.ts';

const everyMs = 20_000;
/** An image of a card that is put back is so old at least. */
const imageAgeMs = 30_000;

type OnCopy = (kiosk: SimKiosk, image: string) => void;

class Acts {
  readonly #world: World;
  readonly #fleet: RelayFleet;
  readonly #kiosks: readonly SimKiosk[];
  readonly #images = new Map<SimKiosk, { image: string; atMs: number }>();
  readonly #onCopy: OnCopy;
  #backups = 0;

  constructor(world: World, fleet: RelayFleet, kiosks: readonly SimKiosk[], onCopy: OnCopy) {
    this.#world = world;
    this.#onCopy = onCopy;
    this.#fleet = fleet;
    this.#kiosks = kiosks;
  }

  start(): void {
    this.#act();
  }

  #act(): void {
    const { clock, draw, faults } = this.#world;
    clock.after(everyMs + draw.between(0, 3_000), () => {
      if (faults.healed) return;
      this.#operator();
      this.#relays();
      for (const kiosk of this.#kiosks) this.#machine(kiosk);
      this.#act();
    });
  }

  /** Gives money back at Midtrans beside the relay, or tells the relay to. */
  #operator(): void {
    const { faults, oddMoney, dispensed, cash } = this.#world;
    const { store, midtrans } = this.#fleet;
    for (const claim of store.claims.values()) {
      const { saleId } = claim;
      if (claim.state !== 'open') continue;
      // Whoever pays by hand knows what hands have paid.
      const isOwed = ![dispensed, oddMoney, cash].some((over) => over.has(saleId));
      if (faults.strikes('refund ordered')) {
        this.#world.say('operator', `orders the refund of ${saleId}`);
        void this.#order(saleId);
      } else if (isOwed && faults.strikes('settled in cash')) {
        void this.#payCash(saleId);
      } else if (!cash.has(saleId) && faults.strikes('refund by hand')) {
        this.#world.say('operator', `refunds ${saleId} by hand`);
        oddMoney.add(saleId);
        midtrans.account.refund(saleId, '');
      }
    }
  }

  /** Out of a drawer, or an envelope: nobody but the ledger knows that it was paid. */
  async #payCash(saleId: string): Promise<void> {
    const { store } = this.#fleet.store;
    const by = { type: 'settle', as: 'refunded-by-hand', note: 'cash' } as const;
    const settled = await store.moveClaim(saleId, by);
    if (settled?.moved !== true) return;
    this.#world.say('operator', `pays for ${saleId} in cash`);
    this.#world.cash.add(saleId);
  }

  /** What a restored ledger locks, is looked at first: whether the goods came out, or the money went back. */
  async #order(saleId: string): Promise<void> {
    const { store } = this.#fleet.store;
    const { dispensed, cash } = this.#world;
    const ordered = await store.moveClaim(saleId, { type: 'order-refund' });
    if (ordered?.decision.refusal !== 'restored' || dispensed.has(saleId)) return;
    if (cash.has(saleId)) {
      await store.moveClaim(saleId, { type: 'settle', as: 'refunded-by-hand', note: 'was cash' });
      return;
    }
    await store.moveClaim(saleId, { type: 'release' });
    await store.moveClaim(saleId, { type: 'order-refund' });
  }

  #relays(): void {
    const { faults } = this.#world;
    if (faults.strikes('relay key rotated')) void this.#fleet.rotateKey();
    if (!faults.strikes('relay restored')) return;
    this.#backups++;
    if (this.#backups === 1) void this.#fleet.takeBackup();
    else if (!this.#fleet.restored) {
      this.#world.happened.add('restore');
      void this.#fleet.restore();
    }
  }

  #machine(kiosk: SimKiosk): void {
    const { clock, draw, faults } = this.#world;
    if (faults.strikes('clock jumps')) kiosk.jumpClock();
    if (faults.strikes('disk full')) {
      this.#world.say(kiosk.kioskId, 'disk full');
      kiosk.disk.full = true;
      clock.after(draw.between(2_000, 60_000), () => {
        kiosk.disk.full = false;
      });
    }
    if (faults.strikes('display lost')) {
      kiosk.setDisplay(false);
      clock.after(draw.between(2_000, 60_000), () => {
        kiosk.setDisplay(true);
      });
    }
    if (faults.strikes('card copied back')) this.#copyBack(kiosk);
    if (faults.strikes('card cloned')) this.#clone(kiosk);
  }

  /** One of a run: its card is in two machines from now on. */
  #clone(kiosk: SimKiosk): void {
    const { happened } = this.#world;
    const phase = kiosk.state?.phase;
    if (happened.has('copy') || phase === undefined) return;
    happened.add('copy');
    // What the other one does, this one has never heard of.
    happened.add('old card');
    this.#world.say('thief', `starts a copy of ${kiosk.kioskId}`);
    if ('sale' in phase) this.#world.copied.add(phase.sale.saleId);
    this.#onCopy(kiosk, kiosk.disk.image());
  }

  /** The first time an image is made; the second time somebody puts it into the machine. */
  #copyBack(kiosk: SimKiosk): void {
    const { clock, draw, happened } = this.#world;
    const made = this.#images.get(kiosk);
    if (made === undefined) {
      this.#images.set(kiosk, {
        image: kiosk.disk.image(),
        atMs: clock.monotonicMs(),
      });
      return;
    }
    if (clock.monotonicMs() - made.atMs < imageAgeMs) return;
    this.#world.say('technician', `puts an old card into ${kiosk.kioskId}`);
    kiosk.end(true, draw.between(5_000, 60_000), () => {
      happened.add('old card');
      kiosk.disk.putBack(made.image);
    });
  }
}

/** From now on, until all heals. `onCopy`: somebody has made a copy of this kiosk's card. */
export function startActs(
  world: World,
  fleet: RelayFleet,
  kiosks: readonly SimKiosk[],
  onCopy: OnCopy,
): void {
  new Acts(world, fleet, kiosks, onCopy).start();
}
