// A kiosk whose journal cannot be read or written, or is not its own: it says so on its screen and to the relay, and waits.
// It sells nothing, writes nothing into the journal, and does not fall over and over again.
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Scene } from '../../drivers/display/scene.ts';
import { wait, type Clock } from '../lib/clock.ts';
import { feedWatchdog, notifySystemd } from '../lib/notify.ts';
import { claimCode, formatClaimCode } from '../protocol/claim-code.ts';
import { KiosError, type ErrorCode } from '../protocol/errors.ts';
import { startBrokerLink, type BrokerLink } from './broker-link.ts';
import { startDevices } from './devices.ts';
import { standingHealth, tellHealth, type OwnHealth } from './health-file.ts';
import { readIdentity, trustedKeys, type Identity } from './identity.ts';
import { openJournal } from './journal.ts';
import { journalFault } from './journal-fault.ts';
import { journalName } from './journal-file.ts';
import { checkMachine } from './machine.ts';
import { createRelayClient } from './relay-client.ts';
import { rulesOf } from './rules.ts';
import type { RunningKiosk, RunOptions } from './run.ts';
import { makeStateFolder } from './state-folder.ts';
import { createScreen } from './screen.ts';
import { sceneOf, type ScreenContext } from './screens.ts';
import { newState } from './new-state.ts';
import type { State } from './state.ts';
import { say } from './words.ts';

/** However soon the disk is well again: a disk that fails now and then must not make the kiosk start all the time. */
const quietMs = 30_000;
const tryEveryMs = 10_000;
/** What a start and the first sales take, and more than a full disk has. */
const roomBytes = 1024 * 1024;

/** What a screen needs of an enrolment that cannot be read. */
const unknownEnrolment = {
  environment: 'production',
  merchant: { name: 'kios', nmid: '', pan: '' },
  limits: { minIdr: 1, maxIdr: 1 },
  claimSecret: '',
} as const;

export const journalPath = (stateDir: string): string => join(stateDir, journalName);

/** The codes with which a kiosk stays up and sells nothing. */
const storageCodes: ReadonlySet<ErrorCode> = new Set([
  'journal-failed',
  'journal-damaged',
  'journal-locked',
  'disk-full',
  'disk-read-only',
  'data-missing',
  'other-machine',
]);

/** The code of a failure of the journal, its disk or its place; undefined for every other failure. */
export function storageCode(error: unknown): ErrorCode | undefined {
  return error instanceof KiosError && storageCodes.has(error.code) ? error.code : undefined;
}

/** The state as screen and relay are told it. */
export function withoutJournal(state: State, code: ErrorCode): State {
  const parts = { ...state.parts, journal: { ok: false as const, code } };
  return { ...state, parts, phase: { at: 'idle' } };
}

/** The screen of a kiosk that lost its journal. A customer who may have paid gets the number that the claim will have. */
export function haltedScene(state: State, code: ErrorCode, context: ScreenContext): Scene {
  const scene = sceneOf(withoutJournal(state, code), context);
  const { phase } = state;
  if (!('sale' in phase) || phase.sale.deadlineMs === undefined) return scene;
  if (phase.at === 'result' && phase.outcome !== 'claim') return scene;
  const words = say(state.language, 'abandonedIfPaid');
  return { ...scene, lines: [...scene.lines, words, context.claimCode(phase.sale.saleId)] };
}

/**
 * Resolves when a start would find its journal and room to write; no sooner than after a while, or at the signal.
 * @param tryJournal throws KiosError while the journal does not serve
 */
export async function untilStorageIsWell(
  stateDir: string,
  tryJournal: () => Promise<void>,
  clock: Clock,
  signal: AbortSignal,
): Promise<void> {
  const tryAll = async (): Promise<void> => {
    tryRoom(join(stateDir, 'room.tmp'));
    await tryJournal();
  };
  await untilWell(tryAll, clock, signal);
}

async function untilWell(
  tryStart: () => void | Promise<void>,
  clock: Clock,
  signal: AbortSignal,
): Promise<void> {
  await wait(clock, quietMs, signal);
  while (!signal.aborted) {
    try {
      await tryStart();
      return;
    } catch (error) {
      if (storageCode(error) === undefined) throw error;
    }
    await wait(clock, tryEveryMs, signal);
  }
}

/** As a start would open it. */
async function openAndClose(stateDir: string): Promise<void> {
  const journal = openJournal(journalPath(stateDir));
  try {
    await journal.append([]);
  } finally {
    journal.close();
  }
}

/** With the identity of now: the kiosk may have been enrolled again. @throws KiosError `other-machine` */
function checkAgain(stateDir: string, serial: string | undefined): void {
  const journal = openJournal(journalPath(stateDir));
  try {
    checkMachine(readIdentity(stateDir), serial, journal.rules());
  } finally {
    journal.close();
  }
}

function tryRoom(path: string): void {
  try {
    writeFileSync(path, Buffer.alloc(roomBytes), { mode: 0o600, flush: true });
  } catch (error) {
    throw journalFault(error, path, 'be written');
  } finally {
    // The part of it that did fit must not stay.
    rmSync(path, { force: true });
  }
}

/** What of a start is known when its journal does not serve. */
export interface Standstill extends RunOptions {
  /** Undefined: it lies on the disk that is not there, and only the screen can say so. */
  identity: Identity | undefined;
  bootId: string;
  /** The machine's. */
  serial: string | undefined;
  fault: ErrorCode;
}

/** Starts what needs no journal: the display, and the line to the relay's operator. Ends when the disk is well again. */
export function startStandstill(options: Standstill): RunningKiosk {
  const { config, clock, log, identity, fault } = options;
  const stopping = new AbortController();
  const { signal } = stopping;
  const enrolment = identity?.enrolment;
  const state: State = {
    ...newState(enrolment?.cursor ?? '', enrolment?.ledgerId ?? ''),
    ...{ language: config.language, ledger: { at: 'same' } },
  };
  const stopScreen = showFault(options, state);
  const { parts } = withoutJournal(state, fault);
  const link = identity === undefined ? undefined : tellFault(options, identity, parts);
  void feedWatchdog(() => undefined, log, clock, signal);
  const report = (): OwnHealth => standingHealth(options.version);
  void tellHealth({ folder: process.env['RUNTIME_DIRECTORY'], report, clock, log, signal });
  void notifySystemd('READY=1');
  log.info({ selling: false, missing: [fault] }, 'kiosk.selling');
  log.error({ code: fault }, 'kiosk.out-of-service');
  return {
    ended: untilMended(options, signal).then(() => new Error('what the journal lacked is mended')),
    stop: async () => {
      stopping.abort();
      await link?.stop();
      await stopScreen();
    },
  };
}

/** Resolves when a start may go better. */
export async function untilMended(
  standstill: Pick<Standstill, 'clock' | 'serial' | 'fault'> & { config: { stateDir: string } },
  signal: AbortSignal,
): Promise<void> {
  const { clock, serial, fault } = standstill;
  const { stateDir } = standstill.config;
  switch (fault) {
    case 'data-missing':
      // Whatever else is wrong with that disk, the next start finds, which sees the mounts of then.
      await untilWell(
        () => {
          makeStateFolder(stateDir);
        },
        clock,
        signal,
      );
      return;
    case 'other-machine':
      await untilWell(
        () => {
          checkAgain(stateDir, serial);
        },
        clock,
        signal,
      );
      return;
    default:
      await untilStorageIsWell(stateDir, () => openAndClose(stateDir), clock, signal);
  }
}

/** Opens the display alone. Answers what closes it. */
function showFault(
  { config, clock, log, random, identity, fault }: Standstill,
  state: State,
): () => Promise<void> {
  const enrolment = identity?.enrolment ?? unknownEnrolment;
  const { claimSecret } = enrolment;
  const screen = createScreen(log.child({ device: 'display' }));
  const context: ScreenContext = {
    rules: rulesOf(config, { enrolment }),
    merchant: enrolment.merchant,
    sandbox: enrolment.environment === 'sandbox',
    nowMs: clock.monotonicMs(),
    claimCode: (saleId) => formatClaimCode(claimCode(claimSecret, saleId)),
  };
  const { keypad: _keypad, scanner: _scanner, printer: _printer, ...bare } = config;
  const devices = startDevices({
    ...{ clock, log, random },
    config: { ...bare, dispenser: { at: 'none', anyAmount: false } },
    onKey: () => undefined,
    onScan: () => undefined,
    onPart: () => undefined,
    onDisplay: (display) => {
      screen.use(display);
    },
  });
  screen.show(haltedScene(state, fault, context), () => undefined);
  return async (): Promise<void> => {
    await devices.stop();
    await screen.idle();
  };
}

function tellFault(
  { clock, log, random, version, bootId, fault }: Standstill,
  identity: Identity,
  parts: State['parts'],
): BrokerLink {
  const { enrolment } = identity;
  const link = startBrokerLink({
    url: enrolment.brokerUrl,
    kioskId: enrolment.kioskId,
    brokerPassword: enrolment.brokerPassword,
    client: createRelayClient({ identity, keys: trustedKeys(identity), bootId, clock, log }),
    ...{ clock, log, random },
    offline: { online: false, bootId, version },
    // What cannot be stored is not acknowledged: the broker and the relay keep it.
    onTold: () => Promise.reject(new KiosError(fault, 'nothing can be stored')),
    onChange: () => undefined,
  });
  link.status({ online: true, bootId, version, selling: false, parts });
  return link;
}
