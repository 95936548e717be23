// The rooms of one life of a kiosk, as src/kiosk/run.ts makes them: the real keys, client and effects over this life's
// lines and devices.
import type { Device } from '../../drivers/device.ts';
import type { Supervised } from '../../drivers/supervise.ts';
import { createPerform, type EffectsOptions } from '../../src/kiosk/effects.ts';
import type { Identity } from '../../src/kiosk/identity.ts';
import { createRelayKeys } from '../../src/kiosk/key-chain.ts';
import { createRelayClient, type RelayClient } from '../../src/kiosk/relay-client.ts';
import { toPastSlip } from '../../src/kiosk/slip-paper.ts';
import { maxPastSlips, type Effect } from '../../src/kiosk/state.ts';
import type { Clock } from '../../src/lib/clock.ts';
import { silentLog } from '../../src/lib/log.ts';
import { saleOfCode } from '../../src/protocol/claim-code.ts';
import type { Board } from './board.ts';
import type { Disk } from './disk.ts';
import { createSend } from './line.ts';
import type { Seen } from './middle.ts';
import type { Paper } from './paper.ts';
import type { RelayFleet } from './relay-fleet.ts';
import type { Session } from './session.ts';
import { spoilClient } from './spoil.ts';
import type { World } from './world.ts';

export interface Rooms {
  clock: Clock;
  client: RelayClient;
  perform: (effect: Effect) => void;
}

export interface RoomsParts extends Pick<
  EffectsOptions,
  'clock' | 'post' | 'onPart' | 'ledgerId' | 'mintId' | 'signal'
> {
  world: World;
  fleet: RelayFleet;
  seen: Seen;
  identity: Identity;
  stateDir: string;
  bootId: string;
  alive: () => boolean;
  disk: Disk;
  session: Session;
  board: Board;
  paper: Paper;
}

export function openRooms(parts: RoomsParts): Rooms {
  const { world, fleet, seen, identity, stateDir, bootId, clock, alive } = parts;
  const { disk, session, board, paper, post, onPart, ledgerId, mintId, signal } = parts;
  const { bug, draw } = world;
  const log = silentLog;
  const { claimSecret } = identity.enrolment;
  const send = createSend(world, fleet, seen, { alive });
  const keys = createRelayKeys({ identity, stateDir, clock, log, random: draw.unit, send });
  const honest = createRelayClient({
    ...{ identity, bootId, clock, log, send, keys: keys.trusted },
    meetKey: (proof) => (bug === 'key-unlearnt' ? Promise.resolve() : keys.meet(proof)),
  });
  const client = bug === undefined ? honest : spoilClient(bug, honest, draw);
  const perform = createPerform({
    ...{ client, clock, log, signal, post, onPart, ledgerId, mintId },
    link: () => session.link(),
    devices: () => ({
      printer: standing(() => paper.connection()),
      dispenser: standing(() => board.connection()),
      healths: () => [],
      stop: () => Promise.resolve(),
    }),
    proved: () => (bug === 'nothing-given-back' ? [] : (disk.read?.proved() ?? [])),
    seekClaim: (code) => saleOfCode(claimSecret, code, disk.read?.claimed() ?? []),
    pastSlips: () => (disk.read?.slipped(maxPastSlips) ?? []).map(toPastSlip),
    lastCarriedOut: () => disk.read?.lastCarriedOut() ?? [],
    slip: (effect) => slipOf(effect),
  });
  return { clock, client, perform };
}

/** A device that is looked after, as its connection stands. */
export function standing<D extends Device>(connection: () => D | undefined): Supervised<D> {
  return { current: connection, health: () => ({ state: 'up' }), stop: () => Promise.resolve() };
}

/** What of a slip matters here: its QR. */
function slipOf(effect: Extract<Effect, { kind: 'print' }>): {
  blocks: readonly { kind: 'qr'; text: string }[];
} {
  const text = 'qrString' in effect ? effect.qrString : undefined;
  return { blocks: text === undefined ? [] : [{ kind: 'qr', text }] };
}
