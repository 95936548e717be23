// The way of a kiosk's requests to a relay and back: lost, late, doubled, or in the hands of somebody who alters and
// replays what he sees. Nothing happens here that the world could not do.
import type { Send, SendAnswer } from '../../src/kiosk/send.ts';
import { alterAnswer, alterRequest, type Seen } from './middle.ts';
import type { RelayFleet } from './relay-fleet.ts';
import type { WireAnswer, WireRequest } from './switchboard.ts';
import type { World } from './world.ts';

/** What the network says before a byte has left. */
class Refused extends Error {
  constructor() {
    super('fetch failed', { cause: { code: 'ECONNREFUSED' } });
  }
}

/** One life of a kiosk, as its line needs it. */
export interface LineEnd {
  alive: () => boolean;
}

/** `seen`: what the middle of this kiosk's line remembers. */
export function createSend(world: World, fleet: RelayFleet, seen: Seen, end: LineEnd): Send {
  return (url, { method, headers, body, limitMs }) => {
    const request: WireRequest = {
      ...{ method, path: `${url.pathname}${url.search}`, headers },
      ...(body === undefined ? {} : { body }),
    };
    return send(world, fleet, seen, request, limitMs, end);
  };
}

/** Late and lost requests may still be served at the relay. */
function send(
  world: World,
  fleet: RelayFleet,
  seen: Seen,
  request: WireRequest,
  limitMs: number,
  end: LineEnd,
): Promise<SendAnswer> {
  const { clock, draw, faults } = world;
  const answer = Promise.withResolvers<SendAnswer>();
  const cancel = clock.after(limitMs, () => {
    answer.reject(new Error('timeout'));
  });
  const finish = (given: WireAnswer): void => {
    cancel();
    if (end.alive()) answer.resolve(alterAnswer(world, seen, request, given));
  };
  const delayMs = (): number =>
    faults.strikes('http slow') ? draw.between(500, 30_000) : draw.between(2, 80);
  const refuse = (afterMs: number, error: Error): void => {
    clock.after(afterMs, () => {
      cancel();
      answer.reject(error);
    });
  };
  if (fleet.any() === undefined) {
    refuse(draw.between(1, 20), new Refused());
    return answer.promise;
  }
  if (faults.strikes('http request lost')) return answer.promise;
  const copies = faults.strikes('http twice') ? 2 : 1;
  for (let copy = 0; copy < copies; copy++) {
    clock.after(delayMs(), () => {
      const served = fleet.call(alterRequest(world, seen, request));
      if (served === undefined) {
        refuse(0, new Error('connection reset'));
        return;
      }
      void served.then((given) => {
        if (faults.strikes('http answer lost')) return;
        clock.after(delayMs(), () => {
          finish(given);
        });
      });
    });
  }
  return answer.promise;
}
