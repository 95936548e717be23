// The configuration from afar of one run (PROTOCOL.md §9): which one is in use, which one comes next, which one was refused.
// It is changed by a start alone. One that a start did not survive never boots again, and no start fails because of it.
import type { Log } from '../lib/log.ts';
import { KiosError } from '../protocol/errors.ts';
import { openConfig, type ConfigClaims } from '../protocol/remote-config.ts';
import type { TrustedKeys } from '../protocol/proof.ts';
import type { ConfigReport } from '../protocol/topics.ts';
import type { KioskConfig } from './config.ts';
import type { Identity } from './identity.ts';
import { kidOf } from './key-chain.ts';
import { readConfigs, removeNext, writeConfig, type KeptConfigs } from './remote-config-files.ts';
import { fitSettings, type Fitted } from './remote-settings.ts';

export interface TakeUp {
  /** The machine's own, out of its file. */
  own: KioskConfig;
  identity: Identity;
  keys: TrustedKeys;
  /** Nobody is being served: a new one may begin now. */
  mayBegin: () => boolean;
  log: Log;
}

/** One whose signature is good. */
interface Proved {
  token: string;
  claims: ConfigClaims;
}

/** What became of one that was offered. `old`: not above what is here, or was refused. `not-written`: it comes again. */
export type Offered = 'kept' | 'old' | 'not-written' | { refused: string };

const endedWords = 'kios or the machine ended without a word while it was on trial';

/**
 * What a start runs on: the next one, whose trial is noted on the disk before it is used; else the last good one; else the
 * machine's own. Only the holder of the folder's lock calls this. Never throws because of what it finds.
 */
export async function takeUpConfig(given: TakeUp): Promise<RemoteConfig> {
  const { own, identity, keys, mayBegin, log } = given;
  const kept = readConfigs(own.stateDir);
  const { damaged } = kept;
  if (damaged.length > 0) log.error({ files: damaged }, 'config.damaged');
  const remote = new RemoteConfig(given, {
    good: await proved(kept.good?.token, identity, keys, log),
    next: await proved(kept.next?.token, identity, keys, log),
    refused: refusedBefore(kept, identity, keys),
  });
  remote.start(kept.next?.begun === true, mayBegin);
  return remote;
}

async function proved(
  token: string | undefined,
  { enrolment }: Identity,
  keys: TrustedKeys,
  log: Log,
): Promise<Proved | undefined> {
  if (token === undefined) return undefined;
  try {
    return { token, claims: await openConfig(token, enrolment, keys) };
  } catch (error) {
    if (!(error instanceof KiosError)) throw error;
    log.warn({ reason: error.message }, 'config.not-ours');
    return undefined;
  }
}

function refusedBefore(
  { refused }: KeptConfigs,
  { enrolment }: Identity,
  keys: TrustedKeys,
): ConfigReport['refused'] {
  if (refused?.kioskId !== enrolment.kioskId || !keys.has(refused.kid)) return undefined;
  return { version: refused.version, why: refused.why };
}

export class RemoteConfig {
  readonly #given: Omit<TakeUp, 'mayBegin'>;
  #good: Proved | undefined;
  #next: Proved | undefined;
  #refused: ConfigReport['refused'];
  /** The last good one, where this release or the machine's own file does not go with it. It stays the last good one. */
  #notUsed: ConfigReport['refused'];
  #running: Proved | undefined;
  #config: KioskConfig;

  constructor(
    given: TakeUp,
    kept: Record<'good' | 'next', Proved | undefined> & { refused: ConfigReport['refused'] },
  ) {
    this.#given = given;
    this.#config = given.own;
    this.#good = kept.good;
    this.#next = kept.next;
    this.#refused = kept.refused;
  }

  /** What runs; sheets have not been laid over it. */
  get config(): KioskConfig {
    return this.#config;
  }

  /** No version that is not above this one is ever taken. */
  get have(): number {
    const versions = [this.#good, this.#next].map((one) => one?.claims.version ?? 0);
    return Math.max(...versions, this.#refused?.version ?? 0);
  }

  /** What runs has not proved itself yet. */
  get onTrial(): boolean {
    return this.#running !== undefined && this.#running !== this.#good;
  }

  /** It waits for a start. */
  get waits(): boolean {
    return this.#next !== undefined && this.#next !== this.#running;
  }

  /** For the relay, the technician and whoever helps. */
  get report(): ConfigReport {
    const version = this.#running?.claims.version;
    const isNewer = (this.#refused?.version ?? 0) > (version ?? 0);
    const refused = this.#notUsed ?? (isNewer ? this.#refused : undefined);
    return {
      ...(version === undefined ? {} : { version }),
      ...(this.onTrial ? { trial: true } : {}),
      ...(refused === undefined ? {} : { refused }),
    };
  }

  /** The settings that run, over another file of the machine. */
  over(own: KioskConfig): Fitted {
    return this.#running === undefined
      ? { ok: true, config: own }
      : fitSettings(own, this.#running.claims.settings);
  }

  /** Chooses what this run has. @param begun the one before had the next one in use, and said no goodbye */
  start(begun: boolean, mayBegin: () => boolean): void {
    const next = this.#next;
    if (next !== undefined && this.#isSettled(next)) this.#dropNext();
    else if (next !== undefined && begun) this.#refuse(next, endedWords);
    else if (next !== undefined && mayBegin() && this.#begin(next)) return;
    if (this.#good !== undefined) this.#runGood(this.#good);
  }

  /** A power cut between two writes has left it: it is good, or refused, already. */
  #isSettled({ claims: { version } }: Proved): boolean {
    return version <= (this.#good?.claims.version ?? 0) || version === this.#refused?.version;
  }

  /** True: it runs. What cannot be noted is not tried. */
  #begin(next: Proved): boolean {
    const { own, log } = this.#given;
    const fitted = fitSettings(own, next.claims.settings);
    if (!fitted.ok) {
      this.#refuse(next, fitted.why);
      return false;
    }
    const { token, claims } = next;
    const noted = this.#written(() => {
      writeConfig(own.stateDir, 'next', { token, begun: true });
    });
    if (!noted) {
      // On the disk it stays as it was; the relay offers it again, and that says whether the disk takes it.
      this.#next = undefined;
      return false;
    }
    this.#running = next;
    this.#config = fitted.config;
    log.warn({ version: claims.version }, 'config.on-trial');
    return true;
  }

  /** A release that understands it no more runs on the machine's own; the one before it may come back, and finds it. */
  #runGood(good: Proved): void {
    const { own, log } = this.#given;
    const { version, settings } = good.claims;
    const fitted = fitSettings(own, settings);
    if (!fitted.ok) {
      this.#notUsed = { version, why: fitted.why };
      log.error({ version, why: fitted.why }, 'config.not-used');
      return;
    }
    this.#running = good;
    this.#config = fitted.config;
    log.info({ version }, 'config.in-use');
  }

  /** Takes one whose signature is good, for the next start. @param own the machine's file of now */
  offer(token: string, claims: ConfigClaims, own: KioskConfig): Offered {
    const { version } = claims;
    if (version <= this.have) return 'old';
    const offered = { token, claims };
    const fitted = fitSettings(own, claims.settings);
    if (!fitted.ok) {
      this.#refuse(offered, fitted.why);
      return { refused: fitted.why };
    }
    const { stateDir } = this.#given.own;
    const noted = this.#written(() => {
      writeConfig(stateDir, 'next', { token, begun: false });
    });
    if (!noted) return 'not-written';
    this.#next = offered;
    this.#given.log.info({ version }, 'config.kept');
    return 'kept';
  }

  /** What runs has proved itself. False: it had before, or that cannot be written. */
  promote(): boolean {
    const running = this.#running;
    if (running === undefined || !this.onTrial) return false;
    const { stateDir } = this.#given.own;
    const noted = this.#written(() => {
      writeConfig(stateDir, 'good', { token: running.token });
    });
    if (!noted) return false;
    this.#good = running;
    this.#given.log.info({ version: running.claims.version }, 'config.good');
    if (this.#next === running) this.#dropNext();
    return true;
  }

  /** The run ends in order: what is on trial may be tried again. */
  endOrderly(): void {
    const next = this.#next;
    if (next === undefined || next !== this.#running) return;
    const { stateDir } = this.#given.own;
    const { token } = next;
    this.#written(() => {
      writeConfig(stateDir, 'next', { token, begun: false });
    });
  }

  #refuse(one: Proved, why: string): void {
    const { own, identity, log } = this.#given;
    const { version } = one.claims;
    const { kioskId } = identity.enrolment;
    log.error({ version, why }, 'config.refused');
    // Of several the highest is remembered: nothing below it comes again.
    const isHighest = version > (this.#refused?.version ?? 0);
    if (isHighest) this.#refused = { version, why };
    const kid = kidOf(one.token) ?? '';
    const noted =
      !isHighest ||
      this.#written(() => {
        writeConfig(own.stateDir, 'refused', { version, why, kioskId, kid });
      });
    if (one !== this.#next) return;
    this.#next = undefined;
    // Without the note its mark must stay: the next start finds that.
    if (noted) this.#removeNext();
  }

  #dropNext(): void {
    this.#next = undefined;
    this.#removeNext();
  }

  #removeNext(): void {
    this.#written(() => {
      removeNext(this.#given.own.stateDir);
    });
  }

  #written(write: () => void): boolean {
    try {
      write();
      return true;
    } catch (error) {
      if (!(error instanceof KiosError)) throw error;
      this.#given.log.error({ err: error }, 'config.not-written');
      return false;
    }
  }
}
