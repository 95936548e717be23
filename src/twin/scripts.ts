// Scripts: faults and acts one after the other for one order, so that an interleaving happens exactly and once.
import type { Clock } from '../lib/clock.ts';
import type { Act, Fault, NoticeFault, RequestFault, Script } from './fault-schema.ts';
import {
  isUsedUp,
  strikes,
  waitingFor,
  type NoticeEvent,
  type RequestEvent,
  type Waiting,
} from './faults.ts';

const maxScripts = 1000;

/** How far a script is. */
export interface Progress {
  script: Script;
  /** The order that its first strike bound it to. */
  orderId?: string;
  /** Index of the step that it waits at. */
  step: number;
}

export interface Scripts {
  /** False when there would be too many. */
  add(more: readonly Script[]): boolean;
  /** Those that are not at their end. */
  list(): Progress[];
  clear(): void;
  takeForRequest(event: RequestEvent): RequestFault | undefined;
  takeForNotice(event: NoticeEvent): NoticeFault | undefined;
  /** What was taken has had its effect: the step after it may begin. */
  goOn(taken: RequestFault | NoticeFault | undefined): void;
}

interface Running extends Progress {
  /** The fault that it waits at; undefined while it acts. */
  waiting: Waiting | undefined;
}

/** `perform` does one act; what it cannot do (nothing to pay) it leaves undone. */
export function createScripts(clock: Clock, perform: (act: Act, orderId: string) => void): Scripts {
  let running: Running[] = [];
  const timers = new Set<() => void>();

  function take(event: RequestEvent | NoticeEvent): Fault | undefined {
    for (const each of running) {
      if (!isMeant(each, event.orderIds)) continue;
      const { waiting } = each;
      if (waiting === undefined || !strikes(waiting, event)) continue;
      // The last name is the order's own; the first may be a transaction id.
      each.orderId ??= event.orderIds.at(-1) ?? '';
      return waiting.fault;
    }
    return undefined;
  }

  /** Arms the next fault, or does the acts that stand before it. */
  function moveOn(each: Running): void {
    each.step++;
    each.waiting = undefined;
    const next = each.script.steps[each.step];
    if (next === undefined) {
      running = running.filter((other) => other !== each);
      return;
    }
    if ('on' in next) {
      each.waiting = waitingFor(next);
      return;
    }
    const cancel = clock.after(next.afterMs, () => {
      timers.delete(cancel);
      if (!running.includes(each)) return;
      perform(next, each.orderId ?? '');
      moveOn(each);
    });
    timers.add(cancel);
  }

  return {
    add(more) {
      if (running.length + more.length > maxScripts) return false;
      for (const script of more) {
        const [first] = script.steps;
        const waiting = first !== undefined && 'on' in first ? waitingFor(first) : undefined;
        running.push({ script, step: 0, waiting });
      }
      return true;
    },
    list: () =>
      running.map(({ script, step, orderId }) => ({
        script,
        step,
        ...(orderId === undefined ? {} : { orderId }),
      })),
    clear() {
      running = [];
      for (const cancel of timers) cancel();
      timers.clear();
    },
    takeForRequest(event) {
      const found = take(event);
      return found === undefined || found.on === 'notification' ? undefined : found.do;
    },
    takeForNotice(event) {
      const found = take(event);
      return found?.on === 'notification' ? found.do : undefined;
    },
    goOn(taken) {
      const from = running.find((each) => each.waiting?.fault.do === taken);
      if (from?.waiting !== undefined && isUsedUp(from.waiting)) moveOn(from);
    },
  };
}

function isMeant(each: Running, orderIds: readonly string[]): boolean {
  if (each.orderId !== undefined) return orderIds.includes(each.orderId);
  const { orderId, orderPrefix } = each.script;
  if (orderId !== undefined && !orderIds.includes(orderId)) return false;
  return orderPrefix === undefined || orderIds.some((one) => one.startsWith(orderPrefix));
}
