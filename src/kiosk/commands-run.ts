// What commands do at a kiosk that sells: the deeds behind their names. None of them touches a sale, moves goods or shows
// a secret.
import { isDeepStrictEqual } from 'node:util';
import { ConfigError } from '../lib/config-file.ts';
import { wait } from '../lib/clock.ts';
import { openCommand } from '../protocol/command.ts';
import { KiosError } from '../protocol/errors.ts';
import { maxWhy } from '../protocol/root-request.ts';
import { supportAnswer } from '../protocol/support.ts';
import { createAskRoot } from './ask-root.ts';
import { Commands, type Deeds, type Did } from './commands.ts';
import { readMemory, type Memory } from './commands-memory.ts';
import { readIdentity } from './identity.ts';
import { draw, kioskOf, noteHealth, publishStatus, type AskedConfig, type Run } from './selling.ts';
import { withSheetSettings } from './sheet-settings.ts';
import type { Effect, State } from './state.ts';

/** How often what MQTT has lost is asked for: while the broker is away, and while it is there. */
const fetchAloneMs = 30_000;
const fetchMs = 300_000;
/** Root waits for a quiet moment by itself; whoever asked is told so much sooner. */
const rootLimitMs = 60_000;
/** A megabyte over a poor line. */
const bundleLimitMs = 120_000;

type Perform = (effect: Effect) => void;

/** Nobody is being served. */
export function isIdle({ phase }: State): boolean {
  return phase.at === 'idle' || phase.at === 'blocked';
}

/** Takes up what the kiosk remembers, and says so to machine and screen before anything can be sold. */
export function openCommands(run: Run, perform: Perform): Commands {
  const { config, bootId, identity, client, keys, clock, log, random, stopping } = run;
  const { kioskId, environment } = identity.enrolment;
  const commands = new Commands({
    ...{ stateDir: config.stateDir, bootId, client, clock, log, random },
    memory: remembered(run),
    open: async (token) => {
      await keys.meet(token);
      return openCommand(token, { kioskId, environment }, keys.trusted);
    },
    relayMs: () =>
      run.relayAheadMs === undefined ? undefined : clock.monotonicMs() + run.relayAheadMs,
    idle: () => isIdle(kioskOf(run).state()),
    deeds: deedsOf(run, perform),
    changed: () => {
      tellChange(run, commands);
    },
    counted: () => {
      publishStatus(run);
    },
  });
  run.commands = commands;
  tellChange(run, commands);
  commands.start();
  void fetchCommands(run, commands, stopping.signal);
  return commands;
}

/** A file that cannot be used costs what was asked for before, and nothing else: the kiosk sells. */
function remembered({ config, log }: Run): Memory | undefined {
  try {
    return readMemory(config.stateDir);
  } catch (error) {
    if (!(error instanceof KiosError)) throw error;
    log.error({ err: error }, 'command.memory-lost');
    return undefined;
  }
}

/** This run ends: what was begun is in the journal, and a customer who comes now is told at once. */
export function beginNothingMore(run: Run): void {
  noteHealth(run, 'operator', { ok: false, code: 'out-of-service' });
}

function tellChange(run: Run, commands: Commands): void {
  const closed = { ok: false, code: 'out-of-service' } as const;
  noteHealth(run, 'operator', commands.outOfService ? closed : { ok: true });
  draw(run, kioskOf(run).state());
}

async function fetchCommands(run: Run, commands: Commands, signal: AbortSignal): Promise<void> {
  const { clock } = run;
  let nextAtMs = -Infinity;
  while (!signal.aborted) {
    const alone = !kioskOf(run).state().parts.broker.ok;
    if (alone || clock.monotonicMs() >= nextAtMs) {
      nextAtMs = clock.monotonicMs() + fetchMs;
      await commands.fetch();
    }
    await wait(clock, fetchAloneMs, signal);
  }
}

function deedsOf(run: Run, perform: Perform): Deeds {
  const { rereadConfig, makeBundle } = run;
  return {
    restart: () => Promise.resolve(startAnew(run, 'the operator has asked for it')),
    ...(rereadConfig === undefined ? {} : { 'reload-config': () => reload(run, rereadConfig) }),
    ...(makeBundle === undefined ? {} : { 'send-bundle': () => sendBundle(run, makeBundle) }),
    ...(run.config.printer === undefined ? {} : { 'test-print': () => printTest(run, perform) }),
    'console-on': (token, id) => switchConsole(run, token, id),
    'console-off': (token, id) => switchConsole(run, token, id),
  };
}

/** The run ends, to be started anew; nothing begins meanwhile. */
export function startAnew(run: Run, why: string): 'ends' {
  beginNothingMore(run);
  run.ended.resolve(new Error(`it starts anew: ${why}`));
  return 'ends';
}

/** Its own file first: a new start asks the relay by itself. A configuration that does not hold is never started with. */
async function reload(run: Run, reread: NonNullable<Run['rereadConfig']>): Promise<Did> {
  try {
    const fitted = run.remote.over(reread());
    if (!fitted.ok) return failed(`with the configuration from the relay: ${fitted.why}`);
    if (!isDeepStrictEqual(withSheetSettings(fitted.config), run.config))
      return startAnew(run, 'its configuration has changed');
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return failed(error.message);
  }
  return toldOf((await run.askConfig?.()) ?? { kind: 'none' });
}

function toldOf(asked: AskedConfig): Did {
  switch (asked.kind) {
    case 'none':
      return done('nothing in it has changed');
    case 'kept':
      return done(`${asked.version} is kept, and tried when nobody is served`);
    case 'refused':
      return failed(`${asked.version} is refused: ${asked.why}`);
    case 'failed':
      return failed(`its own file has not changed; the relay gave none: ${asked.code}`);
  }
}

async function sendBundle(run: Run, make: NonNullable<Run['makeBundle']>): Promise<Did> {
  const { kioskId } = run.identity.enrolment;
  let bundle: Uint8Array;
  try {
    bundle = await make();
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    return failed(`no bundle could be made: ${error.message}`);
  }
  const body = { bundle: Buffer.from(bundle).toString('base64') };
  const path = `/v1/kiosks/${kioskId}/support`;
  const answer = await run.client.ask('POST', path, body, supportAnswer, bundleLimitMs);
  if (answer.ok) return done(`${bundle.length} bytes, kept as ${answer.value.name}`);
  return failed(`the relay has not taken it: ${answer.failure.code}`);
}

async function printTest(run: Run, perform: Perform): Promise<Did> {
  const printed = Promise.withResolvers<Did>();
  run.testPrinted = ({ result, code }) => {
    if (result === 'printed') printed.resolve(done('the printer says that it is printed'));
    else if (result === 'unknown') printed.resolve(done('sent; the printer cannot say more'));
    else printed.resolve(failed(`it was not printed: ${code ?? 'printer-lost'}`));
  };
  perform({ kind: 'print', slip: 'test' });
  return printed.promise;
}

/** Root verifies the same command itself (docs/DESIGN.md §7). */
async function switchConsole(
  { config, clock, stopping, askRoot = createAskRoot(clock) }: Run,
  token: string,
  id: string,
): Promise<Did> {
  const links = [...readIdentity(config.stateDir).enrolment.keys];
  const answer = await askRoot('console', { id, token, links }, rootLimitMs, stopping.signal);
  return answer === undefined
    ? failed('root has not answered')
    : { outcome: answer.outcome, why: answer.why };
}

function done(why: string): Exclude<Did, 'ends'> {
  return { outcome: 'done', why };
}

function failed(why: string): Exclude<Did, 'ends'> {
  return { outcome: 'failed', why: why.replaceAll(/\p{Cc}+/gu, ' ').slice(0, maxWhy) };
}
