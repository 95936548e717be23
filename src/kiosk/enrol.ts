// Enrolment: the kiosk makes its key, gives the one-time code and the public half to the relay, and keeps the answer. With
// the relay's key out of band it believes nothing that this key has not signed.
import {
  enrolAnswer,
  enrolledClaims,
  problem,
  signedEnrolAnswer,
  type EnrolAnswer,
} from '../protocol/api.ts';
import { parseJson } from '../lib/parse-json.ts';
import { isErrorCode, KiosError } from '../protocol/errors.ts';
import { followLinks, publicKeyOf } from '../protocol/key-chain.ts';
import { openProof } from '../protocol/proof.ts';
import { isSafeAddress } from '../protocol/safe-address.ts';
import {
  endEnrolment,
  enrolmentKey,
  hasIdentity,
  plainLine,
  writeIdentity,
  type Identity,
} from './identity.ts';
import { sendByHttp, type SendAnswer } from './send.ts';
import { makeStateFolder } from './state-folder.ts';

const timeoutMs = 15_000;
/** A chain of 64 keys, once plain and once signed (protocol/api.ts). */
const maxAnswerBytes = 128 * 1024;

export interface EnrolOptions {
  relayUrl: string;
  code: string;
  stateDir: string;
  /** The machine's serial number, where it has one. */
  serial?: string;
  /** `x` of a key by which the relay signs, from the set-up QR. Without it the certificate alone says who the relay is. */
  pin?: string;
  /** The site that this kiosk belongs to: whose sheets it takes. */
  site?: string;
  /** Replace an identity that is already there: the old life of this kiosk ends. */
  force: boolean;
}

/**
 * Enrols this kiosk. The same code can be given again when the answer was lost: key and answer stay the same.
 * @throws KiosError with what to do
 */
export async function enrol(options: EnrolOptions): Promise<Identity> {
  const { relayUrl, code, stateDir, serial, pin, site, force } = options;
  if (hasIdentity(stateDir) && !force) {
    throw new KiosError(
      'enrolment-refused',
      `${stateDir} already holds an identity; --force replaces it and ends the old one`,
    );
  }
  // Whoever sees the code uses it first, or answers with keys of his own.
  if (!isSafeAddress(relayUrl, 'https:')) {
    throw new KiosError('enrolment-refused', `${relayUrl} is not https; nothing was sent there`);
  }
  makeStateFolder(stateDir);
  const { privateKeyPem, publicKey } = enrolmentKey(stateDir);
  const body = { code, publicKey, ...(serial === undefined ? {} : { serial }) };
  const answer = await ask(new URL('/v1/enrol', relayUrl), body);
  const identity: Identity = {
    relayUrl,
    privateKeyPem,
    enrolment: await believed(answer, publicKey.x, pin),
    ...(serial === undefined ? {} : { serial }),
    ...(site === undefined ? {} : { site }),
  };
  const plain = plainLine(identity);
  if (plain !== undefined) {
    const mend = 'name an mqtts publicUrl in its configuration, start it again and repeat this';
    throw new KiosError('enrolment-refused', `${plain}: ${mend}; the code still serves`);
  }
  writeIdentity(stateDir, identity);
  endEnrolment(stateDir);
  return identity;
}

/** What of an answer is believed: all of it, or with a pin what that key, or one that follows it, has signed for us. */
async function believed(
  answer: unknown,
  kioskKey: string,
  pin: string | undefined,
): Promise<EnrolAnswer> {
  const told = signedEnrolAnswer.safeParse(answer);
  if (!told.success) {
    throw new KiosError('relay-unreachable', 'what answered is no relay of kios', told.error);
  }
  const { signed = '', ...plain } = told.data;
  if (pin === undefined) return plain;
  // Keys from before the pinned one are none of ours: nothing that we trust has signed them.
  const place = plain.keys.findIndex(({ publicKey }) => publicKey.x === pin);
  const keys = place < 0 ? [] : plain.keys.slice(place);
  const [first] = keys;
  if (first === undefined) {
    throw new KiosError(
      'bad-proof',
      `the relay that answered is not the one whose key was given; ${mend}`,
    );
  }
  const trusted = new Map([[first.kid, publicKeyOf(first)]]);
  for (const link of await followLinks(trusted, keys)) trusted.set(link.kid, publicKeyOf(link));
  const claims = await openProof(signed, 'kios-enrolled', enrolledClaims, trusted);
  if (claims.kioskKey !== kioskKey) {
    throw new KiosError('bad-proof', `somebody else was enrolled with this code; ${mend}`);
  }
  const { kioskKey: _ours, ...enrolment } = claims;
  return { ...enrolAnswer.parse(enrolment), keys };
}

const mend =
  'revoke what was enrolled, look who stands between (or whether the key was mistyped), and make a new code';

/** What OpenSSL says of a certificate whose dates do not hold by our clock. */
const dateCodes: readonly unknown[] = ['CERT_NOT_YET_VALID', 'CERT_HAS_EXPIRED'];

async function ask(url: URL, body: unknown): Promise<unknown> {
  let response: SendAnswer;
  try {
    response = await sendByHttp(url, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
      limitMs: timeoutMs,
      maxBytes: maxAnswerBytes,
    });
  } catch (error) {
    const cause = error instanceof Error ? error.cause : undefined;
    if (cause instanceof Error && 'code' in cause && dateCodes.includes(cause.code)) {
      const what = 'its certificate is not valid by the clock of this machine; set the clock';
      throw new KiosError('clock-wrong', `${url.origin}: ${what}`, error);
    }
    throw new KiosError(
      'relay-unreachable',
      `${url.origin} does not answer; check the address, the network and the relay`,
      error,
    );
  }
  const { status, text } = response;
  const answer = parseJson(text);
  if (status >= 200 && status < 300) return answer;
  const told = problem.safeParse(answer).data;
  if (told !== undefined && isErrorCode(told.code)) {
    throw new KiosError(told.code, told.detail ?? told.title);
  }
  throw new KiosError('relay-unreachable', `${url.origin} answered ${status}, not as a relay does`);
}
