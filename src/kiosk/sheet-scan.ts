// A set-up sheet under the scanner of an enrolled kiosk. It never reaches the machine or the journal: it may hold a password.
// Anybody may hold one up, so it is taken while the technician's screen is open, or a Wi-Fi while there is no network.
import { wait } from '../lib/clock.ts';
import type { ErrorCode } from '../protocol/errors.ts';
import { isSheet, openSheet, type SettingsSheet, type WifiSheet } from '../protocol/sheet.ts';
import { createAskRoot } from './ask-root.ts';
import { readIdentity, trustedKeys } from './identity.ts';
import { kioskOf, post, type Run } from './selling.ts';
import { operatorKeyFile, readOperatorKey, takeSheet } from './set-up-sheet.ts';

const lookEveryMs = 1_000;
/** What was done is read before the new start. */
const readMs = 4_000;

/** Runs that are at a sheet: a second one meanwhile is left out. */
const busy = new WeakSet<Run>();

/** Takes what was read, whole or not, or says on the screen why not. */
export async function sheetScanned(run: Run, text: string): Promise<void> {
  const { parts, phase } = kioskOf(run).state();
  const isTechnician = phase.at === 'technician';
  if (busy.has(run) || !(isTechnician || phase.at === 'idle' || phase.at === 'blocked')) return;
  if (!isSheet(text)) {
    tell(run, 'sheet-unread');
    return;
  }
  const isCutOff = !parts.relay.ok && parts.relay.code === 'relay-unreachable';
  const sheet = openedBy(run, text);
  if (!isTechnician && !(isCutOff && sheet?.kind === 'wifi')) {
    tell(run, 'sheet-not-now');
    return;
  }
  if (sheet === undefined || sheet.kind === 'enrol') {
    tell(run, sheet === undefined ? 'sheet-unread' : 'already-enrolled');
    return;
  }
  busy.add(run);
  try {
    tell(run, 'taking');
    const result = await take(run, sheet, text);
    tell(run, result);
    if (result === 'taken' && sheet.kind === 'settings') await startAnew(run);
  } finally {
    busy.delete(run);
  }
}

function openedBy({ config, log, ...run }: Run, text: string): ReturnType<typeof openSheet> {
  try {
    const operator = readOperatorKey(run.operatorKeyFile ?? operatorKeyFile);
    const relay = [...trustedKeys(readIdentity(config.stateDir)).values()];
    return openSheet(text, operator === undefined ? relay : [...relay, operator]);
  } catch (error) {
    log.error({ err: error }, 'set-up.keys-unread');
    return undefined;
  }
}

async function take(
  run: Run,
  sheet: WifiSheet | SettingsSheet,
  text: string,
): Promise<'taken' | ErrorCode> {
  const { config, clock, log, identity, stopping } = run;
  const { stateDir } = config;
  return takeSheet(sheet, text, {
    ...{ stateDir, clock, log, signal: stopping.signal },
    own: { kioskId: identity.enrolment.kioskId, site: identity.site },
    links: () => readIdentity(stateDir).enrolment.keys,
    askRoot: run.askRoot ?? createAskRoot(clock),
  });
}

function tell(run: Run, result: 'taking' | 'taken' | ErrorCode): void {
  if (result !== 'taking') run.log.info({ result }, 'set-up.sheet');
  post(run, { kind: 'sheet', result });
}

/** Settings are read at a start; nobody who buys is kept waiting for it. */
async function startAnew(run: Run): Promise<void> {
  const { clock, stopping, ended } = run;
  const { signal } = stopping;
  await wait(clock, readMs, signal);
  for (;;) {
    const { at } = kioskOf(run).state().phase;
    if (signal.aborted) return;
    if (at === 'idle' || at === 'blocked' || at === 'technician') break;
    await wait(clock, lookEveryMs, signal);
  }
  ended.resolve(new Error('settings came by a sheet'));
}
