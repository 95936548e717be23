// All that may go wrong, from one place: scripts first, then the list of faults.
import type { NoticeFault, RequestFault } from './fault-schema.ts';
import type { Faults } from './faults.ts';
import type { Scripts } from './scripts.ts';

/** Faults with a word for when one has had its effect. */
export interface Interference extends Faults {
  goOn(taken: RequestFault | NoticeFault | undefined): void;
}

export function interference(scripts: Scripts, faults: Faults): Interference {
  return {
    ...faults,
    takeForRequest: (on, orderIds) =>
      scripts.takeForRequest({ on, orderIds }) ?? faults.takeForRequest(on, orderIds),
    takeForNotice(orderId, status) {
      const found = scripts.takeForNotice({ on: 'notification', orderIds: [orderId], status });
      // A notification goes its way at once: the step after it may begin.
      scripts.goOn(found);
      return found ?? faults.takeForNotice(orderId, status);
    },
    goOn: (taken) => {
      scripts.goOn(taken);
    },
  };
}
