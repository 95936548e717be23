// What the kiosks of a run may sell and how: as configurations could have it.
import type { Key } from '../../drivers/device.ts';
import type { Rules } from '../../src/kiosk/rules.ts';
import type { Draw } from './draw.ts';
import { identityOf } from './identities.ts';

/** Opens the technician's screen, where it is typed instead of a claim code. */
export const technicianCode = '314159';
const catalogue = new Map([['8991234567897', { id: 'teh', name: 'Teh botol', priceIdr: 5_000 }]]);
const askAgainMs = 60_000;
/** Of one piece, where an amount is typed; undefined: any amount is one hand-over. */
const steps = [undefined, 1_000, 2_500, 5_000, 7_500];
/** A sale by any of these prices. */
export const anyPriceKeys: readonly Key[] = ['1', '5', '000', 'enter'];

/** Another price from the next start on, as a configuration from afar brings it. */
export function withOtherPrice(draw: Draw, { idrPerPulse: _before, ...rules }: Rules): Rules {
  const idrPerPulse = steps[draw.between(0, steps.length - 1)];
  return idrPerPulse === undefined ? rules : { ...rules, idrPerPulse };
}

/** Mostly a display, sometimes paper, the questions sometimes on. */
export function rulesOf(draw: Draw): Rules {
  const { merchant, limits } = identityOf('ksk01').enrolment;
  const paper = draw.chance(250);
  return {
    ...{ limits, payee: { nmid: merchant.nmid, pan: merchant.pan }, catalogue },
    required: ['journal', 'relay', paper ? 'printer' : 'display', 'dispenser'],
    ...{ qrOn: paper ? 'paper' : 'display', acceptBlindPrinter: false, receipts: paper },
    ...(draw.chance(200) ? { qrElsewhere: true } : {}),
    ...(draw.chance(300) ? { askAgainMs } : {}),
    ...{ maxPieces: 99, technicianCode },
  };
}
