// One life of a kiosk's process, and what it may do to the world: nothing that is not on its disk, no goods on hearsay.
import type { Kiosk, NewEvent } from '../../src/kiosk/kiosk.ts';
import type { Rules } from '../../src/kiosk/rules.ts';
import type { Effect, OpenSale } from '../../src/kiosk/state.ts';
import type { SimKiosk } from './sim-kiosk.ts';
import type { World } from './world.ts';

export interface Life {
  alive: boolean;
  kiosk: Kiosk;
  stopping: AbortController;
  /** Sales that this life showed, or fetched as paid: only these may be dispensed by it (PROTOCOL.md §1). */
  known: Set<string>;
}

/** Rule 1, and that only a verdict of this life moves a motor. */
export function checkEffect(
  world: World,
  { disk, name }: Pick<SimKiosk, 'disk' | 'name'>,
  { known }: Life,
  effect: Effect,
): void {
  if (effect.kind === 'charge' && !disk.knowsCharge(effect.saleId)) {
    world.broke(`${effect.saleId} is charged and not on the disk`);
  }
  if (effect.kind === 'charge' && !world.bought.has(effect.saleId)) {
    world.broke(`${effect.saleId} is charged and nobody has bought anything`);
  }
  if (effect.kind !== 'dispense') return;
  const id = effect.dispenseId ?? effect.saleId;
  world.say(name, `dispenses ${id}`);
  if (!disk.knowsDispense(id)) world.broke(`${id} is dispensed and not on the disk`);
  if (effect.dispenseId !== undefined || known.has(effect.saleId)) return;
  world.broke(`${effect.saleId} is dispensed on a verdict that was not fetched in this life`);
}

/** Who must have fetched a verdict before goods move. */
export function noteKnown({ known }: Life, event: NewEvent): void {
  if (event.kind === 'told' && event.via === 'http' && event.told.verdict === 'paid') {
    known.add(event.told.saleId);
  }
  if (event.kind !== 'caught-up') return;
  for (const { saleId, verdict } of event.told) if (verdict === 'paid') known.add(saleId);
}

/** What a customer may expect, reckoned when the sale is written down first, and beside the product. */
export function noteBought(
  { bought }: Pick<World, 'bought'>,
  { saleId, amountIdr, items }: Pick<OpenSale, 'saleId' | 'amountIdr' | 'items'>,
  { idrPerPulse = amountIdr }: Pick<Rules, 'idrPerPulse'>,
): void {
  if (bought.has(saleId)) return;
  const counted = items.map(({ quantity }) => quantity).reduce((sum, each) => sum + each, 0);
  bought.set(saleId, counted > 0 ? counted : amountIdr / idrPerPulse);
}
