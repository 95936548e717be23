// Asks the relay for a configuration from afar, ends the run for it in a moment in which nobody is served, and sees whether
// the one that runs proves itself. It changes nothing of the run that it is part of.
import { ConfigError } from '../lib/config-file.ts';
import { wait } from '../lib/clock.ts';
import { KiosError } from '../protocol/errors.ts';
import { configAnswer, openConfig } from '../protocol/remote-config.ts';
import { isIdle, startAnew } from './commands-run.ts';
import { missingParts } from './missing.ts';
import { proveTrial } from './remote-config-trial.ts';
import { kioskOf, publishStatus, type AskedConfig, type Run } from './selling.ts';

const askEveryMs = 300_000;
/** A megabyte over a poor line. */
const answerLimitMs = 60_000;
const lookEveryMs = 1_000;
/** A file of the machine that cannot be used now is looked at again so much later. */
const againMs = 60_000;

/** Starts it all; each part ends with the run. */
export function watchRemoteConfig(run: Run): void {
  let asking: Promise<AskedConfig> | undefined;
  run.askConfig = () =>
    (asking ??= ask(run).finally(() => {
      asking = undefined;
    }));
  void askAlways(run);
  const { clock, stopping, remote } = run;
  void proveTrial({
    ...{ clock, remote, signal: stopping.signal },
    isWell: () => canSell(run),
    hasSold: () => run.hasSold === true,
    proved: () => {
      publishStatus(run);
    },
  });
  if (remote.waits) void endForNext(run);
}

async function askAlways({ clock, stopping, askConfig }: Run): Promise<void> {
  while (!stopping.signal.aborted) {
    await askConfig?.();
    await wait(clock, askEveryMs, stopping.signal);
  }
}

async function ask(run: Run): Promise<AskedConfig> {
  const { client, keys, identity, remote, log } = run;
  const path = `/v1/config?have=${remote.have}`;
  const answer = await client.ask('GET', path, undefined, configAnswer, answerLimitMs);
  if (!answer.ok) return { kind: 'failed', code: answer.failure.code };
  const token = answer.value.config?.token;
  if (token === undefined) return { kind: 'none' };
  try {
    await keys.meet(token);
    const claims = await openConfig(token, identity.enrolment, keys.trusted);
    const { version } = claims;
    const hadOne = remote.waits;
    const offered = remote.offer(token, claims, run.rereadConfig?.() ?? run.ownConfig);
    if (typeof offered === 'object') {
      publishStatus(run);
      return { kind: 'refused', version, why: offered.refused };
    }
    if (offered !== 'kept') return { kind: 'none' };
    if (!hadOne) void endForNext(run);
    return { kind: 'kept', version };
  } catch (error) {
    if (error instanceof ConfigError) {
      // Not the relay's fault: it is asked again when the machine's own file is mended.
      log.warn({ faults: error.faults.length }, 'config.own-file-broken');
      return { kind: 'failed', code: 'config-invalid' };
    }
    if (!(error instanceof KiosError)) throw error;
    log.warn({ reason: error.message }, 'config.forged');
    return { kind: 'failed', code: error.code };
  }
}

/** Never while somebody is served, and never into a start that would fail. */
async function endForNext(run: Run): Promise<void> {
  const { clock, remote, stopping } = run;
  const { signal } = stopping;
  while (!signal.aborted && remote.waits) {
    if (!isIdle(kioskOf(run).state()) || run.journalFault !== undefined) {
      await wait(clock, lookEveryMs, signal);
    } else if (startsWell(run)) {
      startAnew(run, 'there is a newer configuration from the relay');
      return;
    } else {
      await wait(clock, againMs, signal);
    }
  }
}

/** A start refuses a version that does not fit; it cannot refuse the machine's own file. */
function startsWell({ rereadConfig, log }: Run): boolean {
  try {
    rereadConfig?.();
    return true;
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    log.warn({ faults: error.faults.length }, 'config.own-file-broken');
    return false;
  }
}

function canSell(run: Run): boolean {
  return (
    run.journalFault === undefined && missingParts(kioskOf(run).state(), run.rules).length === 0
  );
}
