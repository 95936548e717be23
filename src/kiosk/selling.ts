// What the parts of one run share while it sells, and what they tell: the screen, the relay's operator, the machine. Of
// health and faults it passes on what it hears; it decides nothing.
import assert from 'node:assert';
import { ulid } from 'ulid';
import { claimCode, formatClaimCode } from '../protocol/claim-code.ts';
import { wait } from '../lib/clock.ts';
import type { ErrorCode, KiosError } from '../protocol/errors.ts';
import { createAskRoot } from './ask-root.ts';
import type { BrokerLink } from './broker-link.ts';
import type { Commands } from './commands.ts';
import type { Devices } from './devices.ts';
import { hardwareCodes, type HardwareHealth } from './hardware-health.ts';
import type { Hardware } from './hardware.ts';
import type { Holding } from './holding.ts';
import { readIdentity } from './identity.ts';
import { createRelayKeys, type RelayKeys } from './key-chain.ts';
import { ignoreHalt, type Kiosk, type NewEvent } from './kiosk.ts';
import { missingParts, toldParts } from './missing.ts';
import { createRelayClient, type RelayClient } from './relay-client.ts';
import type { RunOptions } from './run.ts';
import { createScreen, type Screen } from './screen.ts';
import { sceneOf, type ScreenContext } from './screens.ts';
import { sendByHttp } from './send.ts';
import { haltedScene, storageCode, untilStorageIsWell, withoutJournal } from './standstill.ts';
import type { EventOf, Part, PartHealth, State } from './state.ts';
import { supportText, type SupportFacts } from './support-text.ts';
import { mendingClock } from './wrong-clock.ts';

/** What came of asking the relay for a configuration. */
export type AskedConfig =
  | { kind: 'none' }
  | { kind: 'kept'; version: number }
  | { kind: 'refused'; version: number; why: string }
  | { kind: 'failed'; code: ErrorCode };

/** Parts that are there have come up by then, the relay's answer among them. */
const settleMs = 2_000;

/** One run of a kiosk. What is optional is made after the machine, because it feeds the machine. */
export interface Run extends RunOptions, Omit<Holding, 'release'> {
  readonly client: RelayClient;
  readonly keys: RelayKeys;
  readonly screen: Screen;
  readonly stopping: AbortController;
  readonly ended: PromiseWithResolvers<Error>;
  kiosk?: Kiosk;
  devices?: Devices;
  link?: BrokerLink;
  /** What the operator asks from afar. */
  commands?: Commands;
  /** Asks the relay for a newer configuration. */
  askConfig?: () => Promise<AskedConfig>;
  /** A sale was served to its end in this run. */
  hasSold?: boolean;
  /** Its parts come up: `settle`. */
  settling?: boolean;
  /** Told what became of a test page. */
  testPrinted?: (outcome: Pick<EventOf<'printed'>, 'result' | 'code'>) => void;
  /** The relay's signed time minus ours; unset: it was not heard since this start. */
  clockOffsetMs?: number;
  /** When that was; monotonic. */
  heardAtMs?: number;
  /** The relay's time minus our monotonic clock, which nobody sets. */
  relayAheadMs?: number;
  /** The machine's own health, as it was read last. */
  hardware?: Hardware;
  hardwareHealth?: HardwareHealth;
  /** What keeps it from selling, as it was told last. */
  told?: string;
  /** Why the journal serves no more; only a new start takes it back. */
  journalFault?: ErrorCode;
}

export function openRun(options: RunOptions, holding: Holding): Run {
  const { clock, log, random } = options;
  const { release: _kept, ...held } = holding;
  const { config, identity, bootId } = held;
  const keys = createRelayKeys({ identity, stateDir: config.stateDir, clock, log, random });
  const stopping = new AbortController();
  const send = mendingClock({
    ...{ send: sendByHttp, relayUrl: identity.relayUrl, keys: keys.trusted, clock, log },
    links: () => readIdentity(config.stateDir).enrolment.keys,
    askRoot: createAskRoot(clock),
    signal: stopping.signal,
  });
  const client = createRelayClient({
    ...{ identity, bootId, clock, log, send },
    keys: keys.trusted,
    meetKey: (proof) => keys.meet(proof),
    onTime: (offsetMs) => {
      run.clockOffsetMs = offsetMs;
      run.relayAheadMs = clock.nowMs() + offsetMs - clock.monotonicMs();
      run.heardAtMs = clock.monotonicMs();
    },
  });
  const run: Run = {
    ...{ ...options, ...held, client, keys, stopping },
    screen: createScreen(log.child({ device: 'display' })),
    ended: Promise.withResolvers<Error>(),
  };
  return run;
}

export function kioskOf({ kiosk }: Run): Kiosk {
  assert(kiosk !== undefined, 'the machine is made before whatever feeds it');
  return kiosk;
}

export function post(run: Run, event: NewEvent): void {
  ignoreHalt(kioskOf(run).post(event));
}

/** An id for a sale or a dispense. */
export function mintId({ identity, clock, random }: Run): string {
  return `${identity.enrolment.kioskId}-${ulid(clock.nowMs(), random)}`;
}

/**
 * Holds back what is missing while the parts come up: a screen that changes with each of them tells nobody anything, and the
 * start waits for it. Whatever else there is to show ends it.
 */
export function settle(run: Run): void {
  run.settling = true;
  void wait(run.clock, settleMs, run.stopping.signal).then(() => {
    if (run.settling !== true || run.stopping.signal.aborted) return;
    run.settling = false;
    draw(run, kioskOf(run).state());
  });
}

export function draw(run: Run, state: State): void {
  const missing = missingParts(state, run.rules);
  if (state.phase.at !== 'idle' || missing.length === 0) run.settling = false;
  if (run.settling !== true) {
    run.screen.show(sceneOf(state, contextOf(run)), () => {
      if (state.phase.at === 'paying') {
        post(run, { kind: 'not-shown', saleId: state.phase.sale.saleId });
      }
    });
  }
  // What keeps the kiosk from selling may change without a part: the ledger, reports that nobody takes.
  if (run.told !== undefined && run.told !== missing.join()) publishStatus(run);
}

export function contextOf(run: Run): ScreenContext {
  const { rules, clock, hardwareHealth = {} } = run;
  const { enrolment } = run.identity;
  const message = run.commands?.message;
  return {
    ...(message === undefined ? {} : { message }),
    hardwareCodes: hardwareCodes(hardwareHealth),
    config: run.remote.report,
    supportText: () => supportText(supportFacts(run)),
    rules,
    merchant: enrolment.merchant,
    sandbox: enrolment.environment === 'sandbox',
    nowMs: clock.monotonicMs(),
    claimCode: (saleId) => formatClaimCode(claimCode(enrolment.claimSecret, saleId)),
  };
}

function supportFacts(run: Run): SupportFacts {
  const { identity, version, rules, clock, heardAtMs, clockOffsetMs, hardware } = run;
  const state = kioskOf(run).state();
  const parts = Object.values({ ...toldParts(state, rules), ...run.hardwareHealth });
  const told = parts.flatMap((part) => (part.ok ? [] : [part.code]));
  const config = run.remote.report;
  if (config.refused !== undefined) told.push('config-refused');
  return {
    config,
    ...{ kioskId: identity.enrolment.kioskId, version },
    codes: [...new Set([...missingParts(state, rules), ...told])],
    ...(heardAtMs === undefined ? {} : { heardAgoMs: clock.monotonicMs() - heardAtMs }),
    ...(clockOffsetMs === undefined ? {} : { clockOffsetMs }),
    ...(hardware === undefined ? {} : { hardware }),
  };
}

/** Tells the relay's operator what the machine itself complains of. */
export function noteHardware(run: Run, health: HardwareHealth): void {
  run.hardwareHealth = health;
  publishStatus(run);
}

/** Tells machine and relay of a part's health when it changed. */
export function noteHealth(run: Run, part: Part, health: PartHealth): void {
  if (part === 'journal' && run.journalFault !== undefined) return;
  const before = kioskOf(run).state().parts[part];
  if (before.ok === health.ok && (before.ok || health.ok || before.code === health.code)) return;
  post(run, { kind: 'part', part, health });
  publishStatus(run);
}

export function publishStatus(run: Run): void {
  const { rules, bootId, version, log, journalFault } = run;
  const state = kioskOf(run).state();
  const shown = journalFault === undefined ? state : withoutJournal(state, journalFault);
  const missing = missingParts(shown, rules);
  const selling = missing.length === 0;
  if (run.told !== missing.join()) log.info({ selling, missing }, 'kiosk.selling');
  run.told = missing.join();
  const parts = { ...toldParts(shown, rules), ...run.hardwareHealth };
  const refusedCommands = { ...run.commands?.refused };
  const config = run.remote.report;
  run.link?.status({ online: true, bootId, version, selling, parts, refusedCommands, config });
}

/** The journal could not be read: what is in hand goes on to its end; nothing new is sold. */
export function unreadable(run: Run, error: KiosError): void {
  run.log.error({ err: error }, 'journal.failed');
  noteHealth(run, 'journal', { ok: false, code: error.code });
  run.journalFault ??= error.code;
}

/** The journal could not be written: the machine stands still, and the run ends when a start would go better. */
export function unwritable(run: Run, error: unknown): void {
  const { config, journal, clock, screen, stopping, ended } = run;
  run.journalFault = storageCode(error) ?? 'journal-failed';
  const scene = haltedScene(kioskOf(run).state(), run.journalFault, contextOf(run));
  screen.show(scene, () => undefined);
  publishStatus(run);
  const tryJournal = (): Promise<void> => journal.append([]);
  void untilStorageIsWell(config.stateDir, tryJournal, clock, stopping.signal).then(() => {
    ended.resolve(error instanceof Error ? error : new Error('the journal failed'));
  });
}
