// Whether a command is obeyed now, waits, or never will be (PROTOCOL.md §9). PURE. Every command here has passed its proof.
// In doubt nothing is done: the operator can always ask again.
import {
  argumentFault,
  isCommandName,
  maxCommandLifeMs,
  type CommandClaims,
  type CommandName,
} from '../protocol/command.ts';
import type { Memory, Obeyed } from './commands-memory.ts';

/** Obeyed within the longest life of a command. What is full obeys nothing more: it forgets none that may come again. */
export const maxRemembered = 256;

/** Why a command did nothing; counted by this word, in the status message too. */
export const refusals = [
  'forged',
  'not-ours',
  'expired',
  'too-long',
  'replayed',
  'too-old',
  'unknown',
  'replaced',
  'not-idle',
  'full',
] as const;
export type Refusal = (typeof refusals)[number];

export type Judgement =
  | { kind: 'obey'; name: CommandName; deadlineMs: number }
  | { kind: 'wait' }
  /** It was obeyed: what came of it is told again. */
  | { kind: 'repeat'; before: Obeyed }
  | { kind: 'refuse'; refusal: Refusal; why: string };

/** What is so at this moment. */
export interface Moment {
  /** The relay's time, as it has signed it for this kiosk since it started. */
  relayMs: number;
  /** Nobody is served. */
  idle: boolean;
}

/** Two clocks that agree may differ by so much. */
export const toleranceMs = 60_000;
/** What nobody has heard of is forgotten so long after its deadline all the same. */
const untoldMs = maxCommandLifeMs;

const needsIdle: ReadonlySet<CommandName> = new Set(['restart', 'reload-config', 'test-print']);

export function judge(claims: CommandClaims, memory: Memory, moment: Moment): Judgement {
  const { commandId, name, argument, whenIdle } = claims;
  const { relayMs, idle } = moment;
  const deadlineMs = Date.parse(claims.deadline);
  const before = memory.obeyed.find(({ id }) => id === commandId);
  if (before !== undefined) return { kind: 'repeat', before };
  if (deadlineMs <= memory.overMs) return refuse('replayed', 'a later one is over already');
  if (deadlineMs <= relayMs) return refuse('expired', 'its deadline is over');
  if (deadlineMs > relayMs + maxCommandLifeMs + toleranceMs) {
    return refuse('too-long', 'its deadline is too far away');
  }
  if (claims.iat * 1000 < memory.bornMs) {
    return refuse('too-old', 'it was given before this kiosk began to remember commands');
  }
  if (!isCommandName(name)) return refuse('unknown', 'this kiosk has no such command');
  const fault = argumentFault(name, argument);
  if (fault !== undefined) return refuse('unknown', fault);
  const last = lastOf(name, memory);
  if (claims.iat < last.atS || (claims.iat === last.atS && commandId < last.id)) {
    return refuse('replaced', 'a newer command has said otherwise');
  }
  if (!idle && whenIdle) return { kind: 'wait' };
  if (!idle && needsIdle.has(name)) return refuse('not-idle', 'somebody is being served');
  if (memory.obeyed.length >= maxRemembered) {
    return refuse('full', 'this kiosk remembers as many commands as it can');
  }
  return { kind: 'obey', name, deadlineMs };
}

/** Without those that no deadline can bring back. The mark that they leave keeps them out for good. */
export function forget(memory: Memory, relayMs: number): Memory {
  const isOver = ({ deadlineMs, told }: Obeyed): boolean =>
    deadlineMs <= relayMs - (told === true ? 0 : untoldMs);
  const over = memory.obeyed.filter(isOver);
  if (over.length === 0) return memory;
  const overMs = Math.max(memory.overMs, ...over.map(({ deadlineMs }) => deadlineMs));
  return { ...memory, overMs, obeyed: memory.obeyed.filter((one) => !isOver(one)) };
}

/** At a start: what was begun ended with the process before, or nobody can say. */
export function settleBegun(memory: Memory): Memory {
  const obeyed = memory.obeyed.map((one): Obeyed => {
    if (one.said !== undefined) return one;
    const isEnd = one.name === 'restart' || one.name === 'reload-config';
    const said = isEnd
      ? ({ outcome: 'done', why: 'it has started anew' } as const)
      : ({ outcome: 'failed', why: 'it ended meanwhile: nobody can say how far it came' } as const);
    return { ...one, said };
  });
  return { ...memory, obeyed };
}

/** The last command that this one would take back; commands may overtake each other. ULIDs sort by when they were made. */
function lastOf(name: CommandName, memory: Memory): { atS: number; id: string } {
  const { switchedAtS, switchedBy = '', shownAtS, shownBy = '' } = memory;
  if (name === 'show-message') return { atS: shownAtS, id: shownBy };
  const switches = name === 'out-of-service' || name === 'in-service';
  return switches ? { atS: switchedAtS, id: switchedBy } : { atS: 0, id: '' };
}

function refuse(refusal: Refusal, why: string): Judgement {
  return { kind: 'refuse', refusal, why };
}
