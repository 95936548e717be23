// A kiosk whose journal cannot be read or written: it says so on its screen and to the relay, and waits. It sells nothing,
// writes nothing into the journal, and does not fall over and over again.
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Scene } from '../../drivers/display/scene.ts';
import { wait, type Clock } from '../lib/clock.ts';
import { notifySystemd } from '../lib/notify.ts';
import { claimCode, formatClaimCode } from '../protocol/claim-code.ts';
import { KiosError, type ErrorCode } from '../protocol/errors.ts';
import { startBrokerLink } from './broker-link.ts';
import { startDevices } from './devices.ts';
import { trustedKeys, type Identity } from './identity.ts';
import { openJournal } from './journal.ts';
import { journalFault } from './journal-fault.ts';
import { journalName } from './journal-file.ts';
import { createRelayClient } from './relay-client.ts';
import { rulesOf } from './rules.ts';
import type { RunningKiosk, RunOptions } from './run.ts';
import { createScreen } from './screen.ts';
import { sceneOf, type ScreenContext } from './screens.ts';
import { newState } from './new-state.ts';
import type { State } from './state.ts';
import { pingWatchdog } from './watches.ts';
import { say } from './words.ts';

/** However soon the disk is well again: a disk that fails now and then must not make the kiosk start all the time. */
const quietMs = 30_000;
const tryEveryMs = 10_000;
/** What a start and the first sales take, and more than a full disk has. */
const roomBytes = 1024 * 1024;

export const journalPath = (stateDir: string): string => join(stateDir, journalName);

/** The codes with which a kiosk stays up and sells nothing. */
const storageCodes: ReadonlySet<ErrorCode> = new Set([
  'journal-failed',
  'journal-damaged',
  'journal-locked',
  'disk-full',
  'disk-read-only',
]);

/** The code of a failure of the journal or its disk; undefined for every other failure. */
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
  await wait(clock, quietMs, signal);
  while (!signal.aborted) {
    try {
      tryRoom(join(stateDir, 'room.tmp'));
      await tryJournal();
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

/** Starts what needs no journal: the display, and the line to the relay's operator. Ends when the disk is well again. */
export function startStandstill(
  options: RunOptions & { identity: Identity; bootId: string; fault: ErrorCode },
): RunningKiosk {
  const { config, clock, log, random, version, identity, bootId, fault } = options;
  const { enrolment } = identity;
  const stopping = new AbortController();
  const { signal } = stopping;
  const state: State = {
    ...newState(enrolment.cursor, enrolment.ledgerId),
    ...{ language: config.language, ledger: { at: 'same' } },
  };
  const screen = createScreen(log.child({ device: 'display' }));
  const context: ScreenContext = {
    rules: rulesOf(config, identity),
    merchant: enrolment.merchant,
    sandbox: enrolment.environment === 'sandbox',
    nowMs: clock.monotonicMs(),
    claimCode: (saleId) => formatClaimCode(claimCode(enrolment.claimSecret, saleId)),
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
  const { parts } = withoutJournal(state, fault);
  link.status({ online: true, bootId, version, selling: false, parts });
  void pingWatchdog(clock, signal);
  void notifySystemd('READY=1');
  log.info({ selling: false, missing: [fault] }, 'kiosk.selling');
  log.error({ code: fault }, 'kiosk.out-of-service');
  return {
    ended: untilStorageIsWell(
      config.stateDir,
      () => openAndClose(config.stateDir),
      clock,
      signal,
    ).then(() => new Error('the journal can be read and written again')),
    stop: async () => {
      stopping.abort();
      await link.stop();
      await devices.stop();
      await screen.idle();
    },
  };
}
