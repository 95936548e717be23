// What is broken when, drawn from a seed before anything starts: the same seed is the same plan. It breaks nothing itself.
import { Draw } from '../sim/draw.ts';

export const killable = ['kiosk', 'relay', 'broker', 'store'] as const;
export type Killable = (typeof killable)[number];

/** `cut`: what is sent vanishes, nobody is told. `refuse`: lines break and none is taken. `slow`: `slowMs` a chunk. */
export type WireFault = { kind: 'cut' } | { kind: 'refuse' } | { kind: 'slow'; slowMs: number };

export interface Round {
  /** How long after a sale has begun. */
  afterMs: number;
  /** `kill -9`, and how long until it is started again. They overlap. */
  kills: readonly { part: Killable; startMs: number; downMs: number }[];
  /** The line between kiosk and relay. */
  wire?: { fault: WireFault; startMs: number; forMs: number };
}

const wirePermille = 400;
const secondKillPermille = 350;

export function planOf(seed: number, rounds: number): Round[] {
  const draw = new Draw(seed);
  return Array.from({ length: rounds }, (_, at) => roundOf(draw, at));
}

function roundOf(draw: Draw, at: number): Round {
  // Each part has its turn, so that no seed spares one; what else falls with it is chance.
  const first = killable[at % killable.length] ?? 'kiosk';
  const others = killable.filter((part) => part !== first && draw.chance(secondKillPermille));
  const kills = [first, ...others].map((part) => ({
    part,
    startMs: draw.between(0, 500),
    downMs: draw.between(0, 1200),
  }));
  const round = { afterMs: draw.between(0, 900), kills };
  if (!draw.chance(wirePermille)) return round;
  return {
    ...round,
    wire: { fault: faultOf(draw), startMs: draw.between(0, 500), forMs: draw.between(200, 2500) },
  };
}

function faultOf(draw: Draw): WireFault {
  const slowMs = draw.between(20, 300);
  const kinds: readonly WireFault[] = [
    { kind: 'cut' },
    { kind: 'refuse' },
    { kind: 'slow', slowMs },
  ];
  return kinds[draw.between(0, kinds.length - 1)] ?? { kind: 'cut' };
}
