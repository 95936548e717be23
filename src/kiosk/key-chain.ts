// The relay's keys as this kiosk knows them: those of enrolment, and what was signed with them since (PROTOCOL.md §1).
// It takes no key on anybody's word, and nobody can make it ask without end.
import type { KeyObject } from 'node:crypto';
import { decodeProtectedHeader } from 'jose';
import { keysAnswer, type ChainKey } from '../protocol/api.ts';
import { KiosError } from '../protocol/errors.ts';
import { followLinks, maxLinks, publicKeyOf } from '../protocol/key-chain.ts';
import type { TrustedKeys } from '../protocol/proof.ts';
import { backoffMs, type Backoff } from '../lib/backoff.ts';
import type { Clock } from '../lib/clock.ts';
import type { Log } from '../lib/log.ts';
import { readIdentity, trustedKeys, writeIdentity, type Identity } from './identity.ts';
import { sendByHttp, type Send } from './send.ts';

const timeoutMs = 8_000;
/** 64 links are less than half of it. */
const maxAnswerBytes = 128 * 1024;
/** Between questions that brought nothing: whoever sits on the line may name unknown keys in every answer. */
const askAgain: Backoff = { firstMs: 2_000, maxMs: 60_000 };

export interface RelayKeys {
  /** What is trusted now; it grows. */
  readonly trusted: TrustedKeys;
  /** Fetches and checks the chain when this proof names a key that is not trusted yet. Never rejects. */
  meet(proof: string): Promise<void>;
}

export interface RelayKeysOptions {
  identity: Identity;
  stateDir: string;
  clock: Clock;
  log: Log;
  /** 0 ≤ x < 1, so that a fleet does not ask in one moment. */
  random: () => number;
  /** By HTTP where it is not given. */
  send?: Send;
}

export function createRelayKeys(options: RelayKeysOptions): RelayKeys {
  const { identity, clock, log, random, send = sendByHttp } = options;
  const trusted = new Map<string, KeyObject>(trustedKeys(identity));
  let newest = identity.enrolment.keys.at(-1)?.kid ?? '';
  let asking: Promise<void> | undefined;
  let fruitless = 0;
  let nextAtMs = -Infinity;

  async function ask(): Promise<void> {
    const fresh = await askForLinks();
    fruitless = fresh.length === 0 ? fruitless + 1 : 0;
    nextAtMs = clock.monotonicMs() + backoffMs(askAgain, fruitless, random());
    if (fresh.length > 0) take(fresh);
  }

  async function askForLinks(): Promise<ChainKey[]> {
    try {
      const fresh = await followLinks(trusted, await fetchLinks(send, identity.relayUrl, newest));
      if (trusted.size + fresh.length <= maxLinks) return fresh;
      throw new KiosError('bad-proof', 'more keys than a chain has');
    } catch (error) {
      const reason = error instanceof KiosError ? error.message : 'no answer';
      log.warn({ reason }, 'relay.keys-refused');
      return [];
    }
  }

  function take(fresh: readonly ChainKey[]): void {
    store(options, fresh);
    for (const link of fresh) {
      trusted.set(link.kid, publicKeyOf(link));
      newest = link.kid;
    }
    log.info({ keys: fresh.map(({ kid }) => kid) }, 'relay.keys-learnt');
  }

  return {
    trusted,
    async meet(proof) {
      const kid = kidOf(proof);
      if (kid === undefined || trusted.has(kid)) return;
      if (asking === undefined && clock.monotonicMs() < nextAtMs) return;
      asking ??= ask().finally(() => {
        asking = undefined;
      });
      await asking;
    },
  };
}

/**
 * To the identity on the disk, so that the next boot need not ask. A key that could not be written down is trusted all
 * the same: the chain is at the relay for ever.
 */
function store({ identity, stateDir, log }: RelayKeysOptions, fresh: readonly ChainKey[]): void {
  try {
    const standing = readIdentity(stateDir);
    // Enrolled anew beside this process: that identity has a chain of its own.
    if (standing.privateKeyPem !== identity.privateKeyPem) return;
    const keys = [...standing.enrolment.keys, ...fresh];
    writeIdentity(stateDir, { ...standing, enrolment: { ...standing.enrolment, keys } });
  } catch (error) {
    log.error({ error: String(error) }, 'relay.keys-not-stored');
  }
}

/** @throws KiosError, or what `send` throws */
async function fetchLinks(send: Send, relayUrl: string, after: string): Promise<ChainKey[]> {
  const url = new URL(`/v1/keys?after=${encodeURIComponent(after)}`, relayUrl);
  const { status, text } = await send(url, {
    method: 'GET',
    headers: {},
    limitMs: timeoutMs,
    maxBytes: maxAnswerBytes,
  });
  if (status !== 200) throw new KiosError('relay-unreachable', `HTTP ${status}`);
  return keysAnswer.parse(JSON.parse(text)).keys;
}

/** The name of the key that a proof says it is signed by; undefined for what is no proof. */
export function kidOf(proof: string): string | undefined {
  try {
    return decodeProtectedHeader(proof).kid;
  } catch (error) {
    if (error instanceof TypeError) return undefined;
    throw error;
  }
}
