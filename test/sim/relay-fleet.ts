// All relays of a run on their one store: who is up, who publishes to which kiosk, what a restore from a backup and a
// rotation of the signing key do to them.
import type { KioskHold } from '../../src/relay/store/database.ts';
import { checkCommit, checkLanded } from './checks.ts';
import { Midtrans } from './midtrans.ts';
import { nextRow } from './relay-keys.ts';
import { SimRelay } from './sim-relay.ts';
import type { Backup, SimStore } from './sim-store.ts';
import type { WireAnswer, WireRequest } from './switchboard.ts';
import type { World } from './world.ts';

/** Longer than another relay and every kiosk need to hear of it (src/relay/key-chain.ts). */
const rotationMs = 90_000;

export class RelayFleet {
  readonly store: SimStore;
  readonly midtrans: Midtrans;
  /** Two relays share a broker that is a program of its own. */
  readonly brokerOutside: boolean;
  readonly refundsThemselves: boolean;
  /** The broker hands a document to a kiosk's session. */
  onPublish: (kioskId: string, text: string) => void = () => undefined;
  /** The broker ends the connection of every boot but this one. */
  onReplaced: (kioskId: string, bootId: string) => void = () => undefined;
  /** A relay is there, or is gone. */
  onChange: (relay: SimRelay) => void = () => undefined;
  readonly #world: World;
  readonly #relays: SimRelay[];
  readonly #holds = new Map<string, { alive: boolean }>();
  #backup: Backup | undefined;
  #ledgers = 1;
  #links = 1;

  constructor(world: World, store: SimStore) {
    this.#world = world;
    this.store = store;
    const { draw } = world;
    this.brokerOutside = draw.chance(250);
    this.refundsThemselves = draw.chance(400);
    const names = this.brokerOutside ? ['relay-1', 'relay-2'] : ['relay'];
    this.#relays = names.map((name) => new SimRelay(world, this, name));
    this.midtrans = new Midtrans(
      world,
      async (text) => (await this.#notice(text)) ?? { kind: 'unanswered' },
      (saleId) => {
        checkLanded(world, store.sales.get(saleId));
      },
    );
    store.onCommit = (before, saleId) => {
      checkCommit(world, this, before, saleId);
    };
  }

  async start(): Promise<void> {
    for (const relay of this.#relays) await relay.start();
  }

  get relays(): readonly SimRelay[] {
    return this.#relays;
  }

  get rotated(): boolean {
    return this.#links > 1;
  }

  get restored(): boolean {
    return this.#ledgers > 1;
  }

  /** Any of those that are up; undefined: none is. */
  any(): SimRelay | undefined {
    const up = this.#relays.filter((relay) => relay.up);
    return up[this.#world.draw.between(0, Math.max(0, up.length - 1))];
  }

  call(request: WireRequest): Promise<WireAnswer> | undefined {
    return this.any()?.call(request);
  }

  wakeAll(kioskId: string): void {
    for (const relay of this.#relays) relay.wake(kioskId);
  }

  /** The right to publish to one kiosk: of one life of a relay at a time. */
  hold(kioskId: string, life: { alive: boolean }): KioskHold | undefined {
    const holder = this.#holds.get(kioskId);
    if (holder?.alive === true && holder !== life) return undefined;
    this.#holds.set(kioskId, life);
    return {
      held: () => this.#holds.get(kioskId) === life,
      release: () => {
        if (this.#holds.get(kioskId) === life) this.#holds.delete(kioskId);
        return Promise.resolve();
      },
    };
  }

  onStart(relay: SimRelay): void {
    this.onChange(relay);
  }

  onStop(relay: SimRelay): void {
    this.onChange(relay);
  }

  async rotateKey(): Promise<void> {
    const { clock, say } = {
      clock: this.#world.clock,
      say: this.#world.say.bind(this.#world),
    };
    const row = await nextRow(this.#links, clock.nowMs(), rotationMs);
    if (row === undefined || this.restored) return;
    this.#links++;
    say('operator', 'rotates the signing key');
    await this.store.store.addKey(row);
  }

  async takeBackup(): Promise<void> {
    this.#world.say('operator', 'takes a backup');
    this.#backup = await this.#world.clock.hold(() => this.store.backup());
  }

  /** The disk is lost; the operator stops all relays, restores the backup and starts them. */
  async restore(): Promise<void> {
    const backup = this.#backup;
    if (backup === undefined) return;
    const { clock, draw } = this.#world;
    for (const relay of this.#relays) relay.stop('is being restored');
    this.#ledgers++;
    const ledgerId = `ledger-${this.#ledgers}`;
    this.#world.say('operator', `restores the backup as ${ledgerId}`);
    await clock.hold(() => this.store.restore(backup, ledgerId));
    clock.after(draw.between(500, 30_000), () => void this.start());
  }

  /** Midtrans' webhook, at any relay. */
  async #notice(body: string): Promise<{ kind: 'answered'; http: number } | undefined> {
    const request = {
      method: 'POST',
      path: '/v1/notifications/midtrans',
      headers: {},
      body,
    };
    const served = this.call(request);
    if (served === undefined) return undefined;
    const answered = Promise.withResolvers<{ kind: 'answered'; http: number } | undefined>();
    this.#world.clock.after(15_000, () => {
      answered.resolve(undefined);
    });
    void served.then(({ status }) => {
      answered.resolve({ kind: 'answered', http: status });
    });
    return answered.promise;
  }
}
