// What the kiosks of a run may sell and how: as configurations could have it.
import type { Rules } from '../../src/kiosk/rules.ts';
import type { Draw } from './draw.ts';
import { identityOf } from './identities.ts';

/** Opens the technician's screen, where it is typed instead of a claim code. */
export const technicianCode = '314159';
const catalogue = new Map([['8991234567897', { id: 'teh', name: 'Teh botol', priceIdr: 5_000 }]]);
const askAgainMs = 60_000;

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
