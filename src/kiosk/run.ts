// Puts a kiosk together out of its rooms and keeps it running: identity, journal, machine, devices, relay, broker.
import assert from 'node:assert';
import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { ulid } from 'ulid';
import { notifySystemd } from '../lib/notify.ts';
import type { Clock } from '../lib/clock.ts';
import type { Log } from '../lib/log.ts';
import { startBrokerLink, type BrokerLink } from './broker-link.ts';
import { claimCode, formatClaimCode, saleOfCode } from '../protocol/claim-code.ts';
import type { KiosError, ErrorCode } from '../protocol/errors.ts';
import type { KioskConfig } from './config.ts';
import { startDevices, type Devices } from './devices.ts';
import { createPerform } from './effects.ts';
import { rulesOf, type Rules } from './rules.ts';
import { slipOf, toPastSlip } from './slip-paper.ts';
import { pingWatchdog, watchDisk, watchHealth, watchJournal, watchRelay } from './watches.ts';
import { lockFolder } from './lock.ts';
import { isQuiet, watchPaper } from './printer-watch.ts';
import { readIdentity, type Identity } from './identity.ts';
import { createRelayKeys } from './key-chain.ts';
import { openJournal, type JournalFile } from './journal.ts';
import { writeRules } from './journal-rules.ts';
import { createKiosk, ignoreHalt, type Kiosk, type NewEvent } from './kiosk.ts';
import { adoptIdentity, checkMachine, machineSerial } from './machine.ts';
import { missingParts, toldParts } from './missing.ts';
import {
  haltedScene,
  journalPath,
  startStandstill,
  storageCode,
  untilStorageIsWell,
  withoutJournal,
} from './standstill.ts';
import { createRelayClient } from './relay-client.ts';
import { createScreen } from './screen.ts';
import { makeStateFolder } from './state-folder.ts';
import { sceneOf, type ScreenContext } from './screens.ts';
import { maxPastSlips, type Part, type PartHealth, type State } from './state.ts';

export interface RunningKiosk {
  stop(): Promise<void>;
  /** Settles when the kiosk ends by itself, to be started anew: its journal failed, and can be written again. */
  readonly ended: Promise<Error>;
}

export interface RunOptions {
  config: KioskConfig;
  clock: Clock;
  log: Log;
  random: () => number;
  version: string;
}

/** What a run holds of its folder. */
interface Holding {
  identity: Identity;
  bootId: string;
  rules: Rules;
  journal: JournalFile;
  /** Lets go of it all. */
  release: () => void;
}

/**
 * Starts everything and returns when the kiosk takes keys, or when its screen says why its journal lets it sell nothing.
 * @throws KiosError `not-enrolled`, `kiosk-running`
 */
export async function startKiosk(options: RunOptions): Promise<RunningKiosk> {
  const { config, log } = options;
  const bootId = machineBootId();
  const serial = config.serial ?? machineSerial();
  let identity: Identity | undefined;
  try {
    makeStateFolder(config.stateDir);
    identity = readIdentity(config.stateDir);
    return await startSelling(options, await hold(options, identity, { bootId, serial }));
  } catch (error) {
    const fault = storageCode(error);
    if (fault === undefined) throw error;
    log.error({ err: error }, 'journal.failed');
    return startStandstill({ ...options, identity, bootId, serial, fault });
  }
}

/** Takes the folder, if it is this machine's, and notes what the machine goes by when that has changed. */
async function hold(
  { config, clock, version }: RunOptions,
  identity: Identity,
  { bootId, serial }: { bootId: string; serial: string | undefined },
): Promise<Holding> {
  const rules = rulesOf(config, identity);
  const lock = lockFolder(config.stateDir);
  let journal: JournalFile | undefined;
  const release = (): void => {
    journal?.close();
    lock.release();
  };
  try {
    journal = openJournal(journalPath(config.stateDir));
    const mark = checkMachine(identity, serial, journal.rules());
    const body = writeRules(rules, version, mark);
    if (JSON.stringify(journal.rules()) !== JSON.stringify(body)) {
      const at = new Date(clock.nowMs()).toISOString();
      await journal.append([{ kind: 'rules', at, body }]);
    }
    adoptIdentity(config.stateDir, identity, serial);
    return { identity, bootId, rules, journal, release };
  } catch (error) {
    release();
    throw error;
  }
}

async function startSelling(options: RunOptions, holding: Holding): Promise<RunningKiosk> {
  const { config, clock, log, random, version } = options;
  const { identity, bootId, rules, journal, release } = holding;
  const { enrolment } = identity;
  let clockOffsetMs: number | undefined;
  const keys = createRelayKeys({ identity, stateDir: config.stateDir, clock, log, random });
  const client = createRelayClient({
    ...{ identity, bootId, clock, log },
    keys: keys.trusted,
    meetKey: (proof) => keys.meet(proof),
    onTime: (offsetMs) => {
      clockOffsetMs = offsetMs;
    },
  });
  const screen = createScreen(log.child({ device: 'display' }));
  const ended = Promise.withResolvers<Error>();
  const stopping = new AbortController();
  /** Made after the machine, because they feed it; the machine's effects reach them through here. */
  const late: { devices?: Devices; link?: BrokerLink } = {};
  let told: string | undefined;
  /** Why the journal serves no more; only a new start takes it back. */
  let journalFault: ErrorCode | undefined;

  const context = (): ScreenContext => ({
    rules,
    merchant: enrolment.merchant,
    sandbox: enrolment.environment === 'sandbox',
    nowMs: clock.monotonicMs(),
    claimCode: (saleId) => formatClaimCode(claimCode(enrolment.claimSecret, saleId)),
  });
  const draw = (state: State): void => {
    screen.show(sceneOf(state, context()), () => {
      if (state.phase.at === 'paying') {
        post({ kind: 'not-shown', saleId: state.phase.sale.saleId });
      }
    });
    // What keeps the kiosk from selling may change without a part: the ledger, reports that nobody takes.
    if (told !== undefined && told !== missingParts(state, rules).join()) publishStatus();
  };
  const post = (event: NewEvent): void => {
    ignoreHalt(kiosk.post(event));
  };
  const onPart = (part: Part, health: PartHealth): void => {
    if (part === 'journal' && journalFault !== undefined) return;
    const before = kiosk.state().parts[part];
    if (before.ok === health.ok && (before.ok || health.ok || before.code === health.code)) return;
    post({ kind: 'part', part, health });
    publishStatus();
  };
  const publishStatus = (): void => {
    const state = kiosk.state();
    const shown = journalFault === undefined ? state : withoutJournal(state, journalFault);
    const missing = missingParts(shown, rules);
    const selling = missing.length === 0;
    if (told !== missing.join()) log.info({ selling, missing }, 'kiosk.selling');
    told = missing.join();
    late.link?.status({
      online: true,
      bootId,
      version,
      selling,
      parts: toldParts(shown, rules),
    });
  };
  /** What is in hand goes on to its end; nothing new is sold. */
  const unreadable = (error: KiosError): void => {
    log.error({ err: error }, 'journal.failed');
    onPart('journal', { ok: false, code: error.code });
    journalFault ??= error.code;
  };
  const unwritable = (error: unknown): void => {
    journalFault = storageCode(error) ?? 'journal-failed';
    screen.show(haltedScene(kiosk.state(), journalFault, context()), () => undefined);
    publishStatus();
    const tryJournal = (): Promise<void> => journal.append([]);
    void untilStorageIsWell(config.stateDir, tryJournal, clock, stopping.signal).then(() => {
      ended.resolve(error instanceof Error ? error : new Error('the journal failed'));
    });
  };
  const slipSources = { config, identity, clock, journal, clockOffsetMs: () => clockOffsetMs };
  const perform = createPerform({
    client,
    link: () => late.link,
    devices: () => {
      assert(late.devices !== undefined, 'the devices are made before the first event');
      return late.devices;
    },
    clock,
    log,
    post,
    onPart,
    ledgerId: () => kiosk.state().ledgerId,
    proved: () => journal.proved(),
    seekClaim: (code) => saleOfCode(enrolment.claimSecret, code, journal.claimed()),
    pastSlips: () => journal.slipped(maxPastSlips).map(toPastSlip),
    unreadable,
    mintId: () => mintSaleId(enrolment.kioskId, clock, random),
    slip: (effect) => slipOf(effect, kiosk.state(), slipSources),
    signal: stopping.signal,
  });
  const kiosk: Kiosk = createKiosk({
    rules,
    journal,
    clock,
    log,
    cursor: enrolment.cursor,
    ledgerId: enrolment.ledgerId,
    language: config.language,
    perform,
    draw,
    halted: unwritable,
  });

  const devices = startDevices({
    config,
    clock,
    log,
    random,
    onKey: (key) => {
      post({ kind: 'key', key, freshId: mintSaleId(enrolment.kioskId, clock, random) });
    },
    onScan: (scan) => {
      post({ kind: 'scan', scan });
    },
    onPart,
    onDisplay: (display) => {
      screen.use(display);
    },
  });
  late.devices = devices;
  try {
    await kiosk.start(bootId);
  } catch (error) {
    // A kiosk that cannot write must hold no device.
    stopping.abort();
    await devices.stop();
    release();
    throw error;
  }
  void watchDisk(config.stateDir, onPart, clock, stopping.signal);
  void watchJournal({ journal, kiosk, clock, log, unreadable, signal: stopping.signal });
  const link = startBrokerLink({
    url: enrolment.brokerUrl,
    kioskId: enrolment.kioskId,
    brokerPassword: enrolment.brokerPassword,
    client,
    clock,
    log,
    random,
    offline: { online: false, bootId, version },
    onTold: async (told) => kiosk.post({ kind: 'told', via: 'mqtt', told }),
    onChange: (up) => {
      onPart('broker', up ? { ok: true } : { ok: false, code: 'broker-unreachable' });
      // What was said while the line was down is fetched, not waited for.
      if (up) perform({ kind: 'catch-up', since: kiosk.state().cursor });
    },
  });
  late.link = link;
  void watchRelay(client, onPart, kiosk, clock, stopping.signal);
  if (devices.printer !== undefined) {
    const { printer } = devices;
    const { signal } = stopping;
    void watchPaper({ printer, clock, onPart, signal, mayAsk: () => isQuiet(kiosk.state()) });
  }
  void watchHealth(devices, log, clock, stopping.signal);
  void pingWatchdog(clock, stopping.signal);
  await notifySystemd('READY=1');
  log.info({ kioskId: enrolment.kioskId, version }, 'kiosk.ready');

  return {
    ended: ended.promise,
    stop: async () => {
      await notifySystemd('STOPPING=1');
      stopping.abort();
      await link.stop();
      await devices.stop();
      await kiosk.stop();
      await screen.idle();
      release();
    },
  };
}

/**
 * The machine's boot, so that monotonic times stay comparable over a restart of the process alone. The unit hands it in
 * (`%b`), because its hardening hides /proc/sys.
 */
function machineBootId(): string {
  const given = process.env['KIOS_BOOT_ID'];
  if (given !== undefined && given !== '') return given;
  try {
    return readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
  } catch (error) {
    // Where /proc is closed to us every run counts as a boot of its own: stricter, never looser.
    if ((error as NodeJS.ErrnoException).code === undefined) throw error;
    return randomUUID();
  }
}

function mintSaleId(kioskId: string, clock: Clock, random: () => number): string {
  return `${kioskId}-${ulid(clock.nowMs(), random)}`;
}
