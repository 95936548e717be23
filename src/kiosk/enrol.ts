// Enrolment: the kiosk makes its key, gives the one-time code and the public half to the relay, and keeps the answer.
import { enrolAnswer, problem } from '../protocol/api.ts';
import { isErrorCode, KiosError } from '../protocol/errors.ts';
import { isSafeAddress } from '../protocol/safe-address.ts';
import {
  endEnrolment,
  enrolmentKey,
  hasIdentity,
  plainLine,
  writeIdentity,
  type Identity,
} from './identity.ts';
import { makeStateFolder } from './state-folder.ts';

const timeoutMs = 15_000;

export interface EnrolOptions {
  relayUrl: string;
  code: string;
  stateDir: string;
  /** The machine's serial number, where it has one. */
  serial?: string;
  /** Replace an identity that is already there: the old life of this kiosk ends. */
  force: boolean;
}

/**
 * Enrols this kiosk. The same code can be given again when the answer was lost: key and answer stay the same.
 * @throws KiosError with what to do
 */
export async function enrol(options: EnrolOptions): Promise<Identity> {
  const { relayUrl, code, stateDir, serial, force } = options;
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
    enrolment: enrolAnswer.parse(answer),
    ...(serial === undefined ? {} : { serial }),
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

async function ask(url: URL, body: unknown): Promise<unknown> {
  let response: Response;
  try {
    response = await fetch(url, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
      redirect: 'error',
      signal: AbortSignal.timeout(timeoutMs),
    });
  } catch (error) {
    throw new KiosError(
      'relay-unreachable',
      `${url.origin} does not answer; check the address, the network and the relay`,
      error,
    );
  }
  const answer: unknown = await response.json().catch(() => undefined);
  if (response.ok) return answer;
  const told = problem.safeParse(answer).data;
  if (told !== undefined && isErrorCode(told.code)) {
    throw new KiosError(told.code, told.detail ?? told.title);
  }
  throw new KiosError(
    'relay-unreachable',
    `${url.origin} answered ${response.status}, not as a relay does`,
  );
}
