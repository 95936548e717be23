// Faults on demand: a list of what shall go wrong, taken one by one as requests and notifications come by.
import {
  maxFaults,
  type Fault,
  type NoticeFault,
  type RequestFault,
  type RequestKind,
} from './fault-schema.ts';
import { seededRandom, type Random } from './random.ts';
import type { TransactionStatus } from './transaction.ts';

/** The faults that still wait, oldest first. One request takes at most one. */
export interface Faults {
  /** False when the list would become longer than its limit. */
  add(more: readonly Fault[]): boolean;
  list(): readonly Fault[];
  clear(): void;
  /** `orderIds`: every name by which the request knows its order. */
  takeForRequest(on: RequestKind, orderIds: readonly string[]): RequestFault | undefined;
  takeForNotice(orderId: string, status: TransactionStatus): NoticeFault | undefined;
}

/** One fault and what it has done so far. */
export interface Waiting {
  readonly fault: Fault;
  /** Matching ones that still go by. */
  passes: number;
  /** Strikes that are left; undefined: no end. */
  left: number | undefined;
  readonly random: Random;
}

const defaultSeed = 1;

export function waitingFor(fault: Fault): Waiting {
  return {
    fault,
    passes: fault.after ?? 0,
    left: fault.times ?? (fault.rate === undefined ? 1 : undefined),
    random: seededRandom(fault.seed ?? defaultSeed),
  };
}

export function isUsedUp(waiting: Waiting): boolean {
  return waiting.left === 0;
}

/** A request, by all the names of its order. */
export interface RequestEvent {
  on: RequestKind;
  orderIds: readonly string[];
}

/** A notification that is about to be sent. */
export interface NoticeEvent {
  on: 'notification';
  orderIds: readonly [string];
  status: TransactionStatus;
}

/** Counts the event where it matches; true when the fault strikes it. */
export function strikes(waiting: Waiting, event: RequestEvent | NoticeEvent): boolean {
  if (!matches(waiting.fault, event)) return false;
  if (waiting.passes > 0) {
    waiting.passes--;
    return false;
  }
  const { rate } = waiting.fault;
  if (rate !== undefined && waiting.random() >= rate) return false;
  if (waiting.left !== undefined) waiting.left--;
  return true;
}

function matches(fault: Fault, event: RequestEvent | NoticeEvent): boolean {
  const { orderId, orderPrefix } = fault;
  const { orderIds } = event;
  if (orderId !== undefined && !orderIds.includes(orderId)) return false;
  if (orderPrefix !== undefined && !orderIds.some((each) => each.startsWith(orderPrefix))) {
    return false;
  }
  if (fault.on === 'notification') {
    if (event.on !== 'notification') return false;
    return fault.transactionStatus === undefined || fault.transactionStatus === event.status;
  }
  if (event.on === 'notification') return false;
  return fault.on === 'any' ? event.on !== 'image' : fault.on === event.on;
}

export function createFaults(): Faults {
  let all: Waiting[] = [];

  function take(event: RequestEvent | NoticeEvent): Fault | undefined {
    const found = all.find((each) => strikes(each, event));
    if (found !== undefined && isUsedUp(found)) all = all.filter((each) => each !== found);
    return found?.fault;
  }

  return {
    add(more) {
      if (all.length + more.length > maxFaults) return false;
      all.push(...more.map(waitingFor));
      return true;
    },
    list: () =>
      all.map(({ fault, left }) => (left === undefined ? fault : { ...fault, times: left })),
    clear() {
      all = [];
    },
    takeForRequest(on, orderIds) {
      const found = take({ on, orderIds });
      return found === undefined || found.on === 'notification' ? undefined : found.do;
    },
    takeForNotice(orderId, status) {
      const found = take({ on: 'notification', orderIds: [orderId], status });
      return found?.on === 'notification' ? found.do : undefined;
    },
  };
}
