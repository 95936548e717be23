// Puts a kiosk together out of its rooms and keeps it running: identity, journal, machine, devices, relay, broker.
import assert from 'node:assert';
import { randomUUID } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { feedWatchdog, notifySystemd } from '../lib/notify.ts';
import type { Clock } from '../lib/clock.ts';
import type { Log } from '../lib/log.ts';
import { createAskRoot, type AskRoot } from './ask-root.ts';
import { startBrokerLink, type BrokerLink } from './broker-link.ts';
import { saleOfCode } from '../protocol/claim-code.ts';
import type { KiosError } from '../protocol/errors.ts';
import type { Commands } from './commands.ts';
import { beginNothingMore, isIdle, openCommands } from './commands-run.ts';
import { askFolder } from '../protocol/root-request.ts';
import { maybeSheet } from '../protocol/sheet.ts';
import type { KioskConfig } from './config.ts';
import { startDevices, type Devices } from './devices.ts';
import { watchRelease } from './download-release.ts';
import { createPerform } from './effects.ts';
import { slipOf, toPastSlip } from './slip-paper.ts';
import { freeBytes, watchDisk, watchHealth, watchJournal, watchRelay } from './watches.ts';
import { watchHardware } from './hardware-watch.ts';
import { readHardware } from './hardware.ts';
import { ownHealth, tellHealth, type OwnHealth } from './health-file.ts';
import { isQuiet, watchPaper } from './printer-watch.ts';
import { startEnrolWait } from './enrol-wait.ts';
import { blameStorage, hold, type Holding } from './holding.ts';
import { hasIdentity, readIdentity, type Identity } from './identity.ts';
import { createKiosk, type Kiosk } from './kiosk.ts';
import { machineSerial } from './machine.ts';
import { rehearse } from './rehearsal.ts';
import { watchRemoteConfig } from './remote-config-watch.ts';
import {
  draw,
  kioskOf,
  mintId,
  noteHardware,
  noteHealth,
  openRun,
  post,
  settle,
  unreadable,
  unwritable,
  type Run,
} from './selling.ts';
import { startStandstill, storageCode } from './standstill.ts';
import { sheetScanned } from './sheet-scan.ts';
import { withSheetSettings } from './sheet-settings.ts';
import { makeStateFolder } from './state-folder.ts';
import { maxPastSlips, type Effect, type Part, type PartHealth } from './state.ts';
import { whyNotAlive } from './watchdog.ts';

type Perform = (effect: Effect) => void;

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
  /** The configuration as it lies on the disk now. @throws ConfigError */
  rereadConfig?: () => KioskConfig;
  /** The support bundle of this machine. */
  makeBundle?: () => Promise<Uint8Array>;
  /** In place of root's units, and of the key that provisioning brought. */
  askRoot?: AskRoot;
  operatorKeyFile?: string;
}

/**
 * Starts everything and returns when the kiosk takes keys, or when its screen says why its journal lets it sell nothing, or
 * that it is not enrolled and waits for the set-up QR.
 * @throws KiosError `not-enrolled` (without a display and a scanner, or with an identity that is damaged), `kiosk-running`
 */
export async function startKiosk(given: RunOptions): Promise<RunningKiosk> {
  const options = { ...given, config: withSheetSettings(given.config) };
  const { config, log } = options;
  const bootId = machineBootId();
  const serial = config.serial ?? machineSerial();
  let identity: Identity | undefined;
  try {
    makeStateFolder(config.stateDir);
    const canSay = config.scanner !== undefined || config.display !== undefined;
    if (canSay && !hasIdentity(config.stateDir)) return startEnrolWait({ ...options, serial });
    identity = readIdentity(config.stateDir);
    const holding = await hold(given, identity, { bootId, serial });
    try {
      return await startSelling(given, holding);
    } catch (error) {
      blameStorage(holding.remote, error);
      throw error;
    }
  } catch (error) {
    const fault = storageCode(error);
    if (fault === undefined) throw error;
    log.error({ err: error }, 'journal.failed');
    return startStandstill({ ...options, identity, bootId, serial, fault });
  }
}

async function startSelling(options: RunOptions, holding: Holding): Promise<RunningKiosk> {
  const { clock, log, version } = options;
  const { identity, bootId, release, remote } = holding;
  useLogLevel(log, options.config, holding.config);
  const run = openRun(options, holding);
  const { stopping } = run;
  const perform = createEffects(run);
  const kiosk = (run.kiosk = createMachine(run, perform));
  settle(run);
  const devices = (run.devices = openDevices(run));
  try {
    await kiosk.start(bootId);
  } catch (error) {
    // A kiosk that cannot write must hold no device.
    stopping.abort();
    await devices.stop();
    release();
    throw error;
  }
  const commands = (run.commands = openCommands(run, perform));
  const link = (run.link = openLink(run, perform, commands));
  startWatches(run);
  watchRemoteConfig(run);
  const whyNot = (): string | undefined => whyNotAlive(kiosk.journalOwesMs(), devices.healths());
  void feedWatchdog(whyNot, log, clock, stopping.signal);
  await notifySystemd('READY=1');
  log.info({ kioskId: identity.enrolment.kioskId, version }, 'kiosk.ready');
  return {
    ended: run.ended.promise,
    stop: async () => {
      remote.endOrderly();
      commands.stop();
      beginNothingMore(run);
      await notifySystemd('STOPPING=1');
      stopping.abort();
      await link.stop();
      await devices.stop();
      await kiosk.stop();
      await run.screen.idle();
      release();
    },
  };
}

/** One from afar takes the place of the file's; a level that was given by a flag stands. */
function useLogLevel(log: Log, own: KioskConfig, { logLevel }: KioskConfig): void {
  if (log.level === own.logLevel) log.level = logLevel;
}

/** The machine and its loop, over this run's journal; its effects reach devices and broker through the run. */
function createMachine(run: Run, perform: Perform): Kiosk {
  const { config, identity, rules, journal, clock, log } = run;
  const { cursor, ledgerId } = identity.enrolment;
  return createKiosk({
    ...{ rules, journal, clock, log, cursor, ledgerId, perform },
    language: config.language,
    draw: (state) => {
      draw(run, state);
      run.hasSold ||= state.phase.at === 'result' && state.phase.outcome === 'done';
    },
    halted: (error) => {
      unwritable(run, error);
    },
  });
}

function createEffects(run: Run): Perform {
  const { config, identity, journal, client, clock, log, stopping } = run;
  const { claimSecret } = identity.enrolment;
  const clockOffsetMs = (): number | undefined => run.clockOffsetMs;
  const slipSources = { config, identity, clock, journal, clockOffsetMs };
  return createPerform({
    ...{ client, clock, log },
    link: () => run.link,
    devices: () => {
      assert(run.devices !== undefined, 'the devices are made before the first event');
      return run.devices;
    },
    post: (event) => {
      if (event.kind === 'printed' && event.slip === 'test') run.testPrinted?.(event);
      else post(run, event);
    },
    onPart: (part, health) => {
      noteHealth(run, part, health);
    },
    ledgerId: () => kioskOf(run).state().ledgerId,
    proved: () => journal.proved(),
    seekClaim: (code) => saleOfCode(claimSecret, code, journal.claimed()),
    pastSlips: () => journal.slipped(maxPastSlips).map(toPastSlip),
    lastCarriedOut: () => journal.lastCarriedOut(),
    unreadable: (error) => {
      unreadable(run, error);
    },
    mintId: () => mintId(run),
    slip: (effect) => slipOf(effect, kioskOf(run).state(), slipSources),
    signal: stopping.signal,
  });
}

function openDevices(run: Run): Devices {
  const { config, clock, log, random, bootId } = run;
  return startDevices({
    ...{ config, clock, log, random, bootId },
    onKey: (key) => {
      post(run, { kind: 'key', key, freshId: mintId(run) });
    },
    onScan: (scan) => {
      if (maybeSheet(scan.text)) void sheetScanned(run, scan.text);
      else post(run, { kind: 'scan', scan });
    },
    onPart: (part, health) => {
      noteHealth(run, part, health);
    },
    onDisplay: (display) => {
      run.screen.use(display);
      if (display !== undefined) void rehearse(run, display);
    },
  });
}

function openLink(run: Run, perform: Perform, commands: Commands): BrokerLink {
  const { identity, bootId, client, clock, log, random, version } = run;
  const { brokerUrl, kioskId, brokerPassword } = identity.enrolment;
  const kiosk = kioskOf(run);
  return startBrokerLink({
    ...{ url: brokerUrl, kioskId, brokerPassword, client, clock, log, random },
    offline: { online: false, bootId, version, config: run.remote.report },
    onTold: async (told) => kiosk.post({ kind: 'told', via: 'mqtt', told }),
    onCommand: (token) => commands.take(token),
    onChange: (up) => {
      noteHealth(run, 'broker', up ? { ok: true } : { ok: false, code: 'broker-unreachable' });
      // What was said while the line was down is fetched, not waited for.
      if (!up) return;
      perform({ kind: 'catch-up', since: kiosk.state().cursor });
      void commands.fetch();
      void run.askConfig?.();
    },
  });
}

/** What is looked at again and again until the run ends. */
function startWatches(run: Run): void {
  const { config, rules, version, journal, client, clock, log, stopping } = run;
  const { signal } = stopping;
  const kiosk = kioskOf(run);
  const onPart = (part: Part, health: PartHealth): void => {
    noteHealth(run, part, health);
  };
  void watchDisk(() => freeBytes(config.stateDir), onPart, clock, signal);
  const failed = (error: KiosError): void => {
    unreadable(run, error);
  };
  void watchJournal({ journal, kiosk, clock, log, unreadable: failed, signal });
  void watchRelay(client, onPart, kiosk, clock, signal);
  const { devices } = run;
  assert(devices !== undefined, 'the devices are made before the watches');
  const { printer } = devices;
  const mayAsk = (): boolean => isQuiet(kiosk.state());
  if (printer !== undefined) void watchPaper({ printer, clock, onPart, signal, mayAsk });
  void watchHealth(devices, log, clock, signal);
  void watchHardware({
    ...{ clock, log, signal },
    read: () => readHardware({ sys: '/sys', stateDir: config.stateDir }),
    clockOffsetMs: () => run.clockOffsetMs,
    onRead: (hardware) => {
      run.hardware = hardware;
    },
    onChange: (health) => {
      noteHardware(run, health);
    },
  });
  void watchRelease({
    ...{ stateDir: config.stateDir, version, client, clock, log, random: run.random, signal },
    askRoot: run.askRoot ?? createAskRoot(clock),
    canUpdate: () => existsSync(join(askFolder, 'update')),
    idle: () => isIdle(kiosk.state()),
  });
  const report = (): OwnHealth => ownHealth(kiosk.state(), rules, version);
  void tellHealth({ folder: process.env['RUNTIME_DIRECTORY'], report, clock, log, signal });
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
