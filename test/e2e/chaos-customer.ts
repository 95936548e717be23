// Customers at a kiosk, one after the other: they look at the screen, press keys and pay, whatever else is going on. They
// know nothing of what was killed, and never wait for anything but the screen.
import type { Key } from '../../drivers/device.ts';
import { systemClock, wait } from '../../src/lib/clock.ts';
import type { Draw } from '../sim/draw.ts';
import { readQr, type World } from './world.ts';

export interface Customers {
  /** QRs that a wallet has paid. */
  readonly paid: number;
  /** QRs that somebody saw. */
  readonly seen: number;
  /** The last one goes home as soon as the kiosk lets go of the sale. @throws when it never does */
  stop(): Promise<void>;
  /** Everybody runs out of the house, whatever the kiosk does. */
  flee(): void;
}

/** Longer than a QR lives and a stop may take. */
const lastSaleMs = 120_000;

/** How somebody behaves who sees a QR: of a hundred. */
type Mood = 'pays' | 'cancels' | 'pays and cancels' | 'cancels and pays' | 'walks away';
const moods: readonly (readonly [Mood, percent: number])[] = [
  ['pays', 76],
  ['cancels', 7],
  ['pays and cancels', 7],
  ['cancels and pays', 7],
  ['walks away', 3],
];

const lowestIdr = 1000;

/** How an amount is typed. */
export function keysOf(amountIdr: number): Key[] {
  // The digits of a number are keys of the keypad.
  return Array.from(String(amountIdr), (digit) => digit as Key);
}

/** @param draw every choice and pause comes from it. `steady`: nobody changes their mind. */
export function letIn(world: World, draw: Draw, steady = false): Customers {
  const stopping = new AbortController();
  const fleeing = new AbortController();
  let leavingSinceMs: number | undefined;
  const counted = { paid: 0, seen: 0, amounts: 0 };
  let last: string | undefined;

  /** No two sales have the same amount, so that what was paid can be told apart. */
  const order = (): Key[] => {
    counted.amounts += 1;
    const amountIdr = lowestIdr + counted.amounts * 7;
    return ['cancel', ...keysOf(amountIdr), 'enter'];
  };

  const press = (...keys: Key[]): void => {
    for (const key of keys) if (!world.keypad.press(key)) return; // The kiosk is away: so is what is pressed.
  };

  const pay = async (qr: string): Promise<void> => {
    const answer = await world.wallet('pay', { qrString: qr });
    if (answer.ok) counted.paid += 1;
  };

  const seeQr = async (qr: string): Promise<void> => {
    counted.seen += 1;
    switch (steady ? 'pays' : moodOf(draw)) {
      case 'pays':
        await pay(qr);
        break;
      case 'cancels':
        press('cancel');
        break;
      case 'pays and cancels':
        await pay(qr);
        press('cancel');
        break;
      case 'cancels and pays':
        press('cancel');
        await pay(qr);
        break;
      case 'walks away':
        break;
    }
  };

  /** One look at the kiosk. False: there is nothing more to do here for somebody who wants to go home. */
  const look = async (leaving: boolean): Promise<boolean> => {
    const { lastPhase } = world.kiosk;
    switch (lastPhase) {
      case undefined:
      case 'idle':
      case 'entering':
      case 'basket':
      case 'blocked':
      case 'claiming':
        if (leaving) return false;
        press(...order());
        return true;
      case 'result':
        press('enter');
        return true;
      case 'paying': {
        const frame = world.display.frame();
        const qr = frame === undefined ? undefined : readQr(frame);
        if (qr === undefined || qr === last) return true;
        last = qr;
        await seeQr(qr);
        return true;
      }
      default:
        return true;
    }
  };

  /** A kiosk that keeps its last customer is told by name, not by a test that never ends. */
  const held = (): void => {
    leavingSinceMs ??= systemClock.monotonicMs();
    if (systemClock.monotonicMs() - leavingSinceMs < lastSaleMs) return;
    throw new Error(`the last customer is still held at ${String(world.kiosk.lastPhase)}`);
  };

  const running = (async () => {
    while (!fleeing.signal.aborted) {
      const leaving = stopping.signal.aborted;
      if (!(await look(leaving))) return;
      if (leaving) held();
      await wait(systemClock, draw.between(20, 150));
    }
  })();

  return {
    get paid() {
      return counted.paid;
    },
    get seen() {
      return counted.seen;
    },
    stop: async () => {
      stopping.abort();
      await running;
    },
    flee: () => {
      fleeing.abort();
      // What keeps them is told by the error that they flee from.
      running.catch(() => undefined);
    },
  };
}

function moodOf(draw: Draw): Mood {
  let left = draw.between(0, 99);
  for (const [mood, percent] of moods) {
    left -= percent;
    if (left < 0) return mood;
  }
  return 'pays';
}
