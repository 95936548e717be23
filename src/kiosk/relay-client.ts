// The kiosk's calls to the relay. It turns every answer into what the machine understands: a proved sale, or how the
// request failed. It believes nothing without a proof, and never says `unsent` of what may have left.
import { randomBytes } from 'node:crypto';
import type { z } from 'zod';
import {
  ackAnswer,
  changesAnswer,
  problem,
  recoverAnswer,
  redeemAnswer,
  redeemResultAnswer,
  timeAnswer,
  type ChangesAnswer,
  type RecoverAnswer,
  type RecoverBody,
} from '../protocol/api.ts';
import { parseJson } from '../lib/parse-json.ts';
import { errors, isErrorCode, KiosError, type ErrorCode } from '../protocol/errors.ts';
import {
  nonceHeader,
  openProof,
  timeClaims,
  verifyGrant,
  verifyHeard,
  verifySale,
  type TrustedKeys,
} from '../protocol/proof.ts';
import { signReport, type SaleReport } from '../protocol/report.ts';
import { sale as saleSchema, type Sale } from '../protocol/sale.ts';
import { signKioskToken, skewNonce, tokenLifeS } from '../protocol/token.ts';
import type { Clock } from '../lib/clock.ts';
import type { Log } from '../lib/log.ts';
import type { Effect, RequestFailure, Told } from './state.ts';
import { privateKeyOf, type Identity } from './identity.ts';
import type { ProvedSale } from './past-sales.ts';
import type { RecoverPage } from './recover.ts';
import { sendByHttp, type Send } from './send.ts';

export type Answer<T> = { ok: true; value: T } | { ok: false; failure: RequestFailure };

/** A charge waits for Midtrans; everything else is the relay alone. */
const chargeTimeoutMs = 15_000;
const timeoutMs = 8_000;
/** The relay stores hundreds of sales before it answers. */
const recoverTimeoutMs = 30_000;
/** A token lives five minutes, so so much does no harm. */
const clockToleranceMs = 30_000;
/** No answer of the relay is larger: a page of changes with QR texts. */
const maxAnswerBytes = 2 * 1024 * 1024;

export interface RelayClient {
  charge(effect: Extract<Effect, { kind: 'charge' }>): Promise<Answer<Told>>;
  look(saleId: string): Promise<Answer<Told>>;
  stop(effect: Extract<Effect, { kind: 'stop' }>): Promise<Answer<Told>>;
  /** Taken only when the relay's own signature says so. */
  report(effect: Extract<Effect, { kind: 'report' }>): Promise<Answer<Told>>;
  /** @param ledgerId the ledger that `since` is of: a relay that has another one refuses with `ledger-differs`. */
  changes(
    since: string,
    ledgerId: string,
  ): Promise<Answer<{ told: Told[]; answer: ChangesAnswer }>>;
  /** What the relay has signed for, given back after it was restored from a backup. */
  recover(page: RecoverPage): Promise<Answer<RecoverAnswer>>;
  /** Asks for the grant of one dispense; answered well only when it is signed for exactly this one. */
  redeem(effect: Extract<Effect, { kind: 'redeem' }>): Promise<Answer<unknown>>;
  /** Whether the goods of a granted dispense came out. */
  redeemResult(redemption: {
    saleId: string;
    dispenseId: string;
    result: 'done' | 'failed' | 'unknown';
  }): Promise<Answer<unknown>>;
  ack(ledgerId: string, upTo: number): Promise<Answer<unknown>>;
  /** Whether the relay answers, and is the one that this kiosk trusts. */
  probe(): Promise<Answer<unknown>>;
  /** A fresh password for the broker: good for nothing else, because the broker sees it. */
  brokerToken(): Promise<string>;
  /** A call about no sale: of its answer is believed only what proves itself. */
  ask<T>(
    method: string,
    path: string,
    body: unknown,
    shape: z.ZodType<T>,
    limitMs?: number,
  ): Promise<Answer<T>>;
  /** Proves a document that came another way. @throws KiosError `bad-proof` */
  prove(document: Sale, askedAtMs: number): Promise<Told>;
}

export interface RelayClientOptions {
  identity: Identity;
  /** May grow while the client lives. */
  keys: TrustedKeys;
  /** Called with every proof before it is opened: it may add the key that the proof names to `keys`. */
  meetKey?: (proof: string) => Promise<void>;
  bootId: string;
  clock: Clock;
  log: Log;
  /** By HTTP where it is not given. */
  send?: Send;
  /** The relay's signed time was heard: so much must be added to ours. */
  onTime?: (offsetMs: number) => void;
}

export function createRelayClient(options: RelayClientOptions): RelayClient {
  const { identity, keys, meetKey, bootId, clock, log, send = sendByHttp } = options;
  const { kioskId, environment } = identity.enrolment;
  const privateKey = privateKeyOf(identity);
  /** Relay's clock minus ours, learnt from a signed `clock-skew` answer. */
  let offsetMs = 0;
  let cached: { token: string; untilMs: number } | undefined;

  const token = async (): Promise<string> => {
    const now = clock.monotonicMs();
    if (cached === undefined || now >= cached.untilMs) {
      const made = await signKioskToken({ kioskId, bootId }, privateKey, clock.nowMs() + offsetMs);
      cached = { token: made, untilMs: now + (tokenLifeS / 2) * 1000 };
    }
    return cached.token;
  };

  const sign = (report: SaleReport): string =>
    signReport(report, privateKey, clock.nowMs() + offsetMs);

  const prove = async (document: Sale, askedAtMs: number, asked?: string): Promise<Told> => {
    const nonce = asked === undefined ? {} : { nonce: asked };
    await meetKey?.(document.proof);
    await verifySale(document, { kioskId, environment, ...nonce }, keys);
    return toTold(document, askedAtMs);
  };

  /** Believes a `clock-skew` only with the relay's signature, and only for the token that was refused. */
  const learnClock = async (proof: string, refused: string): Promise<void> => {
    await meetKey?.(proof);
    const { time, nonce } = await openProof(proof, 'kios-time', timeClaims, keys);
    if (nonce !== skewNonce(refused))
      throw new KiosError('bad-proof', 'the time answers another call');
    setClock(Date.parse(time) - clock.nowMs());
  };

  /** Small differences are the way there and back; a clock that is really off would be refused by broker and relay. */
  const setClock = (measuredMs: number): void => {
    const needed = Math.abs(measuredMs) < clockToleranceMs ? 0 : measuredMs;
    options.onTime?.(needed);
    if (Math.abs(needed - offsetMs) < clockToleranceMs) return;
    offsetMs = needed;
    cached = undefined;
    log.warn({ offsetMs }, 'clock.offset-learnt');
  };

  const call = async <T>(
    method: string,
    path: string,
    body: unknown,
    shape: z.ZodType<T>,
    nonce: string,
    limitMs = timeoutMs,
    again = true,
  ): Promise<Answer<T>> => {
    const url = new URL(path, identity.relayUrl);
    const sent = await token();
    let status: number;
    let text: string;
    try {
      ({ status, text } = await send(url, {
        method,
        headers: {
          authorization: `Bearer ${sent}`,
          [nonceHeader]: nonce,
          ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
        limitMs,
        maxBytes: maxAnswerBytes,
      }));
    } catch (error) {
      return { ok: false, failure: transportFailure(error) };
    }
    if (status >= 200 && status < 300) {
      const parsed = shape.safeParse(parseJson(text));
      if (parsed.success) return { ok: true, value: parsed.data };
      log.warn({ path: url.pathname, status }, 'relay.strange-answer');
      return { ok: false, failure: { kind: 'lost', code: 'relay-unreachable' } };
    }
    const told = problem.safeParse(parseJson(text)).data;
    if (told?.code === 'clock-skew' && told.time !== undefined && again) {
      try {
        await learnClock(told.time, sent);
        // The offset may be too small to matter; this token is refused all the same, for as long as it would be good.
        cached = undefined;
      } catch (error) {
        if (!(error instanceof KiosError)) throw error;
        return { ok: false, failure: { kind: 'lost', code: 'bad-proof' } };
      }
      return call(method, path, body, shape, nonce, limitMs, false);
    }
    // By a token that is signed after this the relay tells a copy from a call that was long on the way (PROTOCOL.md §8).
    if (told?.code === 'kiosk-cloned') cached = undefined;
    return { ok: false, failure: statusFailure(status, told?.code) };
  };

  const saleCall = async (
    method: string,
    path: string,
    body: unknown,
    limitMs?: number,
  ): Promise<Answer<Told>> => {
    const askedAtMs = clock.monotonicMs();
    const nonce = freshNonce();
    const answer = await call(method, path, body, saleSchema, nonce, limitMs);
    if (!answer.ok) return answer;
    return proven(path, async () => prove(answer.value, askedAtMs, nonce));
  };

  /** What a proof does not carry is as good as not answered. */
  const proven = async <T>(path: string, check: () => Promise<T>): Promise<Answer<T>> => {
    try {
      return { ok: true, value: await check() };
    } catch (error) {
      if (!(error instanceof KiosError)) throw error;
      log.warn({ path, reason: error.message }, 'relay.bad-proof');
      return lost('bad-proof');
    }
  };

  const report = async (effect: Extract<Effect, { kind: 'report' }>): Promise<Answer<Told>> => {
    const { saleId, result, detail } = effect;
    const signed = sign({ saleId, result });
    const body = { result, signed, ...(detail === undefined ? {} : { detail }) };
    const answer = await saleCall('POST', `/v1/sales/${saleId}/fulfilment`, body);
    // A page of some proxy is no relay: only its own signature over our word, or over another one, ends the report.
    if (answer.ok) return answer.value.fulfilment === result ? answer : lost('bad-proof');
    if (answer.failure.code !== 'fulfilment-mismatch') return answer;
    const seen = await saleCall('GET', `/v1/sales/${saleId}`, undefined);
    if (!seen.ok) return seen;
    return seen.value.fulfilment === undefined ? lost('bad-proof') : answer;
  };

  return {
    brokerToken: async () =>
      signKioskToken({ kioskId, bootId }, privateKey, clock.nowMs() + offsetMs, 'kios-broker'),
    prove: async (document, askedAtMs) => {
      const told = await prove(document, askedAtMs);
      // PROTOCOL.md §1: MQTT carries no durations. An answer to some older question would.
      if (told.expiresInMs === undefined && told.settledAgoMs === undefined) return told;
      throw new KiosError('bad-proof', 'an answer came as a message');
    },
    ask: (method, path, body, shape, limitMs) =>
      call(method, path, body, shape, freshNonce(), limitMs),
    charge: ({ saleId, amountIdr, items }) =>
      saleCall(
        'PUT',
        `/v1/sales/${saleId}`,
        items.length === 0 ? { amountIdr } : { amountIdr, items },
        chargeTimeoutMs,
      ),
    look: (saleId) => saleCall('GET', `/v1/sales/${saleId}`, undefined),
    stop: ({ saleId, amountIdr, reason }) =>
      saleCall('POST', `/v1/sales/${saleId}/cancel`, { reason, amountIdr }, chargeTimeoutMs),
    report,
    changes: async (since, ledgerId) => {
      const askedAtMs = clock.monotonicMs();
      const nonce = freshNonce();
      const path = `/v1/changes?${new URLSearchParams({ since, ledgerId }).toString()}`;
      const answer = await call('GET', path, undefined, changesAnswer, nonce);
      if (!answer.ok) return answer;
      return proven(path, async () => {
        const told: Told[] = [];
        for (const document of answer.value.sales) {
          told.push(await prove(document, askedAtMs, nonce));
        }
        return { told, answer: answer.value };
      });
    },
    recover: ({ sales, ...since }) => {
      const body: RecoverBody = { sales: sales.map((past) => signedSale(past, sign)), ...since };
      return call('POST', '/v1/recover', body, recoverAnswer, freshNonce(), recoverTimeoutMs);
    },
    redeem: async ({ saleId, amountIdr, dispenseId }) => {
      const path = `/v1/claims/${saleId}/redeem`;
      const answer = await call('POST', path, { dispenseId }, redeemAnswer, freshNonce());
      if (!answer.ok) return answer;
      const { grant } = answer.value;
      return proven(path, async () => {
        await meetKey?.(grant);
        await verifyGrant(grant, { environment, kioskId, saleId, amountIdr, dispenseId }, keys);
      });
    },
    redeemResult: async ({ saleId, dispenseId, result }) => {
      const path = `/v1/claims/${saleId}/result`;
      const body = { dispenseId, result, signed: sign({ saleId, dispenseId, result }) };
      const answer = await call('POST', path, body, redeemResultAnswer, freshNonce());
      if (!answer.ok) return answer;
      const { proof } = answer.value;
      return proven(path, async () => {
        await meetKey?.(proof);
        await verifyHeard(proof, { environment, kioskId, saleId, dispenseId, result }, keys);
      });
    },
    ack: (ledgerId, upTo) => call('POST', '/v1/ack', { ledgerId, upTo }, ackAnswer, freshNonce()),
    probe: async () => {
      const nonce = freshNonce();
      const answer = await call('GET', `/v1/time?nonce=${nonce}`, undefined, timeAnswer, nonce);
      if (!answer.ok) return answer;
      return proven('/v1/time', async () => {
        await meetKey?.(answer.value.proof);
        const claims = await openProof(answer.value.proof, 'kios-time', timeClaims, keys);
        if (claims.nonce !== nonce)
          throw new KiosError('bad-proof', 'the time answers another call');
        setClock(Date.parse(claims.time) - clock.nowMs());
        return claims;
      });
    },
  };
}

/** What it reports of a past sale carries this kiosk's word, as any report does; `unreported` is the relay's own. */
function signedSale(
  { saleId, proof, fulfilment: result }: ProvedSale,
  sign: (report: SaleReport) => string,
): RecoverBody['sales'][number] {
  if (result === undefined) return { proof };
  if (result === 'unreported') return { proof, fulfilment: result };
  return { proof, fulfilment: result, signed: sign({ saleId, result }) };
}

/** Says which question an answer belongs to. */
function freshNonce(): string {
  return randomBytes(18).toString('base64url');
}

function lost(code: ErrorCode): { ok: false; failure: RequestFailure } {
  return { ok: false, failure: { kind: 'lost', code } };
}

function toTold(document: Sale, askedAtMs: number): Told {
  const { saleId, amountIdr, verdict, seq, prev, ledgerId, proof } = document;
  const { fulfilment, qrString, reason, expiresInMs, settledAgoMs } = document;
  return {
    saleId,
    amountIdr,
    verdict,
    seq,
    prev,
    ledgerId,
    askedAtMs,
    proof,
    ...(fulfilment === undefined ? {} : { fulfilment }),
    ...(qrString === undefined ? {} : { qrString }),
    ...(reason === undefined ? {} : { reason }),
    ...(expiresInMs === undefined ? {} : { expiresInMs }),
    ...(settledAgoMs === undefined ? {} : { settledAgoMs }),
  };
}

/** These end a connection before a byte of the request was sent. Everything else is `lost`. */
const unsentCodes = new Set([
  'ECONNREFUSED',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
]);

function transportFailure(error: unknown): RequestFailure {
  const cause =
    error instanceof Error ? (error.cause as { code?: unknown } | undefined) : undefined;
  const code = typeof cause?.code === 'string' ? cause.code : '';
  return { kind: unsentCodes.has(code) ? 'unsent' : 'lost', code: 'relay-unreachable' };
}

/** 5xx and 429 say nothing about the sale; a 4xx is the relay's own refusal, as far as it has our code. */
function statusFailure(status: number, code: string | undefined): RequestFailure {
  // Nothing was taken, and it will not be within a customer's patience: a cancel follows, not half a minute of tries.
  if (code === 'gateway-down') return { kind: 'refused', code, retryable: false };
  // The relay is there and says why not: the screen says it, too.
  if (code === 'recovering') return { kind: 'refused', code, retryable: true };
  if (code !== undefined && isErrorCode(code) && status < 500) {
    return { kind: 'refused', code, retryable: errors[code].retryable };
  }
  return { kind: 'lost', code: 'relay-unreachable' };
}
