// A kiosk without an identity: it says so on its screen, and enrols by the first set-up QR under its scanner that its
// operator has signed. One that was enrolled before takes nobody else's word for who its operator is. It sells nothing, and
// ends to be started anew when it is somebody.
import type { KeyObject } from 'node:crypto';
import { existsSync } from 'node:fs';
import { startDevices } from './devices.ts';
import { wait } from '../lib/clock.ts';
import { feedWatchdog, notifySystemd } from '../lib/notify.ts';
import { KiosError, type ErrorCode } from '../protocol/errors.ts';
import { isSheet, kindOfAny, openOwnSheet, openSheet, type EnrolSheet } from '../protocol/sheet.ts';
import { createAskRoot, type AskRoot } from './ask-root.ts';
import { enrol } from './enrol.ts';
import { setUpScene, type SetUp } from './enrol-screen.ts';
import { standingHealth, tellHealth, type OwnHealth } from './health-file.ts';
import { hasIdentity } from './identity.ts';
import { journalFault } from './journal-fault.ts';
import { lockFolder } from './lock.ts';
import type { RunningKiosk, RunOptions } from './run.ts';
import { createScreen } from './screen.ts';
import { journalPath } from './standstill.ts';
import { operatorKeyFile, readOperatorKey, takeSheet } from './set-up-sheet.ts';
import { whyNotAlive } from './watchdog.ts';

/** A relay that did not answer is asked again so often: the network may come, or the clock be set. */
const againMs = 10_000;
/** `kios enrol` may have been run beside us. */
const lookEveryMs = 2_000;
/** What was done is read before the screen goes dark for the new start. */
const readMs = 4_000;

export interface EnrolWaitOptions extends RunOptions {
  /** The machine's. */
  serial: string | undefined;
}

interface Waiting extends EnrolWaitOptions {
  operator: KeyObject | undefined;
  /** Its journal is there, and nothing says who its operator is: a QR of anybody's would give it another one. */
  enrolledBefore: boolean;
  askRoot: AskRoot;
  signal: AbortSignal;
  show: (setUp: SetUp) => void;
  /** The QR that is being tried; another one takes its place. */
  trying?: EnrolSheet;
  /** One relay is asked at a time. */
  turn: Promise<unknown>;
  /** Something is kept that only a new start takes up. */
  startAnew: (why: string) => void;
}

/** @throws KiosError `kiosk-running`, `config-invalid` */
export function startEnrolWait(options: EnrolWaitOptions): RunningKiosk {
  const { config, clock, log } = options;
  const operator = readOperatorKey(options.operatorKeyFile ?? operatorKeyFile);
  const enrolledBefore = operator === undefined && existsSync(journalPath(config.stateDir));
  const lock = lockFolder(config.stateDir);
  const stopping = new AbortController();
  const { signal } = stopping;
  const ended = Promise.withResolvers<Error>();
  const screen = createScreen(log.child({ device: 'display' }));
  const waiting: Waiting = {
    ...{ askRoot: createAskRoot(clock), ...options, operator, signal, turn: Promise.resolve() },
    enrolledBefore,
    show: (setUp) => {
      screen.show(setUpScene(setUp, config.language), () => undefined);
    },
    startAnew: (why) => {
      void wait(clock, readMs, signal).then(() => {
        ended.resolve(new Error(why));
      });
    },
  };
  if (enrolledBefore) waiting.show({ at: 'enrolled-before' });
  else waiting.show({ at: config.scanner === undefined ? 'no-scanner' : 'waiting' });
  const { keypad: _keypad, printer: _printer, ...bare } = config;
  const devices = startDevices({
    ...{ clock, log, random: options.random },
    config: { ...bare, dispenser: { at: 'none', anyAmount: false } },
    onKey: () => undefined,
    onScan: ({ text }) => {
      void scanned(waiting, text);
    },
    onPart: () => undefined,
    onDisplay: (display) => {
      screen.use(display);
    },
  });
  void untilEnrolledBeside(waiting);
  void feedWatchdog(() => whyNotAlive(undefined, devices.healths()), log, clock, signal);
  const report = (): OwnHealth => standingHealth(options.version);
  void tellHealth({ folder: process.env['RUNTIME_DIRECTORY'], report, clock, log, signal });
  void notifySystemd('READY=1');
  log.warn({ scanner: config.scanner !== undefined, enrolledBefore }, 'kiosk.not-enrolled');
  return {
    ended: ended.promise,
    stop: async () => {
      await notifySystemd('STOPPING=1');
      stopping.abort();
      await devices.stop();
      await screen.idle();
      lock.release();
    },
  };
}

async function scanned(waiting: Waiting, text: string): Promise<void> {
  const { operator, clock, log } = waiting;
  if (hasIdentity(waiting.config.stateDir)) return;
  if (waiting.enrolledBefore) {
    log.warn({ code: 'enrolled-before' }, 'set-up.refused');
    return;
  }
  const sheet = operator === undefined ? openOwnSheet(text) : openSheet(text, [operator]);
  if (sheet === undefined) {
    log.warn({ isSheet: isSheet(text) }, 'set-up.unread');
    const isOperators = ['wifi', 'settings'].includes(kindOfAny(text) ?? '');
    fail(waiting, operator === undefined && isOperators ? 'no-operator-key' : 'sheet-unread');
    return;
  }
  log.info({ kind: sheet.kind }, 'set-up.scanned');
  if (sheet.kind === 'enrol') {
    waiting.trying = sheet;
    await enrolUntil(waiting, sheet);
    return;
  }
  waiting.show({ at: 'asking' });
  const { askRoot, signal } = waiting;
  const { stateDir } = waiting.config;
  const taken = await takeSheet(sheet, text, {
    ...{ stateDir, own: undefined, links: () => [], askRoot, clock, log, signal },
  });
  if (taken !== 'taken') {
    fail(waiting, taken);
    return;
  }
  waiting.show({ at: 'taken' });
  if (sheet.kind === 'settings') waiting.startAnew('settings came by a sheet');
}

/** Tries until the relay has said yes or no, another QR is scanned, or this one is over. */
async function enrolUntil(waiting: Waiting, sheet: EnrolSheet): Promise<void> {
  const { clock, log, signal } = waiting;
  const { host } = new URL(sheet.relayUrl);
  const isTried = (): boolean => waiting.trying === sheet && !signal.aborted;
  while (isTried()) {
    if (sheet.deadlineS * 1000 <= clock.nowMs()) {
      fail(waiting, 'sheet-expired');
      return;
    }
    waiting.show({ at: 'asking', host });
    const attempt = waiting.turn.then(async () =>
      isTried() ? tryEnrol(waiting, sheet) : undefined,
    );
    waiting.turn = attempt;
    const failure = await attempt;
    if (failure === undefined || !isTried()) return;
    log.warn({ err: failure, host }, 'set-up.failed');
    fail(waiting, failure.code, failure.retryable);
    if (!failure.retryable) return;
    await wait(clock, againMs, signal);
  }
}

/** Undefined: it is enrolled. */
async function tryEnrol(
  waiting: Waiting,
  { relayUrl, code, pin, site }: EnrolSheet,
): Promise<KiosError | undefined> {
  const { config, serial, log } = waiting;
  const { stateDir } = config;
  try {
    const { enrolment } = await enrol({
      ...{ relayUrl, code, pin, stateDir, force: false },
      ...(site === undefined ? {} : { site }),
      ...(serial === undefined ? {} : { serial }),
    });
    const { kioskId, merchant } = enrolment;
    log.info({ kioskId, relayUrl }, 'kiosk.enrolled');
    waiting.show({ at: 'done', kioskId, merchant: merchant.name });
    waiting.startAnew('this kiosk is enrolled');
    return undefined;
  } catch (error) {
    return error instanceof KiosError ? error : journalFault(error, stateDir, 'be written');
  }
}

function fail(waiting: Waiting, code: ErrorCode, again = false): void {
  waiting.log.warn({ code, again }, 'set-up.refused');
  waiting.show({ at: 'failed', code, again });
}

async function untilEnrolledBeside(waiting: Waiting): Promise<void> {
  const { config, clock, signal } = waiting;
  while (!signal.aborted && !hasIdentity(config.stateDir)) await wait(clock, lookEveryMs, signal);
  if (!signal.aborted) waiting.startAnew('this kiosk is enrolled');
}
